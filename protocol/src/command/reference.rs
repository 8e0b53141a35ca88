//! The command reference in `docs/PROTOCOL.md`, made from the table.

use std::fmt::Write as _;

use super::COMMANDS;
use super::spec::CommandSpec;

/// The commands as a Markdown table. A test keeps `docs/PROTOCOL.md` equal to it.
pub fn markdown() -> String {
    let mut text = String::from("| Command | Who | What it does | Replies |\n|---|---|---|---|\n");
    for spec in COMMANDS {
        // A command that is nothing without a subcommand is described by its subcommands.
        if !spec.replies.is_empty() {
            row(&mut text, spec);
        }
        spec.subcommands.iter().for_each(|sub| row(&mut text, sub));
    }
    text
}

fn row(text: &mut String, spec: &CommandSpec) {
    let replies: Vec<String> = spec
        .replies
        .iter()
        .map(|reply| if reply.starts_with('[') { format!("`{reply}`") } else { (*reply).to_owned() })
        .collect();
    // Writing to a String can't fail.
    let _ = writeln!(
        text,
        "| `{}` | {} | {} | {} |",
        spec.syntax(),
        spec.role.name(),
        spec.summary,
        replies.join("; ")
    );
}
