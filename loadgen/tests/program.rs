//! The program as its users meet it: exit codes, words, and the JSON with its schema.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{Flaw, start};
use serde_json::{Value, json};

fn loadgen(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate-loadgen")).args(args).output().unwrap()
}

fn small_run(flaw: Flaw, json: &Path) -> Output {
    let target = start(flaw).to_string();
    let json = json.to_str().unwrap();
    loadgen(&[
        "run",
        "--target",
        &target,
        "--closed",
        "--requests",
        "2000",
        "--connections",
        "3",
        "--pipeline",
        "5",
        "--skus",
        "4",
        "--stock",
        "100",
        "--mix",
        "reserve=50,get=30,pay=10,cancel=10",
        "--json",
        json,
        "--no-progress",
    ])
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[test]
fn an_honest_sale_ends_with_zero_and_a_result_of_the_documented_form() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("result.json");
    let output = small_run(Flaw::None, &path);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    for part in ["p99.9", "SOLD_OUT", "Nothing was lost.", "Every SKU balances.", "The sale adds up."] {
        assert!(text(&output.stdout).contains(part), "{part} in {}", text(&output.stdout));
    }
    let result: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(violations(&schema(), &result), Vec::<String>::new());
    assert_eq!(result["requests"]["answered"], 2_000);
}

#[test]
fn a_sale_that_does_not_add_up_ends_with_one_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("result.json");
    let output = small_run(Flaw::Miscounts, &path);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("The sale DOES NOT ADD UP."));
    assert!(text(&output.stdout).contains("is not total 100"), "{}", text(&output.stdout));
    let result: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(violations(&schema(), &result), Vec::<String>::new());
    assert_eq!(result["verdict"]["ok"], false);
}

#[test]
fn what_cannot_be_done_ends_with_two() {
    let output = loadgen(&["run", "--target", "127.0.0.1:1", "--no-progress"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot connect to 127.0.0.1:1"), "{}", text(&output.stderr));
    let output = loadgen(&["run", "--target", "127.0.0.1:1", "--mix", "steal=100"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("known: reserve, get, pay, cancel"));
    let output = loadgen(&["run", "--target", "127.0.0.1:1", "--rate", "5", "--closed"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_trace_is_made_and_played() {
    let directory = tempfile::tempdir().unwrap();
    let invoices = directory.path().join("retail.csv");
    std::fs::write(
        &invoices,
        "invoice,sku,description,quantity,invoiced_at,unit_price_pence,customer,country\n\
         1,POT,TEAPOT,6,2011-12-05T08:38:00Z,255,17850,UK\n\
         2,POT,TEAPOT,4,2011-12-05T08:39:00Z,255,17851,UK\n\
         3,POST,POSTAGE,1,2011-12-05T08:39:00Z,900,17851,UK\n",
    )
    .unwrap();
    let (invoices, trace) = (invoices.to_str().unwrap(), directory.path().join("trace.csv.gz"));
    let trace = trace.to_str().unwrap();
    let output = loadgen(&["convert", "--in", invoices, "--day", "2011-12-05", "--out", trace]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("skipped 1: service"), "{}", text(&output.stdout));

    let target = start(Flaw::None).to_string();
    let output = loadgen(&["replay", "--target", &target, "--trace", trace, "--closed", "--no-progress"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    for part in ["2 purchases", "1 accepted, 1 sold out", "20111205-POT", "The sale adds up."] {
        assert!(text(&output.stdout).contains(part), "{part} in {}", text(&output.stdout));
    }
    let target = start(Flaw::ForgetsPayments).to_string();
    let output = loadgen(&["replay", "--target", &target, "--trace", trace, "--no-progress"]);
    assert_eq!(output.status.code(), Some(1));
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../schema/result.schema.json")).unwrap()
}

/// Everything about `value` that the schema forbids. Knows the keywords that the schema uses and refuses others.
fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    visit(schema, schema, value, "$", &mut found);
    found
}

fn visit(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let ok = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "additionalProperties" => true,
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                visit(root, target, value, at, found);
                true
            }
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| is_type(value, name)),
                name => is_type(value, name),
            },
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "required" => {
                rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
            }
            "items" => {
                for (position, item) in value.as_array().into_iter().flatten().enumerate() {
                    visit(root, rule, item, &format!("{at}[{position}]"), found);
                }
                true
            }
            "properties" => true,
            other => panic!("the schema uses '{other}', which this test does not know"),
        };
        if !ok {
            found.push(format!("{at}: {value} against {keyword} {rule}"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        match (schema.pointer(&format!("/properties/{name}")), schema.get("additionalProperties")) {
            (Some(rule), _) => visit(root, rule, member, &at, found),
            (None, Some(Value::Bool(false))) => found.push(format!("{at} is not in the schema")),
            (None, Some(rule)) => visit(root, rule, member, &at, found),
            (None, None) => {}
        }
    }
}

fn is_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("unknown type {other}"),
    }
}

#[test]
fn the_schema_check_can_fail() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("result.json");
    small_run(Flaw::None, &path);
    let honest: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let bend = |pointer: &str, to: Value| {
        let mut result = honest.clone();
        *result.pointer_mut(pointer).unwrap() = to;
        violations(&schema(), &result)
    };
    assert!(!bend("/format", json!("other")).is_empty());
    assert!(!bend("/requests/sent", json!(-1)).is_empty());
    assert!(!bend("/config", json!({})).is_empty());
    assert!(!bend("/verdict/accepted", json!({"orders": 1, "units": 1, "money": 1, "more": 1})).is_empty());
    assert!(!bend("/verdict/findings", json!([{"sku": "x", "kind": "strange", "text": ""}])).is_empty());
    assert!(!bend("/commands/SKU.GET/outcomes", json!({"FOUND": "many"})).is_empty());
}
