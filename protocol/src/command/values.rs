//! Checking arguments against the table.

use super::spec::{Argument, CommandSpec, Kind};
use crate::error::WireError;
use crate::resp::{Args, Word};

/// The most arguments a command that is parsed through the table declares.
const MAX_VALUES: usize = 8;

/// The largest amount of money, and of units changed at once: what a JSON number holds exactly.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The longest distance: half around the earth, and some.
pub const MAX_METRES: u64 = 21_000_000;

/// The most units one order may ask for.
pub const MAX_QUANTITY: u64 = 1_000_000;

/// One argument after the check.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Absent,
    Present,
    Text(&'a str),
    Unsigned(u64),
    Signed(i64),
    Place(i32, i32),
}

/// The arguments of a command, in the order of its [`CommandSpec::arguments`], wherever they stood.
///
/// The accessors give a neutral value for an argument of another kind. That would be a mistake in the table
/// or in the caller, and the test that parses every command of the table would show it.
#[derive(Debug)]
pub(super) struct Values<'a>([Value<'a>; MAX_VALUES]);

impl<'a> Values<'a> {
    /// Checks `args` against `spec`, which is no subcommand: first the arguments that must be there, then options in any order.
    pub(super) fn read(spec: &'static CommandSpec, args: Args<'a>) -> Result<Self, WireError> {
        let mut values = [Value::Absent; MAX_VALUES];
        let mut next = 1;
        for (slot, argument) in values.iter_mut().zip(spec.arguments) {
            if argument.optional || argument.multiple {
                break;
            }
            *slot = check(argument, args.word(next).unwrap_or_default())?;
            next += 1;
        }
        while let Some(word) = args.get(next) {
            let option = spec.arguments.iter().zip(&mut values).find(|(argument, _)| {
                argument.token.is_some_and(|token| word.eq_ignore_ascii_case(token.as_bytes()))
            });
            let Some((argument, slot)) = option else { return Err(unexpected(spec, word)) };
            if !matches!(slot, Value::Absent) {
                return Err(WireError::invalid(format!("syntax error: {} is given twice", show(word))));
            }
            next += 1;
            *slot = match argument.kind {
                Kind::Token => Value::Present,
                Kind::Block(parts) => {
                    let value = block(parts, |index| args.word(next + index), word)?;
                    next += parts.len();
                    value
                }
                _ => {
                    let Some(value) = args.word(next) else {
                        return Err(WireError::invalid(format!(
                            "syntax error: {} needs a value",
                            show(word)
                        )));
                    };
                    next += 1;
                    check(argument, value)?
                }
            };
        }
        Ok(Values(values))
    }

    pub(super) fn text(&self, index: usize) -> &'a str {
        self.optional_text(index).unwrap_or_default()
    }

    pub(super) fn optional_text(&self, index: usize) -> Option<&'a str> {
        match self.0.get(index) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn unsigned(&self, index: usize) -> u64 {
        self.optional_unsigned(index).unwrap_or_default()
    }

    pub(super) fn optional_unsigned(&self, index: usize) -> Option<u64> {
        match self.0.get(index) {
            Some(Value::Unsigned(value)) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn signed(&self, index: usize) -> i64 {
        match self.0.get(index) {
            Some(Value::Signed(value)) => *value,
            _ => 0,
        }
    }

    pub(super) fn place(&self, index: usize) -> Option<(i32, i32)> {
        match self.0.get(index) {
            Some(Value::Place(lat, lon)) => Some((*lat, *lon)),
            _ => None,
        }
    }

    pub(super) fn is_present(&self, index: usize) -> bool {
        matches!(self.0.get(index), Some(Value::Present))
    }
}

/// The arguments of a command that ends in pairs of a SKU and a quantity, and behind them perhaps an option with a
/// value. Checks all of them; says how many words the pairs are, and what the option's value is.
///
/// The first pair is none of an option, whatever it looks like.
pub(super) fn read_pairs<'a>(
    spec: &'static CommandSpec,
    args: Args<'a>,
) -> Result<(Vec<&'a str>, usize, Option<&'a str>), WireError> {
    let mut before = Vec::new();
    let mut next = 1;
    let Some((pairs, parts)) = spec.arguments.iter().find_map(|argument| match argument.kind {
        Kind::Block(parts) if argument.multiple => Some((argument, parts)),
        _ => None,
    }) else {
        return Err(unexpected(spec, b""));
    };
    for argument in spec.arguments.iter().take_while(|argument| argument.name != pairs.name) {
        before.push(check_text(argument, args.word(next).unwrap_or_default())?);
        next += 1;
    }
    let first = next;
    let option = spec.arguments.iter().find(|argument| argument.token.is_some());
    let is_option = |word: &[u8]| {
        option
            .and_then(|option| option.token)
            .is_some_and(|token| word.eq_ignore_ascii_case(token.as_bytes()))
    };
    while let Some(word) = args.word(next) {
        let value = args.word(next + 1);
        if let Some(option) =
            option.filter(|_| next > first && next + 2 >= args.len() && is_option(word.bytes()))
        {
            let Some(value) = value else {
                let shown = show(word.bytes());
                return Err(WireError::invalid(format!("syntax error: {shown} needs a value")));
            };
            return Ok((before, next - first, Some(check_text(option, value)?)));
        }
        check(&parts[0], word)?;
        let Some(value) = value else {
            return Err(WireError::invalid(format!(
                "syntax error: {} needs a {}",
                show(word.bytes()),
                parts[1].name
            )));
        };
        check(&parts[1], value)?;
        next += 2;
    }
    Ok((before, next - first, None))
}

fn check_text<'a>(argument: &Argument, word: Word<'a>) -> Result<&'a str, WireError> {
    Ok(match check(argument, word)? {
        Value::Text(text) => text,
        _ => "",
    })
}

/// Checks every argument from `from` on to be a name.
pub(super) fn check_names(args: Args<'_>, argument: &Argument, from: usize) -> Result<(), WireError> {
    (from..args.len())
        .filter_map(|index| args.word(index))
        .try_for_each(|word| check(argument, word).map(drop))
}

/// Checks one value, which the error calls `name`.
pub(crate) fn check_value(name: &str, kind: Kind, value: &str) -> Result<(), WireError> {
    check_kind(name, kind, value.into()).map(drop)
}

fn check<'a>(argument: &Argument, word: Word<'a>) -> Result<Value<'a>, WireError> {
    check_kind(argument.token.unwrap_or(argument.name), argument.kind, word)
}

fn check_kind<'a>(name: &str, kind: Kind, word: Word<'a>) -> Result<Value<'a>, WireError> {
    read(kind, word).ok_or_else(|| refusal(name, kind, word.bytes()))
}

/// What a word is as an argument of this kind, if it can be one.
fn read<'a>(kind: Kind, word: Word<'a>) -> Option<Value<'a>> {
    let bytes = word.bytes();
    let id = |most: usize| word.text().filter(|_| is_id_of(bytes, most)).map(Value::Text);
    let number = |least: u64, most: u64| whole_number(bytes, least, most).map(Value::Unsigned);
    match kind {
        Kind::Name => word.text().filter(|text| is_name(text)).map(Value::Text),
        Kind::Id => id(64),
        Kind::Order | Kind::Room | Kind::Cart => id(128),
        Kind::Quantity => number(1, MAX_QUANTITY),
        Kind::Money => number(0, MAX_SAFE_INTEGER),
        Kind::Delta => delta(bytes).map(Value::Signed),
        Kind::Degrees { most } => degrees(bytes, most).map(|e6| Value::Signed(e6.into())),
        Kind::Metres => number(1, MAX_METRES),
        Kind::Text { max_bytes } => word.text().filter(|text| text.len() <= max_bytes).map(Value::Text),
        Kind::Json => word.text().map(Value::Text),
        // These belong to connection commands, which have parsers of their own.
        Kind::Bytes | Kind::Integer | Kind::Token | Kind::Block(_) => Some(Value::Present),
    }
}

/// What is said of a word that can't be an argument of this kind.
#[cold]
fn refusal(name: &str, kind: Kind, bytes: &[u8]) -> WireError {
    let number = |least: u64, most: u64| format!("a whole number from {least} to {most}");
    let what = match kind {
        Kind::Text { max_bytes } => {
            return WireError::invalid(format!("{name} must be UTF-8 text of at most {max_bytes} bytes"));
        }
        Kind::Json => return WireError::invalid(format!("{name} must be a JSON document in UTF-8")),
        Kind::Name => "1 to 64 characters of A-Z a-z 0-9 . _ -".to_owned(),
        Kind::Order => "an order id, as ORDER.RESERVE gave it,".to_owned(),
        Kind::Room => "a room id, as ROOM.OPEN gave it,".to_owned(),
        Kind::Cart => "a cart id, as CART.RESERVE gave it,".to_owned(),
        Kind::Quantity => number(1, MAX_QUANTITY),
        Kind::Money => number(0, MAX_SAFE_INTEGER),
        Kind::Delta => {
            format!("a whole number from -{MAX_SAFE_INTEGER} to {MAX_SAFE_INTEGER}, not 0,")
        }
        Kind::Degrees { most } => format!("decimal degrees from -{most} to {most}"),
        Kind::Metres => number(1, MAX_METRES),
        Kind::Id => "1 to 64 printable ASCII characters without spaces".to_owned(),
        // Any word is one.
        Kind::Bytes | Kind::Integer | Kind::Token | Kind::Block(_) => "a word".to_owned(),
    };
    WireError::invalid(format!("{name} must be {what} but is {}", show(bytes)))
}

/// Whether each byte may be part of a SKU's name: one look-up a byte, no branches.
static IN_NAMES: [bool; 256] = {
    let mut in_names = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        in_names[byte] = value.is_ascii_alphanumeric() || matches!(value, b'.' | b'_' | b'-');
        byte += 1;
    }
    in_names
};

/// Whether `text` can name a SKU or a campaign: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().fold(true, |all, byte| all & IN_NAMES[usize::from(byte)])
}

/// Whether `text` can be a caller's id (buyer, request, payment): 1 to 64 printable ASCII characters
/// without spaces.
pub fn is_id(text: &str) -> bool {
    is_id_of(text.as_bytes(), 64)
}

fn is_id_of(bytes: &[u8], most: usize) -> bool {
    (1..=most).contains(&bytes.len()) && is_graphic(bytes)
}

/// Whether all are printable ASCII characters and no space. Ids are most of what the server reads, so eight bytes are judged
/// together: the highest bit of one is set in one of three sums if it is below `!`, above `~`, or no ASCII. Nothing is borrowed
/// by or carried from the bytes below the lowest bad one, so that one always shows; a good one above it may show too, which
/// changes nothing.
fn is_graphic(bytes: &[u8]) -> bool {
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let all = |eight: &[u8; 8]| {
        let eight = u64::from_le_bytes(*eight);
        (eight.wrapping_sub(each(b'!')) | eight.wrapping_add(each(1)) | eight) & each(0x80) == 0
    };
    match bytes.last_chunk() {
        // The last eight overlap those before them.
        Some(last) => bytes.as_chunks().0.iter().all(all) && all(last),
        None => bytes.iter().all(u8::is_ascii_graphic),
    }
}

fn whole_number(bytes: &[u8], least: u64, most: u64) -> Option<u64> {
    digits(bytes).filter(|value| (least..=most).contains(value))
}

/// The two degrees behind a word such as `AT`.
fn block<'a>(
    parts: &[Argument],
    word_at: impl Fn(usize) -> Option<Word<'a>>,
    token: &[u8],
) -> Result<Value<'a>, WireError> {
    let mut place = [0; 2];
    for (index, (slot, part)) in place.iter_mut().zip(parts).enumerate() {
        let Some(word) = word_at(index) else {
            return Err(WireError::invalid(format!("syntax error: {} needs {}", show(token), part.name)));
        };
        if let Value::Signed(e6) = check(part, word)? {
            *slot = i32::try_from(e6).unwrap_or_default();
        }
    }
    Ok(Value::Place(place[0], place[1]))
}

/// A decimal number of degrees, in millionths. Further digits are cut off: they are a tenth of a metre and less.
fn degrees(bytes: &[u8], most: u32) -> Option<i32> {
    let (negative, magnitude) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let (whole, fraction) = match magnitude.iter().position(|byte| *byte == b'.') {
        Some(point) => (&magnitude[..point], Some(&magnitude[point + 1..])),
        None => (magnitude, None),
    };
    let is_fraction =
        |digits: &&[u8]| (1..=20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let whole = digits(whole).filter(|_| whole.len() <= 3 && fraction.as_ref().is_none_or(is_fraction))?;
    let digit =
        |at: usize| fraction.and_then(|digits| digits.get(at)).map_or(0, |byte| u64::from(byte - b'0'));
    let e6 = (0..6).fold(whole, |value, at| 10 * value + digit(at));
    let e6 = i32::try_from(e6).ok().filter(|_| e6 <= u64::from(most) * 1_000_000)?;
    Some(if negative { -e6 } else { e6 })
}

fn delta(bytes: &[u8]) -> Option<i64> {
    let (negative, magnitude) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let value = i64::try_from(whole_number(magnitude, 1, MAX_SAFE_INTEGER)?).ok()?;
    Some(if negative { -value } else { value })
}

/// Plain decimal digits without a sign, leading zeros or spaces.
pub(super) fn digits(bytes: &[u8]) -> Option<u64> {
    match bytes {
        [] | [b'0', _, ..] => None,
        _ => bytes.iter().try_fold(0u64, |value, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            value.checked_mul(10)?.checked_add(digit)
        }),
    }
}

fn unexpected(spec: &CommandSpec, word: &[u8]) -> WireError {
    WireError::invalid(format!("syntax error: unexpected {}; usage: {}", show(word), spec.syntax()))
}

/// Part of what the client sent, safe to be repeated to it: printable, short, in quotes.
pub(super) fn show(bytes: &[u8]) -> String {
    const MOST: usize = 64;
    let shown = bytes.get(..MOST).unwrap_or(bytes).escape_ascii();
    if bytes.len() > MOST { format!("'{shown}...'") } else { format!("'{shown}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_no_id_may_have_is_seen_wherever_it_stands() {
        for length in 1..=40 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    for beside in [b'!', b'm', b'~'] {
                        let mut id = vec![beside; length];
                        id[at] = byte;
                        assert_eq!(is_graphic(&id), byte.is_ascii_graphic(), "{byte:#x} at {at} of {length}");
                    }
                }
            }
        }
    }
}
