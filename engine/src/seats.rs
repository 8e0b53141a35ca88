//! The seats that orders hold in group-buy rooms.

use crate::RoomNumber;

/// The seat of an order in a group-buy room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The room.
    pub room: RoomNumber,
    /// Whether the order opened the room; otherwise it joined.
    pub opened: bool,
    /// Members of the room after this one came.
    pub members: u32,
    /// What the tier took off the order's amount when the seat was taken, in minor units.
    pub off_at_first: u64,
    /// What the tier takes off now: more, when the room reached a better one.
    pub off: u64,
}
