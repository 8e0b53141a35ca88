//! What an operator may write, what is refused and how it is said.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails the test by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_server::config::{Config, ConfigError, Flags, Loaded, LogFormat, Sources, check_file};

/// A file with this text, alone in its directory, which lives as long as the first value.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tidegate.toml");
    fs::write(&path, text).unwrap();
    (directory, path)
}

fn load_file(text: &str) -> Result<Loaded, ConfigError> {
    let (_directory, path) = file(text);
    Config::load(&Sources { file: Some(path), ..Sources::default() })
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load_variables(pairs: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    Config::load(&Sources { environment: variables(pairs), ..Sources::default() })
}

/// `key: reason` of every problem, without the origin.
fn problems(outcome: Result<Loaded, ConfigError>) -> Vec<String> {
    let error = outcome.expect_err("this configuration must be refused");
    error.problems.iter().map(|problem| format!("{}: {}", problem.key, problem.reason)).collect()
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

#[test]
fn without_anything_the_defaults_hold() {
    let loaded = Config::load(&Sources::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.config.data_dir, Path::new("./tidegate-data"));
    assert_eq!(loaded.config.tcp.listen.to_string(), "127.0.0.1:7878");
    assert_eq!(loaded.config.http.listen.to_string(), "127.0.0.1:7879");
    assert_eq!(loaded.config.limits.partial_command_timeout_ms, Duration::from_secs(30));
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let (_directory, path) = file(
        "data_dir = 'from-file'\n[tcp]\nlisten = '127.0.0.1:1001'\n[http]\nlisten = '127.0.0.1:1002'\n\
         [limits]\nmax_connections = 3",
    );
    let mut sources = Sources { file: Some(path), ..Sources::default() };
    let from_file = Config::load(&sources).unwrap().config;
    assert_eq!(from_file.data_dir, Path::new("from-file"));
    assert_eq!(from_file.tcp.listen.port(), 1001);
    assert_eq!(from_file.limits.max_connections, 3);
    assert_eq!(from_file.limits.max_arguments, Config::default().limits.max_arguments);

    sources.environment = variables(&[
        ("TIDEGATE_DATA_DIR", "from-variable"),
        ("TIDEGATE_TCP_LISTEN", "127.0.0.1:2001"),
        ("TIDEGATE_LIMITS_MAX_CONNECTIONS", "4"),
    ]);
    let from_variable = Config::load(&sources).unwrap().config;
    assert_eq!(from_variable.data_dir, Path::new("from-variable"));
    assert_eq!(from_variable.tcp.listen.port(), 2001);
    assert_eq!(from_variable.http.listen.port(), 1002);
    assert_eq!(from_variable.limits.max_connections, 4);

    sources.flags = Flags {
        data_dir: Some("from-flag".to_owned()),
        tcp_listen: Some("127.0.0.1:3001".to_owned()),
        http_listen: Some("[::1]:3002".to_owned()),
        campaigns: vec![PathBuf::from("double-11.toml")],
    };
    let from_flag = Config::load(&sources).unwrap().config;
    assert_eq!(from_flag.data_dir, Path::new("from-flag"));
    assert_eq!(from_flag.tcp.listen.port(), 3001);
    assert_eq!(from_flag.http.listen.to_string(), "[::1]:3002");
    assert_eq!(from_flag.limits.max_connections, 4, "there is no flag for it");
    assert_eq!(from_flag.campaigns, [PathBuf::from("double-11.toml")]);
}

#[test]
fn each_bad_value_is_refused_by_name_and_reason() {
    let table = [
        ("[tcp]\nlisten = '0.0.0.0:7878'", "tcp.listen: 0.0.0.0:7878 can be reached from other machines"),
        ("[tcp]\nlisten = '[::]:7878'", "tcp.listen: [::]:7878 can be reached from other machines"),
        (
            "[tcp]\nlisten = 'localhost:7878'",
            "tcp.listen: \"localhost:7878\" is not an IP address and a port",
        ),
        ("[tcp]\nlisten = '127.0.0.1'", "tcp.listen: \"127.0.0.1\" is not an IP address and a port"),
        ("[tcp]\nlisten = 7878", "tcp.listen: must be text in quotes"),
        ("[http]\nlisten = '192.168.1.9:80'", "http.listen: 192.168.1.9:80 can be reached"),
        ("[http]\nlisten = '127.0.0.1:7878'", "http.listen: 127.0.0.1:7878 is tcp.listen's address too"),
        (
            "[http]\nallowed_origins = 'https://a.example, shop.example'",
            "http.allowed_origins: \"shop.example\" is not an origin",
        ),
        ("data_dir = ' '", "data_dir: must name a directory"),
        ("data_dir = \"a\\u0000b\"", "data_dir: a path can't contain a NUL character"),
        ("[limits]\nmax_connections = 0", "limits.max_connections: must be between 1 and 1000000, but is 0"),
        (
            "[limits]\nmax_connections = -1",
            "limits.max_connections: must be between 1 and 1000000, but is -1",
        ),
        ("[limits]\nmax_connections = '9'", "limits.max_connections: must be a whole number"),
        ("[limits]\nmax_connections = 9.5", "limits.max_connections: must be a whole number"),
        ("[limits]\nmax_command_bytes = 300000", "limits.read_buffer_bytes: 262144 can't hold one command"),
        (
            "[journal]\nretention_epochs = 0",
            "journal.retention_epochs: must be between 1 and 10000, but is 0",
        ),
        (
            "[journal]\nmax_inflight_bytes = 1048576\nmax_commit_bytes = 2097152",
            "journal.max_inflight_bytes: 1048576 is less than one commit of journal.max_commit_bytes (2097152)",
        ),
        ("[journal]\ncache_bytes = true", "journal.cache_bytes: must be a whole number"),
        ("[log]\nfilter = 'tidegate=loud'", "log.filter: \"tidegate=loud\" is not a log filter"),
        ("[log]\nformat = 'xml'", "log.format: must be \"human\" or \"json\", but is \"xml\""),
        (
            "[limits]\nmax_conections = 1",
            "limits.max_conections: unknown key; [limits] may hold mailbox_capacity, max_arguments, ",
        ),
        ("[limit]\nmax_connections = 1", "limit: unknown key; a file may hold actors, data_dir, "),
        ("listen = 'x'", "listen: unknown key; a file may hold "),
        ("limits = 5", "limits: is a section; write [limits] and its settings below"),
        ("[data_dir]\npath = 'x'", "data_dir: must be text in quotes"),
    ];
    for (text, expected) in table {
        let found = problems(load_file(text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn every_number_is_refused_one_step_beyond_either_bound_and_taken_on_it() {
    for setting in Config::settings() {
        let Some((min, max)) = setting.range else { continue };
        let (section, name) = setting.key.split_once('.').unwrap();
        for beyond in [min - 1, max + 1] {
            let found = problems(load_file(&format!("[{section}]\n{name} = {beyond}")));
            assert!(
                found.contains(&format!("{}: must be between {min} and {max}, but is {beyond}", setting.key))
            );
        }
        for bound in [min, max] {
            // Another setting may not go with this one; then it is that problem and not the range's.
            if let Err(error) = load_file(&format!("[{section}]\n{name} = {bound}")) {
                let reasons: Vec<_> = error.problems.iter().map(|problem| &problem.reason).collect();
                assert!(
                    !reasons.iter().any(|reason| reason.starts_with("must be")),
                    "{}: {error}",
                    setting.key
                );
            }
        }
    }
}

#[test]
fn what_is_wrong_with_a_webhook_is_told_by_its_place() {
    let webhook = |name: &str, url: &str, more: &str| {
        format!("[[webhooks]]\nname = '{name}'\nurl = '{url}'\nsecret_file = 'secret'\n{more}\n")
    };
    let https = "https://shop.example.com/hooks";
    let table = [
        (webhook("a b", https, ""), "webhooks[0].name: must be 1 to 64 characters"),
        (webhook("a", "shop.example.com", ""), "webhooks[0].url: must be an address such as https://"),
        (webhook("a", "ftp://shop.example.com/", ""), "webhooks[0].url: must be an address such as https://"),
        (webhook("a", "https://me:hunter2@shop.example.com/", ""), "webhooks[0].url: can't hold a user"),
        (webhook("a", "http://shop.example.com/", ""), "webhooks[0].url: must be https: "),
        (
            webhook("a", https, "events = ['order.payed']"),
            "webhooks[0].events: must be a list of order.reserved, ",
        ),
        (webhook("a", https, "events = []"), "webhooks[0].events: must be a list of types"),
        (
            webhook("a", https, "skus = ['lamp']"),
            "webhooks[0].skus: unknown key; a webhook may have name, url, ",
        ),
        (
            webhook("a", https, "") + &webhook("a", https, ""),
            "webhooks[1].name: there is another webhook called \"a\"",
        ),
        (
            "[[webhooks]]\nname = 'a'\nurl = 'https://shop.example.com'".to_owned(),
            "webhooks[0].secret_file: must name the file that holds the secret",
        ),
        (
            "webhooks = 'https://shop.example.com/'".to_owned(),
            "webhooks: is a list; write [[webhooks]] for each",
        ),
        (
            "[deliveries]\nfirst_retry_ms = 900_000".to_owned(),
            "deliveries.max_retry_ms: is less than deliveries.first_retry_ms",
        ),
    ];
    for (text, expected) in table {
        let found = problems(load_file(&text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with(expected) && !found[0].contains("hunter2"), "{text}: {found:?}");
    }
    let text = webhook("a", "http://[::1]:8080/", "")
        + &webhook("b", "http://shop.example.com/", "events = ['order.paid']")
        + "[deliveries]\nallow_http = true";
    let loaded = load_file(&text).unwrap().config;
    assert_eq!(load_file(&loaded.to_toml()).unwrap().config, loaded, "it reads back");
}

#[test]
fn all_problems_of_all_layers_are_told_at_once_each_with_its_origin() {
    let (_directory, path) =
        file("colour = 1\n[limits]\nmax_skus = 0\nmax_arguments = 'many'\n[log]\nformat = 'xml'");
    let sources = Sources {
        file: Some(path.clone()),
        environment: variables(&[("TIDEGATE_SHUTDOWN_DRAIN_MS", "soon"), ("TIDEGATE_LIMITS__RETRY_MS", "0")]),
        flags: Flags { tcp_listen: Some("0.0.0.0:1".to_owned()), ..Flags::default() },
    };
    let error = Config::load(&sources).unwrap_err();
    let file = path.display().to_string();
    let mut found: Vec<_> = error
        .problems
        .iter()
        .map(|problem| (problem.key.as_str(), problem.origin.as_deref().unwrap_or("nowhere")))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("colour", file.as_str()),
            ("limits.max_arguments", file.as_str()),
            ("limits.max_skus", file.as_str()),
            ("limits.retry_ms", "the variable TIDEGATE_LIMITS__RETRY_MS"),
            ("log.format", file.as_str()),
            ("shutdown.drain_ms", "the variable TIDEGATE_SHUTDOWN_DRAIN_MS"),
            ("tcp.listen", "the flag --tcp-listen"),
        ]
    );
    let text = error.to_string();
    assert_eq!(text.lines().count(), 8, "a headline and one line each: {text}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_one_problem_that_names_it() {
    let missing = PathBuf::from("no-such-directory/tidegate.toml");
    let found = problems(Config::load(&Sources { file: Some(missing), ..Sources::default() }));
    assert!(found[0].starts_with("no-such-directory/tidegate.toml: can't be read: "), "{found:?}");

    let found = problems(load_file("[limits\nmax_skus = 1"));
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("tidegate.toml: is not TOML: ") && found[0].contains("line 1"), "{found:?}");
}

#[test]
fn every_setting_has_one_variable_with_one_underscore_or_two() {
    let mut names = std::collections::BTreeSet::new();
    for setting in Config::settings() {
        let single = format!("TIDEGATE_{}", setting.key.to_uppercase().replace('.', "_"));
        assert!(names.insert(single.clone()), "{single} would mean two settings");
        let double = format!("TIDEGATE_{}", setting.key.to_uppercase().replace('.', "__"));
        for variable in [single, double] {
            // What no setting can be: it shows that the variable reaches the setting's own check.
            let found = problems(load_variables(&[(&variable, "\0=loud")]));
            assert!(found[0].starts_with(&format!("{}: ", setting.key)), "{variable}: {found:?}");
        }
    }
}

#[test]
fn variables_are_text_and_become_what_the_setting_is() {
    let loaded = load_variables(&[
        ("TIDEGATE_DATA_DIR", "2026"),
        ("TIDEGATE_LIMITS_MAX_SKUS", " 20_000 "),
        ("TIDEGATE_LOG", "tidegate=debug,warn"),
        ("TIDEGATE_LOG_FORMAT", "json"),
        ("TIDEGATE_CONFIG", "read by the command line"),
        ("TIDEGATE_SERVICE_HOST", "10.0.0.1"),
        ("OTHER_LIMITS_MAX_SKUS", "7"),
    ])
    .unwrap();
    assert_eq!(loaded.config.data_dir, Path::new("2026"));
    assert_eq!(loaded.config.limits.max_skus, 20_000);
    assert_eq!(loaded.config.log.filter, "tidegate=debug,warn");
    assert_eq!(loaded.config.log.format, LogFormat::Json);
    assert_eq!(loaded.unused_variables, ["TIDEGATE_SERVICE_HOST"]);
}

#[test]
fn the_effective_settings_read_back_as_the_same_settings() {
    let loaded = load_file(
        "data_dir = \"with \\\"quotes\\\" and \\\\\"\n[limits]\nmax_skus = 7\n\
         [log]\nformat = 'json'\n[http]\nlisten = '[::1]:0'",
    )
    .unwrap();
    let text = loaded.config.to_toml();
    assert_eq!(load_file(&text).unwrap().config, loaded.config, "{text}");
}

#[test]
fn check_config_prints_ok_and_the_settings_or_every_problem() {
    let (_directory, path) = file("[limits]\nmax_skus = 7");
    let report = check_file(&path).unwrap();
    assert!(report.starts_with("# OK: "), "{report}");
    assert!(report.contains("\nmax_skus = 7\n"), "{report}");
    assert_eq!(load_file(&report).unwrap().config.limits.max_skus, 7, "the report is a file itself");

    let (_directory, path) = file("[limits]\nmax_skus = 0\nretry_ms = 0");
    assert_eq!(check_file(&path).unwrap_err().problems.len(), 2);
}

#[test]
fn the_sample_file_names_every_setting_and_equals_the_defaults() {
    let text = fs::read_to_string(repository("config/tidegate.toml")).unwrap();
    assert_eq!(load_file(&text).unwrap().config, Config::default());
    let sample: toml::Table = text.parse().unwrap();
    let written = sample.values().map(|value| value.as_table().map_or(1, toml::Table::len)).sum::<usize>();
    assert_eq!(written, Config::settings().len(), "each setting once");
}

#[test]
fn the_reference_names_every_setting_with_its_default_and_range() {
    let reference = fs::read_to_string(repository("docs/OPERATIONS.md")).unwrap();
    for setting in Config::settings() {
        let range = setting.range.map_or(String::new(), |(min, max)| format!(" {min} to {max} |"));
        let row = format!("| `{}` | `{}` |{range}", setting.key, setting.default);
        assert!(reference.contains(&row), "docs/OPERATIONS.md has no row that begins with {row}");
    }
}
