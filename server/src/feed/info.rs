//! What `XINFO` tells of the feed and its groups.

use std::sync::Arc;

use tidegate_protocol::error::WireError;
use tidegate_protocol::resp::Writer;

use super::page::{Page, Stretch};
use super::reply::id;
use super::{Feed, FeedError};

impl Feed {
    pub(super) async fn describe(self: &Arc<Self>, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let groups = self.groups().await?.len();
        let counted = self.counting(Self::counted).await?;
        let (oldest, first, last) = self.read(|feed| feed.ends()).await?;
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

    /// What is kept, and the first and the last entry.
    fn ends(&self) -> Result<(u64, Page, Page), FeedError> {
        let oldest = self.oldest()?;
        let stretch = Stretch { from: oldest, to: u64::MAX, most: 1 };
        let first = self.page(stretch, &mut self.budget())?;
        let last = self.page_backwards(stretch, &mut self.budget())?;
        Ok((oldest, first, last))
    }

    pub(super) async fn describe_groups(self: &Arc<Self>, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let groups = self.groups().await?;
        let positions: Vec<u64> = groups.iter().map(|(_, view)| view.last_delivered).collect();
        let (ever, behind) = self
            .counting(move |feed, count| {
                let oldest = feed.oldest()?;
                // How much a group has missed, nobody can say any more.
                let mut lag = |after: &u64| match after.saturating_add(1) {
                    next if next < oldest => Ok(None),
                    next => feed.count_from(count, next).map(Some),
                };
                let behind = positions.iter().map(&mut lag).collect::<Result<Vec<_>, _>>()?;
                Ok((feed.counted(count)?.ever, behind))
            })
            .await?;
        writer.array(groups.len());
        for ((seat, view), lag) in groups.iter().zip(behind) {
            writer.map(6);
            text(writer, "name", seat.name());
            number(writer, "consumers", view.consumers.len() as u64);
            number(writer, "pending", view.pending);
            text(writer, "last-delivered-id", &id(view.last_delivered));
            for (name, value) in [("entries-read", lag.map(|lag| ever.saturating_sub(lag))), ("lag", lag)] {
                writer.bulk(name);
                writer.uint_or_null(value);
            }
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
