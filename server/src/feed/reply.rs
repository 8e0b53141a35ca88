//! Replies about the feed, in the shapes that Redis gives them.

use tidegate_protocol::resp::{Protocol, Writer};

use super::page::Page;

/// An id as text.
pub(super) fn id(sequence: u64) -> String {
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
