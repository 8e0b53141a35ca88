//! The price of a SKU document.

use super::DocumentError;
use super::object::{Field, Object};
use crate::command::MAX_SAFE_INTEGER;

/// The longest interval of a ladder: a year, in seconds.
pub(super) const MAX_EVERY_S: u32 = 365 * 86_400;

/// The highest percentage of the market or the cost that a price may be set at.
pub(super) const MAX_PERCENT: u32 = 10_000;

/// What a unit costs, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// Always the same, at least 1.
    Fixed(u64),
    /// Steps down as time goes by.
    Ladder {
        /// The price at the beginning.
        start: u64,
        /// The lowest price, 1 to `start`.
        floor: u64,
        /// How much each step lowers it.
        step: Step,
        /// How long a price lasts, in seconds: 1 to 31,536,000 (a year).
        every_s: u32,
    },
    /// Moved by command, inside bounds.
    Dynamic {
        /// The first price, `floor` to `ceiling`.
        initial: u64,
        /// The lowest price, at least 1.
        floor: u64,
        /// The highest price.
        ceiling: u64,
        /// The most that one move may change, in percent: 1 to 100.
        max_step_percent: u8,
    },
}

/// How much a step of a ladder lowers the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// By so many percent of the start, 1 to 100.
    Percent(u8),
    /// By so many minor units, at least 1.
    Amount(u64),
}

/// Reads `{"fixed": …}`, `{"ladder": {…}}` or `{"dynamic": {…}}`.
pub(super) fn read(mut object: Object) -> Result<Price, DocumentError> {
    let fixed = object.optional("fixed");
    let ladder = object.optional("ladder");
    let dynamic = object.optional("dynamic");
    let path = object.path().to_owned();
    object.finish()?;
    match (fixed, ladder, dynamic) {
        (Some(fixed), None, None) => Ok(Price::Fixed(amount(fixed)?)),
        (None, Some(ladder), None) => read_ladder(ladder.object()?),
        (None, None, Some(dynamic)) => read_dynamic(dynamic.object()?),
        _ => Err(DocumentError::new(path, "must be one of fixed, ladder and dynamic")),
    }
}

fn read_ladder(mut object: Object) -> Result<Price, DocumentError> {
    let start = bound(&mut object, "start", "market", "start_percent")?;
    let floor = bound(&mut object, "floor", "cost", "floor_percent")?;
    let (path_of_floor, path_of_step) = (object.path_of("floor"), object.path_of("step_percent"));
    let step = match (object.optional("step_percent"), object.optional("step_amount")) {
        (Some(percent), None) => Step::Percent(percentage(percent)?),
        (None, Some(step)) => Step::Amount(amount(step)?),
        _ => return Err(DocumentError::new(path_of_step, "must be there, or else step_amount")),
    };
    let every_s = object.required("every_s")?.whole_u32(1, MAX_EVERY_S, " of seconds")?;
    object.finish()?;
    if floor > start {
        return Err(DocumentError::new(path_of_floor, format!("must not be above the start, {start}")));
    }
    Ok(Price::Ladder { start, floor, step, every_s })
}

/// A price that is said as it is, or as a percentage of something, rounded half up.
fn bound(
    object: &mut Object,
    plain: &'static str,
    base: &'static str,
    percent: &'static str,
) -> Result<u64, DocumentError> {
    let path = object.path_of(plain);
    match (object.optional(plain), object.optional(base), object.optional(percent)) {
        (Some(price), None, None) => amount(price),
        (None, Some(whole), Some(part)) => {
            let part = part.whole_u32(1, MAX_PERCENT, " of percent")?;
            let price = (u128::from(amount(whole)?) * u128::from(part) + 50) / 100;
            let price = u64::try_from(price).ok().filter(|price| (1..=MAX_SAFE_INTEGER).contains(price));
            price.ok_or_else(|| {
                let reason = format!("{base} times {percent} must be from 1 to {MAX_SAFE_INTEGER}");
                DocumentError::new(path, reason)
            })
        }
        _ => Err(DocumentError::new(path, format!("must be there, or else {base} and {percent}"))),
    }
}

fn read_dynamic(mut object: Object) -> Result<Price, DocumentError> {
    let initial = object.required("initial")?;
    let path = initial.path.clone();
    let initial = amount(initial)?;
    let floor = amount(object.required("floor")?)?;
    let ceiling = amount(object.required("ceiling")?)?;
    let max_step_percent = percentage(object.required("max_step_percent")?)?;
    object.finish()?;
    if !(floor..=ceiling).contains(&initial) {
        return Err(DocumentError::new(path, format!("must be from floor, {floor}, to ceiling, {ceiling}")));
    }
    Ok(Price::Dynamic { initial, floor, ceiling, max_step_percent })
}

fn amount(field: Field) -> Result<u64, DocumentError> {
    field.whole(1, MAX_SAFE_INTEGER, " of minor units")
}

fn percentage(field: Field) -> Result<u8, DocumentError> {
    let percent = field.whole_u32(1, 100, " of percent")?;
    Ok(u8::try_from(percent).unwrap_or(100))
}
