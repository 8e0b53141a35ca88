//! Replies about the feed, in the shapes that Redis gives them.

use tidegate_protocol::command::MAX_GROUP_NAME;
use tidegate_protocol::resp::{Protocol, Writer};

use super::page::Page;

/// An id as text.
pub(crate) fn id(sequence: u64) -> String {
    format!("{sequence}-0")
}

/// An array of entries.
pub(super) fn put_page(writer: &mut Writer<'_>, page: &Page) {
    writer.array(page.ids.len());
    writer.encoded(&page.entries);
}

/// Streams and their entries; in RESP2, which has no maps, an array of pairs.
pub(super) fn put_streams(writer: &mut Writer<'_>, streams: &[(String, Page)]) {
    match writer.protocol() {
        Protocol::Resp3 => writer.map(streams.len()),
        Protocol::Resp2 => writer.array(streams.len()),
    }
    for (key, page) in streams {
        if writer.protocol() == Protocol::Resp2 {
            writer.array(2);
        }
        writer.bulk(key);
        put_page(writer, page);
    }
}

/// What an id takes in a reply at most.
pub(super) const ID_BYTES: usize = 32;
/// What an entry that is not kept any more takes in a reply at most.
pub(super) const MISSING_BYTES: usize = ID_BYTES + 8;

/// What a line of `XPENDING` takes in a reply at most.
pub(super) const PENDING_BYTES: usize = MAX_GROUP_NAME + 100;

/// Ids alone.
pub(super) fn ids(sequences: &[u64]) -> Page {
    let mut page = Page { ids: sequences.to_vec(), ..Page::default() };
    // An id looks the same to all clients.
    let mut writer = Writer::new(&mut page.entries, Protocol::Resp2);
    sequences.iter().for_each(|sequence| writer.bulk(id(*sequence)));
    page
}

/// An entry, or its id and nil if it is not kept any more.
pub(super) fn put_kept(out: &mut Vec<u8>, sequence: u64, entry: Option<&[u8]>) {
    match entry {
        Some(entry) => out.extend_from_slice(entry),
        None => {
            // An array of nothing looks the same to all clients, a null does not.
            let mut writer = Writer::new(out, Protocol::Resp2);
            writer.array(2);
            writer.bulk(id(sequence));
            writer.array(0);
        }
    }
}

/// What was taken over. `XAUTOCLAIM` also tells where to go on, and what is not kept any more.
pub(super) fn put_claimed(writer: &mut Writer<'_>, page: &Page, rest: Option<(u64, &[u64])>) {
    let Some((next, gone)) = rest else { return put_page(writer, page) };
    writer.array(3);
    writer.bulk(id(next));
    put_page(writer, page);
    writer.array(gone.len());
    gone.iter().for_each(|entry| writer.bulk(id(*entry)));
}
