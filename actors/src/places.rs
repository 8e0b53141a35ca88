//! Which stores are near: distances on the earth, which the engine has no numbers for.

use geo::{Distance, Haversine, Point};
use tidegate_engine::{At, Place, Store, StoreNumber};

/// The stores within the distance that is asked for, nearest first; of several as near, the first in the list.
/// Distances are great-circle, on a sphere of the earth's mean radius: within half a percent of the truth.
pub(crate) fn nearby(stores: &[Store], at: &At) -> Vec<StoreNumber> {
    let here = point(at.place);
    let distance = |store: &Store| Haversine.distance(here, point(store.place));
    let numbered = (0..).map(StoreNumber).zip(stores).map(|(number, store)| (number, distance(store)));
    let within = at.within_m.map_or(f64::INFINITY, f64::from);
    let mut near: Vec<(StoreNumber, f64)> = numbered.filter(|(_, distance)| *distance <= within).collect();
    near.sort_by(|a, b| a.1.total_cmp(&b.1));
    near.into_iter().map(|(number, _)| number).collect()
}

fn point(place: Place) -> Point {
    Point::new(f64::from(place.lon_e6) / 1e6, f64::from(place.lat_e6) / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(lat_e6: i32, lon_e6: i32) -> Store {
        Store { id: "s".into(), place: Place { lat_e6, lon_e6 }, stock: 1 }
    }

    fn found(stores: &[Store], lat_e6: i32, lon_e6: i32, within_m: Option<u32>) -> Vec<u16> {
        let at = At { place: Place { lat_e6, lon_e6 }, within_m };
        nearby(stores, &at).into_iter().map(|number| number.0).collect()
    }

    #[test]
    fn the_nearest_is_first_and_the_far_are_left_out() {
        // Shanghai, Beijing, Shenzhen; 1,067 km and 1,214 km from Shanghai.
        let stores =
            [store(31_230_400, 121_473_700), store(39_904_200, 116_407_400), store(22_543_100, 114_057_900)];
        assert_eq!(found(&stores, 31_230_400, 121_473_700, None), [0, 1, 2]);
        assert_eq!(found(&stores, 22_500_000, 114_000_000, None), [2, 0, 1]);
        assert_eq!(found(&stores, 31_230_400, 121_473_700, Some(1_066_000)), [0]);
        assert_eq!(found(&stores, 31_230_400, 121_473_700, Some(1_070_000)), [0, 1]);
        assert_eq!(found(&stores, 31_230_400, 121_473_700, Some(1_220_000)), [0, 1, 2]);
        assert_eq!(
            found(&stores, -31_230_400, -58_526_300, Some(1_000_000)),
            [],
            "the other side of the earth"
        );
    }

    #[test]
    fn the_date_line_and_the_poles_are_no_walls() {
        let stores = [store(0, 179_900_000), store(89_900_000, 0)];
        assert_eq!(found(&stores, 0, -179_900_000, Some(23_000)), [0]);
        assert_eq!(found(&stores, 89_900_000, 180_000_000, Some(23_000)), [1]);
    }

    #[test]
    fn of_several_as_near_the_first_in_the_list_comes_first() {
        let stores = [store(1_000_000, 0), store(-1_000_000, 0), store(0, 1_000_000)];
        assert_eq!(found(&stores, 0, 0, None)[..2], [0, 1]);
        assert_eq!(found(&[], 0, 0, None), []);
    }
}
