//! Replies by name: every field and its place stand here once.
//!
//! Money is integer minor units, times are epoch milliseconds, `None` is nil.

mod campaign;
mod cart;
mod maps;
mod outcome;
mod report;

pub use campaign::{CampaignMap, CouponWindowEntry};
pub use cart::{CartEntry, CartMap};
pub use maps::{OrderMap, RoomMap, RoomMember, SkuMap};
pub use outcome::{Outcome, write_paid_with};
pub use report::{ByOrderState, ReportMap, ReportOf};

use crate::resp::Writer;

fn text(writer: &mut Writer<'_>, name: &str, value: Option<&str>) {
    writer.bulk(name);
    writer.bulk_or_null(value);
}

fn number(writer: &mut Writer<'_>, name: &str, value: Option<u64>) {
    writer.bulk(name);
    writer.uint_or_null(value);
}
