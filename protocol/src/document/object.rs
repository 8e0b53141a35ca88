//! Taking a document apart, field by field.

use jiff::Timestamp;

use super::node::Node;
use super::{DocumentError, clip};

/// The last moment that has a date with a four-digit year, 9999-12-30T22:00:00Z, in epoch milliseconds.
pub(super) const LAST_TIME: i128 = 253_402_207_200_000;

/// A map of which every field must be taken before it is finished.
#[derive(Debug)]
pub(super) struct Object {
    path: String,
    entries: Vec<(String, Node)>,
    known: Vec<&'static str>,
}

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) path: String,
    node: Node,
}

impl Object {
    /// The whole document, which must be a map without a key given twice.
    pub(super) fn root(node: Node) -> Result<Self, DocumentError> {
        Object::new(String::new(), node)
    }

    fn new(path: String, node: Node) -> Result<Self, DocumentError> {
        let Node::Map(entries) = node else {
            let path = if path.is_empty() { "document".to_owned() } else { path };
            return Err(DocumentError::new(path, "must be an object"));
        };
        let mut names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(DocumentError::new(join(&path, twice[0]), "is given twice"));
        }
        Ok(Object { path, entries, known: Vec::new() })
    }

    /// A field that may be left out. `null` counts as left out.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<Field> {
        self.known.push(name);
        let index = self.entries.iter().position(|(key, _)| key == name)?;
        let (_, node) = self.entries.swap_remove(index);
        (node != Node::Null).then(|| Field { path: join(&self.path, name), node })
    }

    /// A field that must be there.
    pub(super) fn required(&mut self, name: &'static str) -> Result<Field, DocumentError> {
        self.optional(name).ok_or_else(|| DocumentError::new(join(&self.path, name), "is missing"))
    }

    /// Where it stands itself.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Where the field of this name stands.
    pub(super) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), DocumentError> {
        match self.entries.first() {
            Some((key, _)) => {
                let known = self.known.join(", ");
                Err(DocumentError::new(join(&self.path, key), format!("is not a field; there are {known}")))
            }
            None => Ok(()),
        }
    }

    /// Every field, for a map whose keys are names.
    pub(super) fn into_fields(self) -> impl Iterator<Item = (String, Field)> {
        let path = self.path;
        self.entries.into_iter().map(move |(name, node)| {
            let path = join(&path, &name);
            (name, Field { path, node })
        })
    }
}

impl Field {
    /// Another map.
    pub(super) fn object(self) -> Result<Object, DocumentError> {
        Object::new(self.path, self.node)
    }

    /// A whole number; `what` says of what: " of units".
    pub(super) fn whole(self, least: u64, most: u64, what: &str) -> Result<u64, DocumentError> {
        match self.node {
            Node::Whole(value) if (i128::from(least)..=i128::from(most)).contains(&value) => {
                u64::try_from(value).map_err(|_| self.wrong("is out of range"))
            }
            _ => Err(self.wrong(format!("must be a whole number{what} from {least} to {most}"))),
        }
    }

    /// As [`Field::whole`], for a smaller type.
    pub(super) fn whole_u32(self, least: u32, most: u32, what: &str) -> Result<u32, DocumentError> {
        let path = self.path.clone();
        let value = self.whole(least.into(), most.into(), what)?;
        u32::try_from(value).map_err(|_| DocumentError::new(path, "is out of range"))
    }

    /// Degrees up to so many on either side of zero, in millionths.
    pub(super) fn degrees(self, most: i32) -> Result<i32, DocumentError> {
        let degrees = match self.node {
            // No number of degrees is too large for this.
            Node::Whole(value) => i32::try_from(value).ok().map(f64::from),
            Node::Real(value) => Some(value),
            _ => None,
        };
        let within = degrees.filter(|degrees| degrees.abs() <= f64::from(most));
        // At most 180 million.
        #[allow(clippy::cast_possible_truncation)]
        let e6 = within.map(|degrees| (degrees * 1e6).round() as i32);
        e6.ok_or_else(|| self.wrong(format!("must be degrees from -{most} to {most}")))
    }

    /// `true`, and nothing else.
    pub(super) fn yes(self) -> Result<(), DocumentError> {
        match self.node {
            Node::Bool(true) => Ok(()),
            _ => Err(self.wrong("must be true, or left out")),
        }
    }

    /// A text that `fits`.
    pub(super) fn text(self, rule: &str, fits: impl Fn(&str) -> bool) -> Result<String, DocumentError> {
        match self.node {
            Node::Text(text) if fits(&text) => Ok(text),
            _ => Err(self.wrong(rule)),
        }
    }

    /// A moment, in epoch milliseconds: RFC 3339 with an offset from UTC, or the milliseconds themselves.
    pub(super) fn time(self) -> Result<u64, DocumentError> {
        let milliseconds = match &self.node {
            Node::Text(text) => text.parse::<Timestamp>().ok().map(|time| time.as_millisecond().into()),
            Node::Whole(value) => Some(*value),
            _ => None,
        };
        milliseconds
            .filter(|value| (0..=LAST_TIME).contains(value))
            .and_then(|value| u64::try_from(value).ok())
            .ok_or_else(|| {
                self.wrong(
                    "must be a time with an offset, such as 2026-11-11T00:00:00+08:00, or epoch milliseconds, \
                     from 1970 to 9999",
                )
            })
    }

    /// A list of 1 to `most` entries.
    pub(super) fn list(self, most: usize) -> Result<impl Iterator<Item = Field>, DocumentError> {
        self.list_of(1, most)
    }

    /// A list of up to `most` entries.
    pub(super) fn list_of_any(self, most: usize) -> Result<impl Iterator<Item = Field>, DocumentError> {
        self.list_of(0, most)
    }

    fn list_of(self, least: usize, most: usize) -> Result<impl Iterator<Item = Field>, DocumentError> {
        let Field { path, node } = self;
        let Node::List(items) = node else { return Err(DocumentError::new(path, "must be a list")) };
        if items.len() < least || items.len() > most {
            return Err(DocumentError::new(path, format!("must have {least} to {most} entries")));
        }
        let entry = move |(index, node)| Field { path: format!("{path}.{index}"), node };
        Ok(items.into_iter().enumerate().map(entry))
    }

    /// A list of 1 to `most` texts that all `fit`.
    pub(super) fn texts(
        self,
        most: usize,
        rule: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, DocumentError> {
        self.list(most)?.map(|entry| entry.text(rule, &fits)).collect()
    }

    /// An error at this field.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> DocumentError {
        DocumentError::new(self.path.clone(), reason)
    }
}

/// The path of `name` inside `path`. Names come from the document: they are cut and made printable, and one that is empty is
/// shown.
fn join(path: &str, name: &str) -> String {
    let name = if name.is_empty() { "\"\"".to_owned() } else { clip(name, 64) };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}
