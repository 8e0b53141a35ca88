//! A SKU that nobody buys: an operator restocks it, moves its price, pauses it, and has a quarrel with a buyer.

use rand::Rng;
use rand::rngs::StdRng;

use super::operator::ask;
use crate::common::Client;

/// The SKU, and one of which the only unit is sold, so that whoever wants it is told why not and changes nothing.
const STAND: &str = "stand";
pub(super) const EMPTY: &str = "empty";
/// Units in the beginning.
const UNITS: i64 = 1_000;
const PRICE: i64 = 5_000;

/// Something that is one thing or the other, and has to be what was confirmed last.
#[derive(Debug, Default)]
struct Switch {
    is_on: bool,
    /// It was asked for the other, and that was not confirmed.
    is_unsure: bool,
}

impl Switch {
    /// What is asked for next.
    fn other(&mut self) -> bool {
        self.is_unsure = true;
        !self.is_on
    }

    fn confirmed(&mut self) {
        (self.is_on, self.is_unsure) = (!self.is_on, false);
    }

    /// It was seen.
    fn check(&mut self, is_on: bool, what: &str) {
        assert!(self.is_on == is_on || self.is_unsure, "{what}: {self:?}, but it is {is_on}");
        (self.is_on, self.is_unsure) = (is_on, false);
    }
}

/// What was done at the stand.
#[derive(Debug, Default)]
pub(super) struct Stand {
    /// Restocks and prices that were asked for, and the answers; the last may not have come.
    asked: Vec<(String, Option<String>)>,
    paused: Switch,
    blocked: Switch,
}

impl Stand {
    /// Puts what is worked at. Again changes nothing. False if the server is gone.
    pub(super) fn put(&mut self, client: &mut Client) -> bool {
        let stand = format!(
            r#"SKU.PUT {STAND} {{"title":"S","stock":{UNITS},"currency":"CNY","price":{{"dynamic":{{"initial":{PRICE},"floor":1,"ceiling":10000,"max_step_percent":100}}}}}}"#
        );
        let empty =
            format!(r#"SKU.PUT {EMPTY} {{"title":"E","stock":1,"currency":"CNY","price":{{"fixed":1}}}}"#);
        let only = format!("ORDER.RESERVE {EMPTY} only first 1");
        let paid = format!("ORDER.PAY {{{EMPTY}}}:o:1 paid 1 only");
        [stand, empty, only, paid].iter().all(|line| {
            let told = ask(client, line);
            assert!(!told.as_ref().is_some_and(|told| told.starts_with('-')), "{line}: {told:?}");
            told.is_some()
        })
    }

    /// Does something. False if the server is gone.
    pub(super) fn work(&mut self, client: &mut Client, random: &mut StdRng) -> bool {
        let req = self.asked.len();
        let (line, switch) = match random.random_range(0..4) {
            0 => {
                let delta = [-3, 2, 6][random.random_range(0..3)];
                (format!("SKU.RESTOCK {STAND} s-{req} {delta}"), None)
            }
            1 => (format!("SKU.REPRICE {STAND} s-{req} {}", random.random_range(4_000..6_000)), None),
            2 => {
                let word = if self.paused.other() { "PAUSE" } else { "RESUME" };
                (format!("SKU.{word} {STAND}"), Some(&mut self.paused))
            }
            _ => {
                let word = if self.blocked.other() { "BLOCK" } else { "UNBLOCK" };
                (format!("BUYER.{word} {EMPTY} rival"), Some(&mut self.blocked))
            }
        };
        let told = ask(client, &line);
        let is_there = told.is_some();
        match switch {
            None => self.asked.push((line, told)),
            Some(switch) if is_there => switch.confirmed(),
            Some(_) => {}
        }
        is_there
    }

    /// Everything that was confirmed is so, and done once.
    pub(super) fn check(&mut self, client: &mut Client) {
        // If not even the first one came to be put, nothing was done.
        if !self.put(client) {
            panic!("the server is gone");
        }
        for (line, told) in &mut self.asked {
            let again = client.ask(line);
            assert_eq!(told.get_or_insert_with(|| again.clone()), &again, "{line}");
        }
        let (mut total, mut price) = (UNITS, PRICE);
        for (line, told) in &self.asked {
            let number = || -> i64 { line.rsplit(' ').next().unwrap().parse().unwrap() };
            match told.as_deref().and_then(|told| told.trim_matches(['[', ']']).split(' ').next()) {
                Some("RESTOCKED") => total += number(),
                Some("REPRICED") => price = number(),
                Some("INSUFFICIENT" | "OUT_OF_BOUNDS") => {}
                _ => panic!("{line}: {told:?}"),
            }
        }
        let found = client.fields(&format!("SKU.GET {STAND}"), &["total", "available", "price"]);
        assert_eq!(found, format!("total={total} available={total} price={price}"), "{:?}", self.asked);
        let state = client.fields(&format!("SKU.GET {STAND}"), &["state"]);
        self.paused.check(state == "state=PAUSED", "paused");
        let told = client.ask(&format!("ORDER.RESERVE {EMPTY} probe rival 1"));
        assert!(["[BLOCKED]", "[SOLD_OUT]"].contains(&&*told), "{told}");
        self.blocked.check(told == "[BLOCKED]", "blocked");
    }
}
