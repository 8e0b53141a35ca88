//! From checked arguments to calls, for the commands of a sale. The numbers are positions in the table.

use super::call::{At, Call, CartLines, Words};
use super::spec::CommandSpec;
use super::values::{Values, check_names, read_pairs};
use crate::error::WireError;
use crate::resp::Args;

/// Declares a parser: the table checks the arguments, the expression names them.
macro_rules! parser {
    ($name:ident, $values:ident => $call:expr) => {
        pub(super) fn $name<'a>(spec: &'static CommandSpec, args: Args<'a>) -> Result<Call<'a>, WireError> {
            let $values = Values::read(spec, args)?;
            Ok($call)
        }
    };
}

parser!(sku_put, v => Call::SkuPut { sku: v.text(0), document: v.text(1) });
parser!(sku_restock, v => Call::SkuRestock {
    sku: v.text(0),
    req: v.text(1),
    delta: v.signed(2),
    store: v.optional_text(3),
});
parser!(sku_reprice, v => Call::SkuReprice { sku: v.text(0), req: v.text(1), price: v.unsigned(2) });
parser!(sku_pause, v => Call::SkuPause { sku: v.text(0) });
parser!(sku_resume, v => Call::SkuResume { sku: v.text(0) });
parser!(sku_get, v => Call::SkuGet { sku: v.text(0) });
parser!(order_pay, v => Call::OrderPay {
    order: v.text(0),
    req: v.text(1),
    amount: v.unsigned(2),
    payment: v.text(3),
});
parser!(order_cancel, v => Call::OrderCancel { order: v.text(0), req: v.text(1), reason: v.optional_text(2) });
parser!(order_refund, v => Call::OrderRefund { order: v.text(0), req: v.text(1), restock: v.is_present(2) });
parser!(order_get, v => Call::OrderGet { order: v.text(0) });
parser!(room_open, v => Call::RoomOpen {
    sku: v.text(0),
    req: v.text(1),
    buyer: v.text(2),
    qty: u32::try_from(v.unsigned(3)).unwrap_or(u32::MAX),
});
parser!(room_join, v => Call::RoomJoin {
    room: v.text(0),
    req: v.text(1),
    buyer: v.text(2),
    qty: u32::try_from(v.unsigned(3)).unwrap_or(u32::MAX),
});
parser!(room_get, v => Call::RoomGet { room: v.text(0) });
parser!(cart_pay, v => Call::CartPay {
    cart: v.text(0),
    req: v.text(1),
    amount: v.unsigned(2),
    payment: v.text(3),
});
parser!(cart_cancel, v => Call::CartCancel { cart: v.text(0), req: v.text(1) });
parser!(cart_get, v => Call::CartGet { cart: v.text(0) });
parser!(coupon_trigger, v => Call::CouponTrigger {
    campaign: v.text(0),
    req: v.text(1),
    buyer: v.text(2),
    event: v.text(3),
});
parser!(campaign_put, v => Call::CampaignPut { campaign: v.text(0), document: v.text(1) });
parser!(campaign_get, v => Call::CampaignGet { campaign: v.text(0) });
parser!(buyer_block, v => Call::BuyerBlock { sku: v.text(0), buyer: v.text(1) });
parser!(buyer_unblock, v => Call::BuyerUnblock { sku: v.text(0), buyer: v.text(1) });
parser!(report, v => Call::Report { key: v.text(0) });

pub(super) fn sku_mget<'a>(spec: &'static CommandSpec, args: Args<'a>) -> Result<Call<'a>, WireError> {
    if let Some(argument) = spec.arguments.first() {
        check_names(args, argument, 1)?;
    }
    Ok(Call::SkuMget { skus: Words::new(args, 1) })
}

pub(super) fn cart_reserve<'a>(spec: &'static CommandSpec, args: Args<'a>) -> Result<Call<'a>, WireError> {
    let (before, words, coupon) = read_pairs(spec, args)?;
    let text = |at: usize| before.get(at).copied().unwrap_or_default();
    let lines = CartLines::new(args, 1 + before.len(), words);
    Ok(Call::CartReserve { campaign: text(0), req: text(1), buyer: text(2), lines, coupon })
}

pub(super) fn order_reserve<'a>(spec: &'static CommandSpec, args: Args<'a>) -> Result<Call<'a>, WireError> {
    let v = Values::read(spec, args)?;
    let within_m = v.optional_unsigned(7).and_then(|metres| u32::try_from(metres).ok());
    let at = v.place(6).map(|(lat_e6, lon_e6)| At { lat_e6, lon_e6, within_m });
    if within_m.is_some() && at.is_none() {
        return Err(WireError::invalid("syntax error: WITHIN needs AT lat lon"));
    }
    Ok(Call::OrderReserve {
        sku: v.text(0),
        req: v.text(1),
        buyer: v.text(2),
        qty: u32::try_from(v.unsigned(3)).unwrap_or(u32::MAX),
        max_price: v.optional_unsigned(4),
        coupon: v.optional_text(5),
        at,
    })
}
