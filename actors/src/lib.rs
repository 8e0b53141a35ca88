//! One actor per SKU, campaign and consumer group around an engine state; the directory that finds them; what happens when one fails.
//!
//! The edge hands an actor a [`Body`]: everything that one read of one connection asks of that SKU. The actor handles
//! it in one turn, without awaiting (invariant 4): judge and apply. What all turns of a round did goes to the journal together. Its replies are held until the last event
//! that they can reflect is durable (invariant 5). What a turn does is in [`Clerk`] (and in its like for campaigns),
//! which knows no actix and no thread; everything else here moves bodies to clerks and replies back. One actix actor for each
//! arbiter, its floor, runs all that live there.

#[cfg(test)]
mod account_runs;
mod ask;
mod campaign_clerk;
mod census;
mod checkout;
mod clerk;
mod clock;
mod clock_watch;
mod consumer_group_clerk;
mod desk;
mod desk_actor;
mod directory;
mod documents;
mod enrolments;
mod floor;
mod house;
mod ledger;
mod load;
mod membership;
mod news;
mod office;
mod places;
mod rebuild;
mod rejections;
mod release;
mod rounds;
mod scribe;
mod seat;
mod settling;
mod shown;
mod stages;
mod sync;

pub use ask::{Ask, Body, CartRequest, Fault, Inner, Outcome, Reply, Span};
pub use census::{Census, FloorCensus, Money};
pub use clerk::Clerk;
pub use clock::{Clock, ManualClock, SystemClock};
pub use desk::{DeskOptions, TurnEnd};
pub use directory::CreateError;
pub use documents::{Document, PutError};
pub use enrolments::EnrolmentError;
pub use house::{House, HouseOptions, HouseStatus, Probe, Resident};
pub use ledger::{Ledger, Ledgers};
pub use load::LoadReading;
pub use news::{CartNews, Interest, News, NewsSink, OrderNews, RefundReason, RoomNews};
pub use rebuild::{Rebuild, RebuildError};
pub use rejections::RejectionCounts;
pub use rounds::Rounds;
pub use scribe::Draft;
pub use seat::Seat;
pub use shown::{Condition, Shown};
pub use stages::Stages;
