//! The layers of a configuration: defaults, file, environment, flags.
//!
//! Each layer is held against the defaults before it is merged: a key that no default has is unknown, a value
//! of another kind is wrong. Both are reported and left out, so that one mistake doesn't hide the next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Num, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::listed::Table as _;
use super::problem::Problems;
use super::{RawConfig, User, Webhook};

/// The beginning of every variable that is a setting.
const ENVIRONMENT_PREFIX: &str = "TIDEGATE_";

/// Variables that mean something but are not `section.key`: the short name of `log.filter`, and the file
/// itself, which the command line reads.
const LOG_VARIABLE: &str = "TIDEGATE_LOG";
const FILE_VARIABLE: &str = "TIDEGATE_CONFIG";

/// What a configuration is made from. Environment and flags are plain values here, so a test needs no process.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The TOML file. `None` is no file at all; none is looked for.
    pub file: Option<PathBuf>,
    /// Variables; only those that begin with `TIDEGATE_` are looked at.
    pub environment: Vec<(String, String)>,
    /// What the command line said.
    pub flags: Flags,
}

impl Sources {
    /// The file and flags given, with this process's environment.
    pub fn from_process(file: Option<PathBuf>, flags: Flags) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .collect();
        Self { file, environment, flags }
    }
}

/// Settings that have a flag. `None` leaves the setting to the other layers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--data-dir`.
    pub data_dir: Option<String>,
    /// `--tcp-listen`.
    pub tcp_listen: Option<String>,
    /// `--http-listen`.
    pub http_listen: Option<String>,
    /// `--campaign`, in order.
    pub campaigns: Vec<PathBuf>,
}

/// The merged layers; each value remembers where it was written.
pub(super) struct Layers {
    figment: Figment,
    pub(super) listed: Listed,
    pub(super) unused_variables: Vec<String>,
}

/// What the file lists: the parts of a configuration that other layers have no way to say.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) users: Vec<Value>,
    pub(super) webhooks: Vec<Value>,
}

impl Layers {
    pub(super) fn extract(&self) -> Result<RawConfig, String> {
        self.figment.extract().map_err(|error| error.to_string())
    }

    /// Where the value of `key` was written; `None` for a default.
    pub(super) fn origin_of(&self, key: &str) -> Option<String> {
        let metadata = self.figment.find_metadata(key)?;
        (metadata.name != DEFAULTS).then(|| metadata.name.to_string())
    }
}

const DEFAULTS: &str = "default";

/// Reads every layer, notes what is no setting or of the wrong kind, and merges the rest.
pub(super) fn read(sources: &Sources, problems: &mut Problems) -> Layers {
    let shape = Shape::of_defaults();
    let mut listed = Listed::default();
    let mut figment = Figment::from(Layer { name: DEFAULTS.to_owned(), values: shape.defaults.clone() });
    if let Some(file) = &sources.file
        && let Some(mut values) = read_file(file, problems)
    {
        let name = file.display().to_string();
        let mut take = |key| values.remove(key).map_or(Vec::new(), |value| list(key, value, &name, problems));
        listed = Listed { users: take(User::KEY), webhooks: take(Webhook::KEY) };
        shape.keep_settings(&mut values, &name, problems);
        figment = figment.merge(Layer { name, values });
    }
    let (variables, unused_variables) = variables(&sources.environment, &shape);
    for (variable, key, text) in variables {
        let name = format!("the variable {variable}");
        figment = figment.merge(shape.layer_of_text(name, &key, &text, problems));
    }
    for (flag, key, text) in flags(&sources.flags) {
        figment = figment.merge(shape.layer_of_text(format!("the flag {flag}"), key, text, problems));
    }
    Layers { figment, listed, unused_variables }
}

fn list(key: &str, value: Value, origin: &str, problems: &mut Problems) -> Vec<Value> {
    match value {
        Value::Array(_, listed) => listed,
        _ => {
            problems.add_from(key, format!("is a list; write [[{key}]] for each"), origin);
            Vec::new()
        }
    }
}

fn read_file(file: &Path, problems: &mut Problems) -> Option<Dict> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| problems.add(file.display().to_string(), format!("can't be read: {error}")))
        .ok()?;
    toml::from_str::<toml::Table>(&text)
        .map_err(|error| {
            // Where and what, but not the line itself: a hash may stand in it.
            let place = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1;
            problems
                .add(file.display().to_string(), format!("is not TOML: line {line}: {}", error.message()));
        })
        .ok()?;
    Toml::from_str::<Dict>(&text)
        .map_err(|error| problems.add(file.display().to_string(), format!("is not TOML: {error}")))
        .ok()
}

/// `TIDEGATE_` and the key in capitals, with `_` (or `__`) for the dot. Keys are few and known, so one
/// underscore is never ambiguous; a test proves it. Returns (variable, key, text) and the variables that are
/// no setting.
fn variables(
    environment: &[(String, String)],
    shape: &Shape,
) -> (Vec<(String, String, String)>, Vec<String>) {
    let names: BTreeMap<String, &str> =
        shape.kinds.keys().map(|key| (key.to_uppercase().replace('.', "_"), key.as_str())).collect();
    let mut used = Vec::new();
    let mut unused = Vec::new();
    for (variable, text) in environment {
        let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
        match names.get(&name.replace("__", "_")) {
            _ if variable == FILE_VARIABLE => {}
            _ if variable == LOG_VARIABLE => {
                used.push((variable.clone(), "log.filter".to_owned(), text.clone()))
            }
            Some(key) => used.push((variable.clone(), (*key).to_owned(), text.clone())),
            None => unused.push(variable.clone()),
        }
    }
    // The environment has no order; the same variables shall always give the same settings.
    used.sort();
    unused.sort();
    (used, unused)
}

fn flags(flags: &Flags) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
    [
        ("--data-dir", "data_dir", &flags.data_dir),
        ("--tcp-listen", "tcp.listen", &flags.tcp_listen),
        ("--http-listen", "http.listen", &flags.http_listen),
    ]
    .into_iter()
    .filter_map(|(flag, key, text)| Some((flag, key, text.as_deref()?)))
}

/// The values of one place. Its name is what an error says about their origin.
struct Layer {
    name: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Truth,
}

impl Kind {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(..) | Value::Char(..) => Some(Kind::Text),
            Value::Num(_, Num::F32(_) | Num::F64(_)) => None,
            Value::Num(..) => Some(Kind::Integer),
            Value::Bool(..) => Some(Kind::Truth),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Text => "text in quotes",
            Kind::Integer => "a whole number",
            Kind::Truth => "true or false",
        }
    }

    /// A variable's or flag's text as a value of this kind.
    fn parse(self, text: &str) -> Option<Value> {
        match self {
            Kind::Text => Some(Value::from(text)),
            Kind::Integer => text.trim().replace('_', "").parse::<i64>().ok().map(Value::from),
            Kind::Truth => text.trim().parse::<bool>().ok().map(Value::from),
        }
    }
}

/// Which settings exist and of which kind each is, read off the defaults.
struct Shape {
    defaults: Dict,
    /// By `section.key`.
    kinds: BTreeMap<String, Kind>,
}

impl Shape {
    fn of_defaults() -> Self {
        let defaults = Serialized::defaults(RawConfig::default())
            .data()
            .ok()
            .and_then(|mut profiles| profiles.remove(&Profile::Default))
            .unwrap_or_default();
        let mut kinds = BTreeMap::new();
        for (name, value) in &defaults {
            match (value.as_dict(), Kind::of(value)) {
                (Some(section), _) => {
                    let settings = section.iter().filter_map(|(key, value)| Some((key, Kind::of(value)?)));
                    kinds.extend(settings.map(|(key, kind)| (format!("{name}.{key}"), kind)));
                }
                (None, Some(kind)) => drop(kinds.insert(name.clone(), kind)),
                (None, None) => {}
            }
        }
        Self { defaults, kinds }
    }

    /// Removes from `values` whatever can't be merged, and says why.
    fn keep_settings(&self, values: &mut Dict, origin: &str, problems: &mut Problems) {
        values.retain(|name, value| {
            let is_section = self.defaults.get(name).is_some_and(|default| default.as_dict().is_some());
            match value {
                Value::Dict(_, section) if is_section => {
                    section
                        .retain(|key, value| self.accepts(&format!("{name}.{key}"), value, origin, problems));
                    true
                }
                _ if is_section => {
                    let reason = format!("is a section; write [{name}] and its settings below");
                    problems.add_from(name, reason, origin);
                    false
                }
                _ => self.accepts(name, value, origin, problems),
            }
        });
    }

    fn accepts(&self, key: &str, value: &Value, origin: &str, problems: &mut Problems) -> bool {
        let Some(kind) = self.kinds.get(key) else {
            problems.add_from(key, self.unknown(key), origin);
            return false;
        };
        let right = Kind::of(value) == Some(*kind);
        if !right {
            problems.add_from(key, format!("must be {}", kind.name()), origin);
        }
        right
    }

    fn unknown(&self, key: &str) -> String {
        let (place, prefix) = match key.split_once('.') {
            Some((section, _)) => (format!("[{section}]"), format!("{section}.")),
            None => ("a file".to_owned(), String::new()),
        };
        let known: Vec<&str> = if prefix.is_empty() {
            self.defaults.keys().map(String::as_str).chain([User::KEY, Webhook::KEY]).collect()
        } else {
            self.kinds.keys().filter_map(|key| key.strip_prefix(&prefix)).collect()
        };
        format!("unknown key; {place} may hold {}", known.join(", "))
    }

    /// One setting from outside the file, where every value is text. Empty if the text doesn't fit.
    fn layer_of_text(&self, name: String, key: &str, text: &str, problems: &mut Problems) -> Layer {
        let kind = self.kinds.get(key).copied().unwrap_or(Kind::Text);
        let values = match kind.parse(text) {
            Some(value) => nested(key, value),
            None => {
                problems.add_from(key, format!("must be {}, but is {text:?}", kind.name()), &name);
                Dict::new()
            }
        };
        Layer { name, values }
    }
}

fn nested(key: &str, value: Value) -> Dict {
    match key.split_once('.') {
        Some((section, key)) => {
            Dict::from([(section.to_owned(), Value::from(Dict::from([(key.to_owned(), value)])))])
        }
        None => Dict::from([(key.to_owned(), value)]),
    }
}
