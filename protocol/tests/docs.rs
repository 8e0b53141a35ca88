//! The reference in `docs/PROTOCOL.md` says what the code does.

#![allow(clippy::unwrap_used)] // helpers of tests may fail like the tests they help

use std::fs;
use std::path::PathBuf;

use tidegate_protocol::command::reference;
use tidegate_protocol::document::SkuDocument;
use tidegate_protocol::error::ErrorCode;
use tidegate_protocol::status::{OrderState, SkuState, Status};

const BEGIN: &str =
    "<!-- commands: begin (made by `UPDATE_DOCS=1 cargo test -p tidegate-protocol --test docs`) -->\n";
const END: &str = "<!-- commands: end -->";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md")
}

fn page() -> String {
    fs::read_to_string(path()).unwrap()
}

#[test]
fn the_command_table_is_the_one_in_the_code() {
    let page = page();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let expected = reference::markdown();
    if table != expected && std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path(), format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(table, expected, "run UPDATE_DOCS=1 cargo test -p tidegate-protocol --test docs");
}

#[test]
fn every_word_of_the_protocol_is_explained() {
    let page = page();
    for word in [Status::WORDS, SkuState::WORDS, OrderState::WORDS, ErrorCode::WORDS].concat() {
        let named = page.contains(&format!("`{word}`")) || page.contains(&format!("`{word} "));
        assert!(named || page.contains(&format!("`[{word}")), "{word} is not in docs/PROTOCOL.md");
    }
}

#[test]
fn the_sample_document_is_valid() {
    let page = page();
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (sample, _) = rest.split_once("```").unwrap();
    SkuDocument::from_json(sample).unwrap();
}
