//! Secrets are nowhere to be read.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::people::{get, hash, in_seconds, sign};
use crate::common::{Client, Process, run};

#[test]
fn neither_settings_nor_status_nor_the_most_talkative_log_tell_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let hash = hash("open-sesame");
    let shared = "YSBzZWNyZXQgb2YgdGhlIHNob3AncyBhbmQgbm9ib2R5";
    std::fs::write(path("key"), shared).unwrap();
    let text = format!(
        "[tokens]\nalgorithm = 'HS256'\nkey_file = '{}'\n[log]\nfilter = 'trace'\n\
         [[users]]\nname = 'shop'\nsecret_hash = '{hash}'\nroles = ['storefront', 'admin']\n",
        path("key"),
    );
    std::fs::write(path("tidegate.toml"), text).unwrap();
    let token = sign(&serde_json::json!({ "sub": "ann", "exp": in_seconds(60) }));
    let expired = sign(&serde_json::json!({ "sub": "ann", "exp": in_seconds(-60) }));
    let secrets = ["open-sesame", "wrong-sesame", &hash, &hash[hash.len() - 20..], shared, &token, &expired];
    let tells_none = |what: &str, text: &str| {
        for secret in secrets {
            assert!(!text.contains(secret), "{what} tells {secret}");
        }
    };

    let (code, shown, stderr) = run(&["check-config", &path("tidegate.toml")]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(shown.contains("[[users]]\nname = \"shop\"\nsecret_hash = \"***\"\n"), "{shown}");
    tells_none("check-config", &shown);

    let mut process =
        Process::start_listening(&directory.path().join("data"), &["--config", &path("tidegate.toml")]);
    process.wait_for("ready");
    let mut client = Client::connect(process.tcp());
    assert!(client.ask("AUTH shop wrong-sesame").starts_with("-WRONGPASS"));
    assert!(client.ask("AUTH wrong-sesame open-sesame").starts_with("-WRONGPASS"));
    client.says("AUTH shop open-sesame", "OK");
    tells_none("CONFIG GET", &client.ask("CONFIG GET *"));
    tells_none("CLIENT LIST", &client.ask("CLIENT LIST"));
    client.says(&format!("AUTH token {token}"), "OK");
    let tokens = [&token, &expired].map(|token| format!("Bearer {token}"));
    for header in ["Bearer shop:open-sesame", "Bearer shop:wrong-sesame", &tokens[0], &tokens[1]] {
        tells_none("/status", &format!("{:?}", get(process.http(), "/status", header)));
    }
    process.terminate();
    let log = process.rest_of_log();
    assert!(log.contains("a login failed"), "the log says that much: {log}");
    assert!(log.contains("a login failed: the token is refused: it has expired"), "and this: {log}");
    tells_none("the log", &log);
}

#[test]
fn what_is_wrong_with_a_user_is_told_without_its_hash() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tidegate.toml");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let (code, _, stderr) = run(&["check-config", file.to_str().unwrap()]);
        assert_eq!(code, Some(1), "{text}");
        assert!(!stderr.contains("sesame"), "{stderr}");
        stderr
    };
    let told = refused(
        "[[users]]\nname = 'two words'\nsecret_hash = 'sesame'\nroles = ['king']\n\
         [[users]]\nname = 'token'\nroles = []\nsecret = 'sesame'\n",
    );
    for problem in [
        "users[0].name: must be 1 to 64 characters",
        "users[0].secret_hash: must be an argon2id hash that begins with $argon2id$",
        "users[0].roles: must be of storefront, admin, observer, feed",
        "users[1].name: \"token\" is what AUTH calls a buyer's token",
        "users[1].roles: must be a list of one or more",
        "users[1].secret: unknown key",
    ] {
        assert!(told.contains(problem), "{problem}: {told}");
    }
    assert!(refused("[[users]]\nsecret_hash = sesame\n").contains("is not TOML: line 2: "));
    assert!(refused("users = 'sesame'\n").contains("users: is a list; write [[users]] for each"));
    let twice = format!("[[users]]\nname = 'a'\nsecret_hash = '{}'\nroles = ['feed']\n", hash("x")).repeat(2);
    assert!(refused(&twice).contains("users[1].name: there is another user called \"a\""));
}

#[test]
fn hash_secret_makes_what_a_user_needs() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .arg("hash-secret")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(b"open-sesame\n").unwrap();
    let ended = program.wait_with_output().unwrap();
    let hash = String::from_utf8(ended.stdout).unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tidegate.toml");
    let text = format!("[[users]]\nname = 'shop'\nsecret_hash = '{}'\nroles = ['storefront']\n", hash.trim());
    std::fs::write(&file, text).unwrap();
    let mut process =
        Process::start_listening(&directory.path().join("data"), &["--config", file.to_str().unwrap()]);
    process.wait_for("ready");
    process.client().says("AUTH shop open-sesame", "OK");
}
