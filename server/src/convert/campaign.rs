//! Campaign documents, coupons and campaign maps.

use tidegate_engine::{
    CampaignCommand, CampaignTerms, CampaignView, CouponCode, CouponWindow, DiscountKind, DiscountOrder,
    Green, Millis, Phase, Threshold, Trigger, Window,
};
use tidegate_protocol::document::{CampaignDocument, Discount};
use tidegate_protocol::error::WireError;
use tidegate_protocol::reply::{CampaignMap, CouponWindowEntry};
use tidegate_protocol::resp::Writer;
use tidegate_protocol::status::CampaignState;

/// The terms that a campaign document stands for.
///
/// # Errors
/// `field: reason` for the first field that is wrong.
pub(crate) fn campaign(document: &str) -> Result<CampaignTerms, WireError> {
    campaign_document(&CampaignDocument::from_json(document)?)
}

/// The same for a document that was read before.
///
/// # Errors
/// `field: reason` if a value is none that the engine knows, which reading has ruled out.
pub(crate) fn campaign_document(document: &CampaignDocument) -> Result<CampaignTerms, WireError> {
    let kinds: Vec<DiscountKind> = document.order_of_discounts.iter().copied().map(kind).collect();
    let order = DiscountOrder::beginning_with(&kinds)
        .ok_or_else(|| WireError::invalid("order_of_discounts: each once, and threshold last"))?;
    let window = |window: &tidegate_protocol::document::CouponWindow| CouponWindow {
        event: window.event.as_str().into(),
        percent_off: window.percent_off,
        window_ms: u64::from(window.window_s) * 1000,
        skus: window.skus.as_deref().map(sorted),
    };
    let threshold = |(spend, off): &(u64, u64)| Threshold { spend: *spend, off: *off };
    Ok(CampaignTerms {
        title: document.title.as_str().into(),
        window: Window { starts_at: document.starts_at.map(Millis), ends_at: document.ends_at.map(Millis) },
        skus: sorted(document.skus.as_deref().unwrap_or_default()),
        per_buyer_limit: document.per_buyer_limit,
        thresholds: document.thresholds.iter().map(threshold).collect(),
        coupon_windows: document.coupon_windows.iter().map(window).collect(),
        green: document.green.map(|(max_carbon_g, percent_off)| Green { max_carbon_g, percent_off }),
        order,
    })
}

/// The command of a buyer's doing, with a code that nobody can guess.
///
/// # Errors
/// If the operating system gives no random numbers.
pub(crate) fn trigger<'a>(
    req: &'a str,
    buyer: &'a str,
    event: &'a str,
) -> Result<CampaignCommand<&'a str>, WireError> {
    let mut code = [0; 16];
    getrandom::fill(&mut code).map_err(|error| {
        WireError::invalid(format!("nothing was done: the operating system gives no random numbers: {error}"))
    })?;
    let code = CouponCode::new(u128::from_le_bytes(code));
    Ok(CampaignCommand::Trigger(Trigger { req, buyer, event, code }))
}

fn sorted(names: &[String]) -> Box<[Box<str>]> {
    let mut names: Vec<Box<str>> = names.iter().map(|name| name.as_str().into()).collect();
    names.sort_unstable();
    names.into()
}

fn kind(discount: Discount) -> DiscountKind {
    match discount {
        Discount::Tier => DiscountKind::Tier,
        Discount::Coupon => DiscountKind::Coupon,
        Discount::Green => DiscountKind::Green,
        Discount::Threshold => DiscountKind::Threshold,
    }
}

/// A kind of discount as documents and replies name it.
pub(super) fn discount(kind: DiscountKind) -> Discount {
    match kind {
        DiscountKind::Tier => Discount::Tier,
        DiscountKind::Coupon => Discount::Coupon,
        DiscountKind::Green => Discount::Green,
        DiscountKind::Threshold => Discount::Threshold,
    }
}

/// Writes how a campaign stands, or nil if there is none. `members` are the SKUs that are part of it, with their
/// currency.
pub(crate) fn write_campaign(
    campaign: &str,
    view: Option<&CampaignView>,
    members: &[(String, String)],
    now: Millis,
    writer: &mut Writer<'_>,
) {
    let Some(view) = view else { return writer.null() };
    let terms = &view.terms;
    let mut skus: Vec<&str> =
        terms.skus.iter().map(|sku| &**sku).chain(members.iter().map(|(sku, _)| sku.as_str())).collect();
    skus.sort_unstable();
    skus.dedup();
    let thresholds: Vec<_> =
        terms.thresholds.iter().map(|threshold| (threshold.spend, threshold.off)).collect();
    let windows: Vec<_> = (terms.coupon_windows.iter())
        .map(|window| CouponWindowEntry {
            event: &window.event,
            percent_off: u64::from(window.percent_off),
            window_s: window.window_ms / 1000,
            skus: window.skus.as_ref().map(|skus| skus.iter().map(|sku| &**sku).collect()),
        })
        .collect();
    let map = CampaignMap {
        campaign,
        title: &terms.title,
        state: match terms.window.phase(now) {
            Phase::Scheduled(_) => CampaignState::Scheduled,
            Phase::Open => CampaignState::Open,
            Phase::Ended => CampaignState::Ended,
        },
        currency: members.first().map(|(_, currency)| currency.as_str()),
        starts_at: terms.window.starts_at.map(|at| at.0),
        ends_at: terms.window.ends_at.map(|at| at.0),
        skus: &skus,
        per_buyer_limit: terms.per_buyer_limit.map(u64::from),
        thresholds: &thresholds,
        coupon_windows: &windows,
        green: terms.green.map(|green| (u64::from(green.max_carbon_g), u64::from(green.percent_off))),
        order_of_discounts: &terms.order.kinds().map(discount),
        seq: view.changes,
    };
    map.write(writer);
}
