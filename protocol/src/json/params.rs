//! From parameters by name to a command.

use serde_json::{Map, Number, Value};

use crate::command::{Argument, Command, CommandSpec, Group, Kind, MAX_SAFE_INTEGER, check_value, find};
use crate::document::{CampaignDocument, SkuDocument};
use crate::resp::encode_command;

/// What names differ in: here words are kept apart.
const RENAMED: &[(&str, &str)] = &[("MAXPRICE", "max_price")];

/// One parameter of a method.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Its name in a call.
    pub name: ParamName,
    /// What it may be.
    pub kind: Kind,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it is a list of such.
    pub list: bool,
    /// The word that stands before it in the command.
    token: Option<&'static str>,
}

/// The name of a parameter: that of the command's argument, of the word before it, or their plural for a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamName {
    word: &'static str,
    plural: bool,
}

impl ParamName {
    /// The name as it is written in a call.
    #[must_use]
    pub fn text(self) -> String {
        let word = RENAMED.iter().find(|(token, _)| *token == self.word).map_or(self.word, |(_, name)| name);
        format!("{}{}", word.to_ascii_lowercase(), if self.plural { "s" } else { "" })
    }
}

/// A call whose parameters don't fit its method. The text names the parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// It has to be there.
    #[error("{0}: is missing")]
    Missing(String),
    /// The method has no such parameter.
    #[error("{name}: {method} has no such parameter; it takes {known}")]
    Unknown {
        /// The parameter.
        name: String,
        /// The method.
        method: String,
        /// Those that there are.
        known: String,
    },
    /// It is of another type.
    #[error("{name}: must be {expected}")]
    Type {
        /// The parameter.
        name: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// It is of the right type, but not one that can be.
    #[error("{0}")]
    Value(String),
}

/// The command that a method stands for: its name in lower case. Commands about a connection, and those of Redis
/// streams, are no methods.
#[must_use]
pub fn method(name: &str) -> Option<Command> {
    let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    find(name.as_bytes()).filter(|command| is_lower && is_method(command.spec()))
}

fn is_method(spec: &CommandSpec) -> bool {
    spec.subcommands.is_empty()
        && matches!(
            spec.group,
            Group::Sku
                | Group::Order
                | Group::Room
                | Group::Cart
                | Group::Campaign
                | Group::Buyer
                | Group::Report
        )
}

/// The parameters of a command, in the order of its arguments.
pub fn params(spec: &'static CommandSpec) -> impl Iterator<Item = Param> {
    spec.arguments.iter().flat_map(|argument| {
        // A block behind one word is written as its parts: `AT lat lon`.
        let parts = match argument.kind {
            Kind::Block(parts) if argument.token.is_some() => parts,
            _ => std::slice::from_ref(argument),
        };
        parts.iter().enumerate().map(move |(at, part)| Param {
            name: ParamName {
                // The word names an option; its parts have names of their own.
                word: argument.token.filter(|_| std::ptr::eq(part, argument)).unwrap_or(part.name),
                plural: argument.multiple,
            },
            kind: part.kind,
            optional: argument.optional,
            list: argument.multiple,
            token: argument.token.filter(|_| at == 0),
        })
    })
}

/// Appends the command that a call asks for, as a Redis client sends it.
///
/// # Errors
/// Names the first parameter that is missing, unknown, of another type, or not what it may be.
pub fn command(command: Command, given: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), ParamError> {
    let spec = command.spec();
    let known: Vec<(String, Param)> = params(spec).map(|param| (param.name.text(), param)).collect();
    if let Some(name) = given.keys().find(|name| !known.iter().any(|(known, _)| known == *name)) {
        let known: Vec<&str> = known.iter().map(|(name, _)| &**name).collect();
        return Err(ParamError::Unknown {
            name: name.clone(),
            method: spec.name.to_ascii_lowercase(),
            known: known.join(", "),
        });
    }
    let mut words: Vec<String> = vec![spec.name.to_owned()];
    for (name, param) in &known {
        match given.get(name).filter(|value| !value.is_null()) {
            Some(value) => {
                put(name, param, value, &mut words)?;
                if matches!(param.kind, Kind::Json) {
                    check_document(spec, name, words.last().map_or("", String::as_str))?;
                }
            }
            None if param.optional => {}
            None => return Err(ParamError::Missing(name.clone())),
        }
    }
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    encode_command(out, &words);
    Ok(())
}

/// A document is a parameter too, and the caller's to put right.
fn check_document(spec: &CommandSpec, name: &str, document: &str) -> Result<(), ParamError> {
    let checked = match spec.group {
        Group::Campaign => CampaignDocument::from_json(document).map(drop),
        _ => SkuDocument::from_json(document).map(drop),
    };
    checked.map_err(|error| ParamError::Value(format!("{name}: {error}")))
}

fn put(name: &str, param: &Param, value: &Value, words: &mut Vec<String>) -> Result<(), ParamError> {
    if matches!(param.kind, Kind::Token) {
        match value {
            Value::Bool(true) => words.extend(param.token.map(str::to_owned)),
            Value::Bool(false) => {}
            _ => return Err(ParamError::Type { name: name.to_owned(), expected: "true or false" }),
        }
        return Ok(());
    }
    words.extend(param.token.map(str::to_owned));
    if !param.list {
        return put_one(name, param.kind, value, words);
    }
    let Value::Array(items) = value else {
        return Err(ParamError::Type { name: name.to_owned(), expected: "a list" });
    };
    if items.is_empty() {
        return Err(ParamError::Type { name: name.to_owned(), expected: "a list of at least one" });
    }
    for (at, item) in items.iter().enumerate() {
        put_one(&format!("{name}[{at}]"), param.kind, item, words)?;
    }
    Ok(())
}

fn put_one(name: &str, kind: Kind, value: &Value, words: &mut Vec<String>) -> Result<(), ParamError> {
    let word = match (kind, value) {
        (Kind::Block(parts), Value::Object(fields)) => return put_block(name, parts, fields, words),
        (Kind::Json, Value::Object(_)) => Some(value.to_string()),
        (Kind::Json, Value::String(text)) => Some(text.clone()),
        // Plain digits: a command knows no exponents.
        (Kind::Degrees { .. }, Value::Number(number)) => {
            number.as_f64().map(|degrees| format!("{degrees:.7}"))
        }
        (
            Kind::Quantity | Kind::Money | Kind::Delta | Kind::Metres | Kind::Integer,
            Value::Number(number),
        ) => Some(whole(number)),
        (
            Kind::Name | Kind::Id | Kind::Order | Kind::Room | Kind::Cart | Kind::Text { .. } | Kind::Bytes,
            Value::String(text),
        ) => Some(text.clone()),
        _ => None,
    };
    let expected = match kind {
        Kind::Quantity | Kind::Money | Kind::Delta | Kind::Metres | Kind::Integer => "a whole number",
        Kind::Degrees { .. } => "a number",
        Kind::Json | Kind::Block(_) => "an object",
        _ => "a string",
    };
    let word = word.ok_or_else(|| ParamError::Type { name: name.to_owned(), expected })?;
    check_value(name, kind, &word).map_err(|error| ParamError::Value(error.message().to_owned()))?;
    words.push(word);
    Ok(())
}

/// A number as a command has it. One that is whole may be written with a fraction of zero: JSON knows one kind of numbers.
fn whole(number: &Number) -> String {
    match number.as_f64() {
        Some(real) if number.is_f64() && real.fract() == 0.0 && real.abs() <= MAX_SAFE_INTEGER as f64 => {
            format!("{real:.0}")
        }
        _ => number.to_string(),
    }
}

/// The parts of one item of a list: `{"sku": "lamp", "qty": 1}`.
fn put_block(
    name: &str,
    parts: &'static [Argument],
    fields: &Map<String, Value>,
    words: &mut Vec<String>,
) -> Result<(), ParamError> {
    if let Some(unknown) = fields.keys().find(|field| !parts.iter().any(|part| part.name == *field)) {
        let known: Vec<&str> = parts.iter().map(|part| part.name).collect();
        return Err(ParamError::Unknown {
            name: format!("{name}.{unknown}"),
            method: "an item of this list".to_owned(),
            known: known.join(", "),
        });
    }
    for part in parts {
        let place = format!("{name}.{}", part.name);
        match fields.get(part.name) {
            Some(value) => put_one(&place, part.kind, value, words)?,
            None => return Err(ParamError::Missing(place)),
        }
    }
    Ok(())
}
