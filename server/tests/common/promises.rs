//! What a server has acknowledged, and whether it stands.

use std::path::Path;

use super::{Ask, Client, Process, document, run};

/// Whether more is tried than fits into every run of the tests.
pub(crate) fn is_everything_tried() -> bool {
    std::env::var("TIDEGATE_DAMAGE").is_ok_and(|size| size == "all")
}

/// A sale of one SKU.
#[derive(Default)]
pub(crate) struct Promises {
    /// Commands and their answers.
    made: Vec<(String, String)>,
    /// Commands whose outcome is not known.
    unknown: Vec<String>,
    reserved: usize,
    /// How often the bulky SKU was put.
    bulks: usize,
}

impl Promises {
    pub(crate) fn count(&self) -> usize {
        self.made.len()
    }

    /// Has this many orders reserved together and then paid together. False if the journal fails.
    pub(crate) fn make(&mut self, client: &mut Client, orders: usize) -> bool {
        if self.made.is_empty() && !self.acknowledged(client, vec![put()]) {
            return false;
        }
        // Long ids fill a disk sooner.
        let ids = self.reserved..self.reserved + orders;
        self.reserved += orders;
        let reserves = ids.clone().map(|id| format!("ORDER.RESERVE iphone r{id:060} u{id} 1"));
        let before = self.made.len();
        if !self.acknowledged(client, reserves.collect()) {
            return false;
        }
        let pays = self.made[before..].iter().zip(ids).map(|((_, answer), id)| {
            let order = answer.split(' ').nth(1).unwrap();
            format!("ORDER.PAY {order} p{id:060} 500 pay-{id}")
        });
        let pays = pays.collect();
        self.acknowledged(client, pays)
    }

    /// Has a change acknowledged that takes some fifty kilobytes. False if the journal fails.
    pub(crate) fn fill(&mut self, client: &mut Client) -> bool {
        let allowed: Vec<_> = (0..1_000).map(|buyer| format!("\"buyer-{buyer:042}\"")).collect();
        let more = format!(r#","title":"{}","allow":[{}]"#, self.bulks, allowed.join(","));
        let document = document(1, 1, &more).replacen(r#""title":"Rose_bowl","#, "", 1);
        let answer = client.ask(&format!("SKU.PUT bulk {document}"));
        if answer.starts_with("-JOURNALFAIL ") {
            return false;
        }
        assert!(matches!(answer.as_str(), "[CREATED]" | "[UPDATED]"), "{answer}");
        self.bulks += 1;
        true
    }

    /// Sends these in one write. False if the journal fails.
    fn acknowledged(&mut self, client: &mut Client, lines: Vec<String>) -> bool {
        let answers = client.pipeline(&lines);
        for (line, answer) in lines.into_iter().zip(answers) {
            if answer.starts_with("-JOURNALFAIL ") {
                self.unknown.push(line);
                continue;
            }
            let accepted = ["[CREATED]", "[RESERVED ", "[PAID"].iter().any(|word| answer.starts_with(word));
            assert!(accepted, "{line}: {answer}");
            assert!(self.unknown.is_empty(), "{line} was acknowledged after the journal failed");
            self.made.push((line, answer));
        }
        self.unknown.is_empty()
    }

    /// Everything acknowledged is answered as it was, and what was not known is done, once.
    pub(crate) fn hold(&mut self, client: &mut Client) {
        for part in self.made.chunks(500) {
            let lines: Vec<_> = part.iter().map(|(line, _)| line).collect();
            for ((line, before), again) in part.iter().zip(client.pipeline(&lines)) {
                // The SKU is as the document says, which is all that a repeated one asks for.
                let before = if line.starts_with("SKU.PUT ") { "[UNCHANGED]" } else { before };
                assert_eq!(again, *before, "{line}");
            }
        }
        for line in std::mem::take(&mut self.unknown) {
            let answer = client.ask(&line);
            assert_eq!(client.ask(&line).starts_with('-'), answer.starts_with('-'), "{line}: {answer}");
            assert!(!answer.starts_with('-'), "{line}: {answer}");
            self.made.push((line, answer));
        }
        let orders = self.made.iter().filter(|(_, answer)| answer.starts_with("[RESERVED ")).count();
        let paid = self.made.iter().filter(|(_, answer)| answer.starts_with("[PAID")).count();
        let (available, reserved) = (1_000_000 - orders, orders - paid);
        let books = format!("total=1000000 available={available} reserved={reserved} sold={paid}");
        if !self.made.is_empty() {
            assert_eq!(client.books("iphone"), books);
        }
        if self.bulks > 0 {
            let title = client.fields("SKU.GET bulk", &["title"]);
            let either = [self.bulks - 1, self.bulks].map(|bulk| format!("title={bulk}"));
            assert!(either.contains(&title), "{title}, but {} were acknowledged", self.bulks);
        }
    }
}

fn put() -> String {
    format!("SKU.PUT iphone {}", document(1_000_000, 500, ""))
}

/// A server whose journal failed says so everywhere, and acknowledges nothing more.
pub(crate) fn says_that_the_journal_failed(process: &Process, client: &mut Client, reason: &str) {
    for line in ["ORDER.RESERVE iphone late late 1", "SKU.GET iphone"] {
        let answer = client.ask(line);
        assert!(answer.starts_with("-JOURNALFAIL "), "{line}: {answer}");
    }
    client.says("PING", "PONG");
    for (path, status) in [("/readyz", 503), ("/livez", 503)] {
        assert_eq!(Ask::new(process.http(), "GET", path).send().status, status, "{path}");
    }
    let told = Ask::new(process.http(), "GET", "/status").send().json();
    let readiness = &told["readiness"];
    assert_eq!(readiness["state"], "journal_failed", "{told}");
    assert!(readiness["reason"].as_str().unwrap().contains(reason), "{readiness}\nshould say: {reason}");
}

/// Runs `tidegate inspect`: whether all is well, and what it prints.
pub(crate) fn inspect(dir: &Path) -> (bool, String) {
    let (code, stdout, stderr) = run(&["inspect", dir.to_str().unwrap()]);
    assert!(matches!(code, Some(0 | 1)), "{code:?}: {stderr}");
    (code == Some(0), stdout + &stderr)
}
