//! What a SKU document says of the goods.

use std::collections::HashSet;
use std::fmt;

use super::DocumentError;
use super::object::Field;

/// The most codes of one SKU.
pub(super) const MAX_CODES: usize = 100_000;

/// The longest code, in bytes.
pub(super) const MAX_CODE: usize = 128;

/// What each paid unit comes with.
#[derive(Clone, PartialEq, Eq)]
pub enum Fulfilment {
    /// One of these codes each: 1 to 100,000 of 1 to 128 printable ASCII characters without spaces, none twice.
    Codes(Vec<String>),
    /// A serial number each.
    Numbered,
}

/// Codes are for who paid: no log shows them.
impl fmt::Debug for Fulfilment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fulfilment::Codes(codes) => write!(f, "Codes({} of them)", codes.len()),
            Fulfilment::Numbered => f.write_str("Numbered"),
        }
    }
}

/// Reads `{"codes": [...]}` or `{"numbered": true}`.
pub(super) fn read(field: Field) -> Result<Fulfilment, DocumentError> {
    let path = field.path.clone();
    let mut object = field.object()?;
    let (codes, numbered) = (object.optional("codes"), object.optional("numbered"));
    object.finish()?;
    match (codes, numbered) {
        (Some(codes), None) => read_codes(codes).map(Fulfilment::Codes),
        (None, Some(numbered)) => {
            numbered.yes()?;
            Ok(Fulfilment::Numbered)
        }
        _ => Err(DocumentError::new(path, "must be one of codes and numbered")),
    }
}

fn read_codes(field: Field) -> Result<Vec<String>, DocumentError> {
    let path = field.path.clone();
    let rule = format!("must be a code: 1 to {MAX_CODE} printable ASCII characters without spaces");
    let is_code =
        |text: &str| (1..=MAX_CODE).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let codes = field.texts(MAX_CODES, &rule, is_code)?;
    let mut seen = HashSet::new();
    match codes.iter().position(|code| !seen.insert(code.as_str())) {
        Some(at) => Err(DocumentError::new(format!("{path}.{at}"), "is there twice")),
        None => Ok(codes),
    }
}
