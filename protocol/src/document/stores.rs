//! Where a SKU's units are.

use super::DocumentError;
use super::object::Field;
use super::sku::MAX_STOCK;
use crate::command::is_name;

/// The most stores that a SKU may have.
pub(super) const MAX_STORES: usize = 1_000;

/// A place that has units of a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its id, unique within the SKU: as a SKU's name.
    pub id: String,
    /// Latitude in millionths of a degree.
    pub lat_e6: i32,
    /// Longitude in millionths of a degree.
    pub lon_e6: i32,
    /// Units. Only counts when the SKU is created: a store that comes later has none.
    pub stock: u64,
}

/// Reads a list of 1 to 1,000 stores.
pub(super) fn read(field: Field) -> Result<Vec<Store>, DocumentError> {
    let mut stores: Vec<Store> = Vec::new();
    for entry in field.list(MAX_STORES)? {
        let mut store = entry.object()?;
        let id = store.required("id")?;
        let path = id.path.clone();
        let id = id.text("must be 1 to 64 characters of A-Z a-z 0-9 . _ -", is_name)?;
        if stores.iter().any(|other| other.id == id) {
            return Err(DocumentError::new(path, "is there twice"));
        }
        let lat_e6 = store.required("lat")?.degrees(90)?;
        let lon_e6 = store.required("lon")?.degrees(180)?;
        let stock = store.required("stock")?.whole(0, MAX_STOCK, " of units")?;
        store.finish()?;
        stores.push(Store { id, lat_e6, lon_e6, stock });
    }
    Ok(stores)
}
