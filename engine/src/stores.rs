//! Stores: the places that a SKU's units are at, and are handed out from.

use crate::stock::Stock;

/// A place that has units of a SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its id, unique within the SKU.
    pub id: Box<str>,
    /// Where it is.
    pub place: Place,
    /// Units that it had when it was first put.
    pub stock: u32,
}

/// A point on the earth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Latitude in millionths of a degree, north positive.
    pub lat_e6: i32,
    /// Longitude in millionths of a degree, east positive.
    pub lon_e6: i32,
}

/// Where a buyer is who wants a store nearby.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct At {
    /// Where.
    pub place: Place,
    /// How far away a store may be, in metres; `None`: any distance.
    pub within_m: Option<u32>,
}

/// The position of a store in its SKU's list, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreNumber(pub u16);

/// What a store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreReport {
    /// Its id.
    pub id: Box<str>,
    /// Its four counts.
    pub stock: Stock,
}

/// The store that has so many units: the first of `nearby` that does, or else, where no place was named, the one that
/// has most (the first of several).
pub(crate) fn pick(stores: &[Stock], qty: u32, nearby: Option<&[StoreNumber]>) -> Option<StoreNumber> {
    let has = |number: &StoreNumber| stores.get(usize::from(number.0)).is_some_and(|s| s.available() >= qty);
    match nearby {
        Some(nearby) => nearby.iter().copied().find(has),
        None => {
            let numbers = (0..u16::try_from(stores.len()).unwrap_or(u16::MAX)).map(StoreNumber);
            let most = |number: &StoreNumber| stores.get(usize::from(number.0)).map(Stock::available);
            // The first of equals: the last in reverse.
            numbers.rev().max_by_key(most).filter(has)
        }
    }
}

/// The document's stores beside those that are there: the same ones in their order, wherever they have moved to, then
/// new ones, which have nothing yet. `None` if one is missing.
pub(crate) fn merged(there: &[Store], document: &[Store]) -> Option<Box<[Store]>> {
    let same = |store: &Store| document.iter().find(|other| other.id == store.id);
    let moved =
        there.iter().map(|store| same(store).map(|other| Store { place: other.place, ..store.clone() }));
    let moved: Option<Vec<Store>> = moved.collect();
    let is_new = |store: &&Store| there.iter().all(|other| other.id != store.id);
    let new = document.iter().filter(is_new).map(|store| Store { stock: 0, ..store.clone() });
    Some(moved?.into_iter().chain(new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_with_most_is_picked_unless_a_nearer_one_has_enough() {
        let stores = [3, 5, 5, 0].map(Stock::new);
        let number = |n| Some(StoreNumber(n));
        assert_eq!([1, 5, 6].map(|qty| pick(&stores, qty, None)), [number(1), number(1), None]);
        let nearby = [StoreNumber(3), StoreNumber(0), StoreNumber(2)];
        assert_eq!([1, 4, 6].map(|qty| pick(&stores, qty, Some(&nearby))), [number(0), number(2), None]);
        assert_eq!(pick(&stores, 1, Some(&[])), None);
        assert_eq!(pick(&[], 1, None), None);
    }

    #[test]
    fn stores_keep_their_places_in_the_list() {
        let place = |n| Place { lat_e6: n, lon_e6: n };
        let store = |id: &str, n, stock| Store { id: id.into(), place: place(n), stock };
        let there = [store("a", 1, 5), store("b", 2, 6)];
        let document = [store("c", 3, 9), store("b", 4, 7), store("a", 1, 5)];
        let expected = [store("a", 1, 5), store("b", 4, 6), store("c", 3, 0)];
        assert_eq!(merged(&there, &document).as_deref(), Some(&expected[..]));
        assert_eq!(merged(&there, &document[..2]), None);
    }
}
