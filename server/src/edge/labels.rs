//! The labels under which answers are counted: commands of the table, and status words, error codes and `OK`.

use tidegate_protocol::command::COMMANDS;
use tidegate_protocol::error::ErrorCode;
use tidegate_protocol::status::Status;

/// Answers that are neither a status nor an error.
const OK: &str = "OK";

/// The names of all commands, in the order of their indexes.
#[must_use]
pub fn command_labels() -> Vec<&'static str> {
    COMMANDS.iter().map(|spec| spec.name).collect()
}

/// All that an answer can be counted as, in the order of [`Label`]'s indexes.
#[must_use]
pub fn outcome_labels() -> Vec<&'static str> {
    [Status::WORDS, ErrorCode::WORDS, &[OK]].concat()
}

/// What one answer is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Status(Status),
    Error(ErrorCode),
    Ok,
}

impl Label {
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Status(status) => status.index(),
            Self::Error(code) => Status::ALL.len() + code.index(),
            Self::Ok => Status::ALL.len() + ErrorCode::ALL.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_stands_at_its_index() {
        let words = outcome_labels();
        assert!(Status::ALL.iter().all(|status| words[Label::Status(*status).index()] == status.word()));
        assert!(ErrorCode::ALL.iter().all(|code| words[Label::Error(*code).index()] == code.word()));
        assert_eq!(words[Label::Ok.index()], OK);
    }
}
