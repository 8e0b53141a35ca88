//! SKUs as whoever watches over the sale sees them.

use serde_json::{Value, json};
use tidegate_engine::{Millis, Price, SkuView};

use super::news::{Fields, of_sku, shown};
use super::reply::write_view;

/// What a SKU shows, and how busy it is: its changes per second, if it was seen before.
pub(crate) fn busy_sku(sku: &str, view: &SkuView, now: Millis, changes: Option<u64>) -> Value {
    let mut fields: Fields = shown("SKU.GET", |writer| write_view(sku, Some(view), now, writer));
    // There may be a thousand.
    fields.remove("stores");
    let rooms = view.rooms;
    let rooms = json!({"forming": rooms.forming, "succeeded": rooms.succeeded, "failed": rooms.failed});
    fields.insert("rooms".to_owned(), rooms);
    fields.insert("changes_per_second".to_owned(), json!(changes));
    fields.into()
}

/// What a price is and will be next, and between which bounds it steps down.
pub(crate) fn price_step(sku: &str, view: &SkuView, now: Millis) -> Value {
    let names = ["sku", "title", "state", "price", "currency", "next_price", "next_price_at"];
    let mut fields = of_sku(sku, Some(view), now, &names);
    if let Price::Ladder(ladder) = &view.terms.price {
        fields.insert("start".to_owned(), json!(ladder.start));
        fields.insert("floor".to_owned(), json!(ladder.floor));
    }
    fields.into()
}
