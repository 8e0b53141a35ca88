//! The sale itself, pure: commands in, events out.
//!
//! There is no clock, no disk, no network, no thread and no chance in this crate. [`SkuState::decide`] looks at a
//! state, a command and a time, and says what happens; [`SkuState::apply`] makes it so. A journal of events gives the same state
//! again, which [`Sku::state_hash`] proves.

mod answer;
mod apply;
mod buyers;
mod campaign;
mod claims;
mod command;
mod consumer_group;
mod contradiction;
mod decide;
mod discounts;
mod enrolment;
mod event;
mod goods;
mod hashing;
mod ids;
mod image;
mod lines;
mod lots;
mod money;
mod orders;
mod payments;
mod price;
mod refunds;
mod requests;
mod restore;
mod rooms;
mod seats;
mod sku;
mod state_hash;
mod stock;
mod stores;
mod tables;
mod tally;
mod terms;
mod time;
mod warm;
mod window;

pub use answer::{Answer, Refusal, Rejection};
pub use buyers::Block;
pub use campaign::{
    Account, Campaign, CampaignCart, CampaignCommand, CampaignEvent, CampaignLimits, CampaignPart,
    CampaignRestorer, CampaignState, CampaignTerms, CampaignView, CartItem, CartPayment, CartSettlement,
    CartView, Claim, CouponWindow, Grant, Granted, NewCart, Threshold, Trigger, cart_fingerprint, spread,
};
pub use claims::{Freed, Reclaim};
pub use command::Command;
pub use consumer_group::{
    Claimed, ConsumerGroup, ConsumerGroupAnswer, ConsumerGroupCommand, ConsumerGroupEvent,
    ConsumerGroupEvents, ConsumerGroupJudged, ConsumerGroupLimits, ConsumerGroupPart, ConsumerGroupRestorer,
    ConsumerGroupState, ConsumerGroupView, ConsumerView, PendingEntry, PendingSpan,
};
pub use contradiction::Contradiction;
pub use decide::{Change, Events, Limits, NoChange};
pub use discounts::{CouponCode, CouponUse, DiscountKind, DiscountOrder, Discounts, PercentOff};
pub use enrolment::{Coupon, Enrolment, Green, Standing};
pub use event::{Event, Payment, Request};
pub use goods::{Fulfilment, Given, MAX_GIVEN};
pub use ids::{CartId, CartNumber, Fingerprint, OrderId, OrderNumber, RoomId};
pub use image::{Head, Part};
pub use lines::{CartLine, LineEnd, LineState, SkuLine};
pub use money::{Currency, MAX_MINOR, less_percent, line_amount};
pub use orders::{Expiry, OrderState};
pub use price::{Dynamic, Ladder, Price, Pricing, Step};
pub use restore::Restorer;
pub use rooms::{GroupBuy, RoomCounts, RoomMember, RoomNumber, RoomState, RoomView, Settlement, Tier};
pub use seats::Seat;
pub use sku::{OrderView, Report, SaleState, Sku, SkuState, SkuView};
pub use stock::{MAX_STOCK, Stock};
pub use stores::{At, Place, Store, StoreNumber, StoreReport};
pub use tables::MAX_TEXT as MAX_ID;
pub use tally::Tally;
pub use terms::{LatePayment, SkuTerms};
pub use time::Millis;
pub use window::{Phase, Window};
