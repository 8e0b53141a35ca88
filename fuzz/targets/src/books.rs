//! What must hold of a server whatever it was asked: units add up, and what it says it also says after a restart.

use tidegate_persistence::ActorKind;
use tidegate_protocol::resp::Value;

use crate::stage::Stage;

/// Orders, rooms and carts of each SKU and campaign that are looked at.
const ORDERS: u32 = 8;
const ROOMS: u32 = 3;
const CARTS: u32 = 3;

/// The entries of the feed that are looked at.
const FEED: &str = "XRANGE orders - + COUNT 100\r\n";

/// Every unit is in one place.
///
/// # Panics
/// If one is not.
pub(crate) async fn audit(stage: &mut Stage) {
    for name in names(stage, ActorKind::Sku) {
        let replies = stage.ask(format!("REPORT {name}\r\n").as_bytes()).await;
        let report = &replies[0];
        let number = |field: &str| report.get(field).and_then(Value::as_int);
        if *report == Value::Null {
            continue;
        }
        assert_eq!(number("balanced"), Some(1), "the books of {name}: {report:?}");
        let parts = [number("available"), number("reserved"), number("sold")];
        assert!(parts.iter().all(|units| *units >= Some(0)), "{name}: {report:?}");
        assert_eq!(parts.into_iter().sum::<Option<i64>>(), number("total"), "{name}: {report:?}");
    }
}

/// What the server says of everything that it has.
pub(crate) async fn says(stage: &mut Stage) -> Vec<(String, Value)> {
    let mut asked: Vec<String> = Vec::new();
    for name in names(stage, ActorKind::Sku) {
        asked.push(format!("SKU.GET {name}"));
        asked.extend((1..=ORDERS).map(|order| format!("ORDER.GET {{{name}}}:o:{order}")));
        asked.extend((1..=ROOMS).map(|room| format!("ROOM.GET {{{name}}}:r:{room}")));
    }
    for name in names(stage, ActorKind::Campaign) {
        asked.push(format!("CAMPAIGN.GET {name}"));
        asked.extend((1..=CARTS).map(|cart| format!("CART.GET {{{name}}}:c:{cart}")));
    }
    let mut commands: String = asked.iter().map(|line| format!("{line}\r\n")).collect();
    commands.push_str(FEED);
    asked.push(FEED.trim_end().to_owned());
    let replies = stage.ask(commands.as_bytes()).await;
    assert_eq!(replies.len(), asked.len(), "not every question has an answer: {replies:?}");
    asked.into_iter().zip(replies).collect()
}

/// One field of the map that a command is answered with.
pub(crate) async fn field(stage: &mut Stage, command: &str, field: &str) -> Option<i64> {
    let replies = stage.ask(format!("{command}\r\n").as_bytes()).await;
    replies.first()?.get(field)?.as_int()
}

/// Restarts, and compares what is said before and after.
///
/// # Panics
/// If something is said otherwise.
pub(crate) async fn restart(stage: &mut Stage) {
    let before = says(stage).await;
    stage.restart().await;
    stage.settle().await;
    let after = says(stage).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after, "a restart makes a difference");
    }
    assert_eq!(before.len(), after.len(), "a restart makes a difference");
}

fn names(stage: &Stage, kind: ActorKind) -> Vec<String> {
    let mut names = Vec::new();
    stage.server.house().look_at_seats(|seat| {
        if seat.kind() == kind {
            names.push(seat.name().to_owned());
        }
    });
    names.sort();
    names
}
