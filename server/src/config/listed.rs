//! What a file lists in tables of one kind, such as `[[users]]`: checked one after the other.

use figment::value::{Dict, Value};
use tidegate_protocol::command::is_name;

use super::problem::Problems;

/// One of a list. Each has a name, which no other has.
pub(super) trait Table: Sized {
    /// The key in the file: `users`.
    const KEY: &'static str;
    /// What one is called: `user`.
    const ONE: &'static str;
    /// How many there may be.
    const MOST: usize;
    /// The keys that each must have.
    const REQUIRED: &'static [&'static str];
    /// The keys that it may have besides.
    const OPTIONAL: &'static [&'static str] = &[];

    fn name(&self) -> &str;

    /// Reads the one at this place; its keys were checked. `None` exactly if a problem was found.
    fn read(at: &str, fields: &Dict, problems: &mut Problems) -> Option<Self>;

    /// Checks all that a file lists. `None` exactly if a problem was found.
    fn check_all(listed: &[Value], problems: &mut Problems) -> Option<Vec<Self>> {
        let before = problems.len();
        if listed.len() > Self::MOST {
            let (most, key) = (Self::MOST, Self::KEY);
            problems.add(key, format!("at most {most} {key}, but there are {}", listed.len()));
        }
        let mut all: Vec<Self> = Vec::new();
        for (number, value) in listed.iter().enumerate() {
            let at = format!("{}[{number}]", Self::KEY);
            let Some(one) = check_one::<Self>(&at, value, problems) else { continue };
            if all.iter().any(|other| other.name() == one.name()) {
                let reason = format!("there is another {} called {:?}", Self::ONE, one.name());
                problems.add(format!("{at}.name"), reason);
            }
            all.push(one);
        }
        (problems.len() == before).then_some(all)
    }
}

fn check_one<T: Table>(at: &str, value: &Value, problems: &mut Problems) -> Option<T> {
    let Some(fields) = value.as_dict() else {
        problems.add(at, format!("is no table; write [[{}]] and {} below", T::KEY, T::REQUIRED.join(", ")));
        return None;
    };
    let known = [T::REQUIRED, T::OPTIONAL].concat();
    for field in fields.keys().filter(|field| !known.contains(&field.as_str())) {
        let may_have = known.join(", ");
        problems.add(format!("{at}.{field}"), format!("unknown key; a {} may have {may_have}", T::ONE));
    }
    T::read(at, fields, problems)
}

/// A text; empty if there is none.
pub(super) fn text<'f>(fields: &'f Dict, key: &str) -> &'f str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The name, made as those of SKUs are.
pub(super) fn name(fields: &Dict) -> Result<String, String> {
    let name = text(fields, "name");
    is_name(name)
        .then(|| name.to_owned())
        .ok_or_else(|| "must be 1 to 64 characters of A-Z a-z 0-9 . _ -".to_owned())
}
