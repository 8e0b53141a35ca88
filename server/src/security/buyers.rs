//! The commands of a buyer: what it may look at, do for itself, and do to orders that are its own.

use tidegate_protocol::command::Call;
use tidegate_protocol::error::{ErrorCode, WireError};

use super::principal::Buyer;

/// Whether a buyer may send this; true: only if the order or cart that it is about is the buyer's own.
///
/// # Errors
/// `NOPERM` if it may not in any case, `NOAUTH` if its token has run out.
pub(crate) fn must_own(buyer: &Buyer, call: &Call<'_>) -> Result<bool, WireError> {
    buyer.is_valid().or_else(|error| if says_who(call) { Ok(()) } else { Err(error) })?;
    match call {
        Call::SkuGet { .. } | Call::SkuMget { .. } | Call::RoomGet { .. } | Call::CampaignGet { .. } => {
            Ok(false)
        }
        Call::OrderReserve { buyer: named, .. }
        | Call::RoomOpen { buyer: named, .. }
        | Call::RoomJoin { buyer: named, .. }
        | Call::CartReserve { buyer: named, .. }
        | Call::CouponTrigger { buyer: named, .. } => {
            if buyer.is(named) {
                return Ok(false);
            }
            let text = format!("the token is that of the buyer {}, and of nobody else", buyer.name);
            Err(WireError::new(ErrorCode::NoPerm, text))
        }
        Call::OrderPay { .. } | Call::CartPay { .. } if !buyer.may_pay => Err(WireError::new(
            ErrorCode::NoPerm,
            "a buyer may not confirm a payment; the shop's backend does (tokens.buyers_may_pay)",
        )),
        Call::OrderPay { .. }
        | Call::CartPay { .. }
        | Call::OrderCancel { .. }
        | Call::OrderGet { .. }
        | Call::CartCancel { .. }
        | Call::CartGet { .. } => Ok(true),
        Call::Ping { .. }
        | Call::Echo { .. }
        | Call::Select
        | Call::Quit
        | Call::Reset
        | Call::Auth(_)
        | Call::Hello { .. }
        | Call::ClientId
        | Call::ClientGetName
        | Call::ClientSetName { .. }
        | Call::ClientSetInfo { .. }
        | Call::ClientInfo
        | Call::CommandAll
        | Call::CommandCount
        | Call::CommandInfo { .. }
        | Call::CommandDocs { .. }
        | Call::CommandGetKeys { .. }
        // Which channels, the session judges.
        | Call::Subscribe { .. }
        | Call::Unsubscribe { .. } => Ok(false),
        // Who else is connected and how the server is doing is no buyer's business; the rest needs other roles.
        Call::ClientList
        | Call::Info { .. }
        | Call::ConfigGet { .. }
        | Call::SkuPut { .. }
        | Call::SkuRestock { .. }
        | Call::SkuReprice { .. }
        | Call::SkuPause { .. }
        | Call::SkuResume { .. }
        | Call::OrderRefund { .. }
        | Call::CampaignPut { .. }
        | Call::BuyerBlock { .. }
        | Call::BuyerUnblock { .. }
        | Call::Report { .. } => Err(WireError::new(ErrorCode::NoPerm, "this is not for buyers")),
    }
}

/// Commands by which somebody says anew who it is, or leaves.
fn says_who(call: &Call<'_>) -> bool {
    matches!(call, Call::Auth(_) | Call::Hello { .. } | Call::Reset | Call::Quit)
}
