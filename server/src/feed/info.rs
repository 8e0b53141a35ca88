//! What `XINFO` tells of the feed and its groups.

use std::sync::Arc;

use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::Writer;

use super::count::Counted;
use super::page::{Page, Stretch};
use super::reply::id;
use super::{Feed, FeedError};

impl Feed {
    pub(super) async fn describe(self: &Arc<Self>, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let groups = self.groups().await?.len();
        let (counted, oldest, first, last) = self.read(|feed| feed.ends()).await?;
        writer.map(10);
        number(writer, "length", counted.entries);
        // Of the trees that Redis keeps, there are none.
        number(writer, "radix-tree-keys", 1);
        number(writer, "radix-tree-nodes", 2);
        text(writer, "last-generated-id", &id(counted.last.unwrap_or(0)));
        text(writer, "max-deleted-entry-id", &id(oldest - 1));
        number(writer, "entries-added", counted.ever);
        text(writer, "recorded-first-entry-id", &id(first.ids.first().copied().unwrap_or(0)));
        number(writer, "groups", groups as u64);
        for (name, page) in [("first-entry", first), ("last-entry", last)] {
            writer.bulk(name);
            if page.ids.is_empty() { writer.null() } else { writer.encoded(&page.entries) }
        }
        Ok(())
    }

    /// How many entries there are, what is kept, and the first and the last entry.
    fn ends(&self) -> Result<(Counted, u64, Page, Page), FeedError> {
        let oldest = self.oldest()?;
        let stretch = Stretch { from: oldest, to: u64::MAX, most: 1 };
        Ok((self.counted()?, oldest, self.page(stretch)?, self.page_backwards(stretch)?))
    }

    pub(super) async fn describe_groups(self: &Arc<Self>, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let groups = self.groups().await?;
        let positions: Vec<u64> = groups.iter().map(|(_, view)| view.last_delivered).collect();
        let (ever, behind) = self
            .read(move |feed| {
                let behind = positions.iter().map(|after| feed.count_from(after.saturating_add(1)));
                let behind = behind.collect::<Result<Vec<_>, _>>()?;
                Ok((feed.counted()?.ever, behind))
            })
            .await?;
        writer.array(groups.len());
        for ((seat, view), lag) in groups.iter().zip(behind) {
            writer.map(6);
            text(writer, "name", seat.name());
            number(writer, "consumers", view.consumers.len() as u64);
            number(writer, "pending", view.pending);
            text(writer, "last-delivered-id", &id(view.last_delivered));
            number(writer, "entries-read", ever.saturating_sub(lag));
            number(writer, "lag", lag);
        }
        Ok(())
    }
}

fn number(writer: &mut Writer<'_>, name: &str, value: u64) {
    writer.bulk(name);
    writer.uint(value);
}

fn text(writer: &mut Writer<'_>, name: &str, value: &str) {
    writer.bulk(name);
    writer.bulk(value);
}
