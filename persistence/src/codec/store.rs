//! Stores as bytes.

use std::borrow::Cow;

use tidegate_engine::{Part, Place, Store, StoreNumber};

use super::CodecError;
use super::room::get_list;
use super::wire::{Cursor, put_signed, put_text, put_varint};

pub(super) fn put_stores(out: &mut Vec<u8>, stores: &[Store]) {
    put_varint(out, stores.len() as u64);
    for Store { id, place, stock } in stores {
        put_text(out, id);
        put_signed(out, i64::from(place.lat_e6));
        put_signed(out, i64::from(place.lon_e6));
        put_varint(out, u64::from(*stock));
    }
}

pub(super) fn get_stores(from: &mut Cursor<'_>) -> Result<Box<[Store]>, CodecError> {
    let count = from.varint("number of stores")?;
    let stores = get_list(from, count, |from| {
        Ok(Store {
            id: from.text("store")?.into(),
            place: Place { lat_e6: degrees(from)?, lon_e6: degrees(from)? },
            stock: from.small("stock of a store")?,
        })
    });
    Ok(stores?.into())
}

fn degrees(from: &mut Cursor<'_>) -> Result<i32, CodecError> {
    i32::try_from(from.signed("place")?).map_err(|_| CodecError::Range("place"))
}

pub(super) fn put_store(out: &mut Vec<u8>, store: StoreNumber) {
    put_varint(out, u64::from(store.0));
}

pub(super) fn get_store(from: &mut Cursor<'_>) -> Result<StoreNumber, CodecError> {
    u16::try_from(from.varint("store")?).map(StoreNumber).map_err(|_| CodecError::Range("store"))
}

pub(super) fn put_totals(out: &mut Vec<u8>, totals: &[u32]) {
    put_varint(out, totals.len() as u64);
    totals.iter().for_each(|total| put_varint(out, u64::from(*total)));
}

pub(super) fn get_totals<'a>(from: &mut Cursor<'_>) -> Result<Part<'a>, CodecError> {
    let count = from.varint("number of stores")?;
    let totals = get_list(from, count, |from| from.small("stock of a store"))?;
    Ok(Part::Stores { totals: Cow::Owned(totals) })
}
