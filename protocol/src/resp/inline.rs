//! Inline commands: what a human types into telnet, split into words as a shell would.

use super::request::{FramingError, Span};

/// Splits `line` into words. The unquoted words go to `text`, one behind the other, and their positions
/// in it to `spans`; both are cleared first.
///
/// Words are separated by spaces. In double quotes `\n \r \t \b \a \xHH` are escapes and any other escaped
/// character stands for itself; in single quotes only `\'` is. A closing quote ends its word.
pub(super) fn split(
    line: &[u8],
    max_words: usize,
    text: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<(), FramingError> {
    text.clear();
    spans.clear();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        if spans.len() == max_words {
            return Err(FramingError::TooManyArguments { limit: max_words });
        }
        let start = text.len() as u32;
        rest = word(rest, text)?;
        spans.push(Span { start, end: text.len() as u32 });
        if spans.len() == 1 && is_http(text) {
            return Err(FramingError::HttpRequest);
        }
        rest = rest.trim_ascii_start();
    }
    Ok(())
}

/// Appends the first word of `rest` to `text` and returns what stands behind it.
fn word<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], FramingError> {
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'"' => return end_of_word(double_quoted(after, text)?),
            b'\'' => return end_of_word(single_quoted(after, text)?),
            byte if is_space(byte) => return Ok(rest),
            byte => text.push(byte),
        }
        rest = after;
    }
    Ok(rest)
}

fn double_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], FramingError> {
    loop {
        match rest {
            [b'"', after @ ..] => return Ok(after),
            [b'\\', b'x', high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                text.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                text.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                rest = after;
            }
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
            [] => return Err(FramingError::UnbalancedQuotes),
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], FramingError> {
    loop {
        match rest {
            [b'\'', after @ ..] => return Ok(after),
            [b'\\', b'\'', after @ ..] => {
                text.push(b'\'');
                rest = after;
            }
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
            [] => return Err(FramingError::UnbalancedQuotes),
        }
    }
}

fn end_of_word(rest: &[u8]) -> Result<&[u8], FramingError> {
    match rest.first() {
        Some(&byte) if !is_space(byte) => Err(FramingError::UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The first words of an HTTP request that can carry foreign commands in its body.
fn is_http(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"POST") || word.eq_ignore_ascii_case(b"Host:")
}
