//! What is wrong when an event can't have happened.

use crate::{OrderNumber, RoomNumber};

/// An event or a part that contradicts the state it is to be applied to. Live, this is a defect of the engine; in
/// a replay, a journal or snapshot that is damaged or not of this SKU. The state is not to be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// An event of a SKU that was not created, or a second creation.
    #[error("the SKU was created twice or not at all")]
    Creation,
    /// An order that should exist does not, or is not the next one.
    #[error("order {0:?} is missing or out of turn")]
    Order(OrderNumber),
    /// An order is in a state in which this can't happen to it.
    #[error("order {0:?} is in a state in which this can't happen")]
    State(OrderNumber),
    /// A room that should be forming is not, or is not the next one.
    #[error("room {0:?} is missing, out of turn or settled")]
    Room(RoomNumber),
    /// More units would be moved than there are.
    #[error("the stock would be less than nothing")]
    Stock,
    /// A buyer that should be known is not.
    #[error("an unknown buyer")]
    Buyer,
    /// A table is full, an id is too long or an answer is none that is kept.
    #[error("something that can't be kept")]
    Full,
    /// The parts of a state are not in order, or don't add up.
    #[error("the parts of the state don't make a whole")]
    Parts,
}
