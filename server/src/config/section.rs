//! How a setting is declared: its typed value, its default as written in the file, and the rule between them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// One setting as the reference describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingInfo {
    /// `section.key`.
    pub key: String,
    /// The default, written as in the file.
    pub default: String,
    /// The least and the greatest value, for a number.
    pub range: Option<(i64, i64)>,
}

impl SettingInfo {
    pub(super) fn new<T: Setting>(
        section: &str,
        name: &str,
        default: &T::Raw,
        rule: &impl Rule<T>,
    ) -> SettingInfo {
        // A string, an integer or a boolean: JSON and TOML write them alike.
        let default = serde_json::to_string(default).unwrap_or_default();
        SettingInfo { key: format!("{section}.{name}"), default, range: rule.range() }
    }
}

/// A typed value that has a plain form in the file.
pub(super) trait Setting: Sized {
    /// String, integer or boolean.
    type Raw: Serialize;

    /// The plain form of this value.
    fn to_raw(&self) -> Self::Raw;
}

/// What a plain value must satisfy to become the typed one. The reason of a refusal reads after `section.key: `.
pub(super) trait Rule<T: Setting> {
    fn check(&self, raw: &T::Raw) -> Result<T, String>;

    fn range(&self) -> Option<(i64, i64)> {
        None
    }
}

/// Settings that are whole numbers in the file.
pub(super) trait Number: Setting<Raw = i64> {
    fn from_raw(raw: i64) -> Option<Self>;
}

macro_rules! number {
    ($($type:ty),*) => { $(
        impl Setting for $type {
            type Raw = i64;

            fn to_raw(&self) -> i64 {
                i64::try_from(*self).unwrap_or(i64::MAX)
            }
        }

        impl Number for $type {
            fn from_raw(raw: i64) -> Option<Self> {
                raw.try_into().ok()
            }
        }
    )* };
}

number!(u32, u64, usize);

/// Durations are whole milliseconds in the file; their keys end in `_ms`.
impl Setting for Duration {
    type Raw = i64;

    fn to_raw(&self) -> i64 {
        i64::try_from(self.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Number for Duration {
    fn from_raw(raw: i64) -> Option<Self> {
        raw.try_into().ok().map(Duration::from_millis)
    }
}

impl Setting for String {
    type Raw = String;

    fn to_raw(&self) -> String {
        self.clone()
    }
}

impl Setting for PathBuf {
    type Raw = String;

    fn to_raw(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for SocketAddr {
    type Raw = String;

    fn to_raw(&self) -> String {
        self.to_string()
    }
}

/// A number between two bounds, both allowed.
pub(super) struct Within(pub(super) i64, pub(super) i64);

impl<T: Number> Rule<T> for Within {
    fn check(&self, raw: &i64) -> Result<T, String> {
        let Within(min, max) = *self;
        let in_range = (min..=max).contains(raw);
        in_range
            .then(|| T::from_raw(*raw))
            .flatten()
            .ok_or_else(|| format!("must be between {min} and {max}, but is {raw}"))
    }

    fn range(&self) -> Option<(i64, i64)> {
        Some((self.0, self.1))
    }
}

impl Setting for bool {
    type Raw = bool;

    fn to_raw(&self) -> bool {
        *self
    }
}

/// A file that need not be there is an empty text.
impl Setting for Option<PathBuf> {
    type Raw = String;

    fn to_raw(&self) -> String {
        self.as_ref().map_or(String::new(), Setting::to_raw)
    }
}

/// The name of a directory; whether it can be used is found out when it is opened.
pub(super) struct DirectoryPath;

impl Rule<PathBuf> for DirectoryPath {
    fn check(&self, raw: &String) -> Result<PathBuf, String> {
        if raw.trim().is_empty() {
            return Err("must name a directory, but is empty".to_owned());
        }
        if raw.contains('\0') {
            return Err("a path can't contain a NUL character".to_owned());
        }
        Ok(PathBuf::from(raw))
    }
}

/// The name of a file, or empty for none; whether it can be used is found out when it is read.
pub(super) struct OptionalFile;

impl Rule<Option<PathBuf>> for OptionalFile {
    fn check(&self, raw: &String) -> Result<Option<PathBuf>, String> {
        if raw.contains('\0') {
            return Err("a path can't contain a NUL character".to_owned());
        }
        Ok((!raw.is_empty()).then(|| PathBuf::from(raw)))
    }
}

/// A short text, or empty for none.
pub(super) struct Words;

impl Rule<String> for Words {
    fn check(&self, raw: &String) -> Result<String, String> {
        let fits = raw.len() <= 256 && !raw.chars().any(char::is_control);
        fits.then(|| raw.clone())
            .ok_or_else(|| "must be at most 256 bytes without control characters".to_owned())
    }
}

/// A reference of RFC 3986 to whoever something comes from, or empty for none.
pub(super) struct SourceName;

impl Rule<String> for SourceName {
    fn check(&self, raw: &String) -> Result<String, String> {
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
        let fits = raw.len() <= 256 && raw.bytes().all(is_allowed);
        fits.then(|| raw.clone()).ok_or_else(|| {
            "must be a reference such as https://shop.example.com/tidegate/eu, of at most 256 characters that may \
             stand in a URI"
                .to_owned()
        })
    }
}

/// One of two.
pub(super) struct YesOrNo;

impl Rule<bool> for YesOrNo {
    fn check(&self, raw: &bool) -> Result<bool, String> {
        Ok(*raw)
    }
}

/// An IP address and a port. Which addresses may be listened on depends on whether there are users.
pub(super) struct Address;

impl Rule<SocketAddr> for Address {
    fn check(&self, raw: &String) -> Result<SocketAddr, String> {
        raw.parse().map_err(|_| {
            format!("{raw:?} is not an IP address and a port, such as 127.0.0.1:7878 or [::1]:7878")
        })
    }
}

/// Declares a setting that is one of a few words, and its rule.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident / $rule:ident {
            $( $(#[$word_doc:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $( $(#[$word_doc])* $variant, )+
        }

        impl Setting for $name {
            type Raw = String;

            fn to_raw(&self) -> String {
                match self {
                    $( Self::$variant => $word.to_owned(), )+
                }
            }
        }

        struct $rule;

        impl Rule<$name> for $rule {
            fn check(&self, raw: &String) -> Result<$name, String> {
                match raw.as_str() {
                    $( $word => Ok($name::$variant), )+
                    _ => Err($crate::config::section::must_be_one_of(&[$($word),+], raw)),
                }
            }
        }
    };
}

/// Why a text is none of these words.
pub(super) fn must_be_one_of(words: &[&str], raw: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, others)) => format!("must be {} or {last}, but is {raw:?}", others.join(", ")),
        None => String::new(),
    }
}

/// Declares one section: the checked struct, its plain twin with the defaults, and the way between them.
macro_rules! section {
    (
        $(#[$doc:meta])*
        $name:ident / $raw:ident {
            $( $(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr, $rule:expr; )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $type, )*
        }

        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $raw {
            $( $field: <$type as Setting>::Raw, )*
        }

        impl Default for $raw {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $raw {
            /// Checks every setting of the section, also after the first problem.
            pub(super) fn build(&self, section: &str, problems: &mut Problems) -> Option<$name> {
                $(
                    let key = concat!(".", stringify!($field));
                    let $field = problems.check(
                        &format!("{section}{key}"),
                        Rule::<$type>::check(&$rule, &self.$field),
                    );
                )*
                Some($name { $( $field: $field?, )* })
            }

            /// Adds what the reference says about each setting of the section.
            pub(super) fn describe(section: &str, all: &mut Vec<SettingInfo>) {
                let defaults = Self::default();
                $( all.push(SettingInfo::new::<$type>(section, stringify!($field), &defaults.$field, &$rule)); )*
            }
        }

        impl From<&$name> for $raw {
            fn from(checked: &$name) -> Self {
                Self { $( $field: Setting::to_raw(&checked.$field), )* }
            }
        }
    };
}

pub(super) use {section, words};
