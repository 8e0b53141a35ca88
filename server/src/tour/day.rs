//! What happens on the day of the tour.

use anyhow::{bail, ensure};
use tidegate_protocol::resp::Value;

use super::guide::{Guide, money, number, shown, time};

/// The SKUs of the fair, and those that are on sale by themselves.
const SKUS: [&str; 8] = [
    "console-launch",
    "desk-lamp",
    "game-keys",
    "garden-chair",
    "kettle",
    "members-print",
    "night-flight",
    "tea-mug",
];

/// An order, and what was paid for it.
type Paid = (String, i64);

/// Plays the day from the opening to the next morning.
pub(super) fn play(guide: &mut Guide) -> anyhow::Result<()> {
    opening(guide)?;
    let rooms = rooms_open(guide)?;
    coupon_window(guide)?;
    stores(guide)?;
    cart(guide)?;
    launch(guide)?;
    flight(guide)?;
    let early = rooms_fill(guide, &rooms)?;
    rooms_close(guide, &rooms, &early)?;
    books(guide, &early)
}

fn opening(guide: &mut Guide) -> anyhow::Result<()> {
    guide.at(
        8,
        0,
        "The doors open. The lamp's price is a ladder: 120 % of the market's, down by 5 % each hour.",
    );
    let lamp = guide.look("SKU.GET desk-lamp")?;
    guide.say(&format!(
        "the lamp costs {}, and {} from {} on",
        money(number(&lamp, "price")),
        money(number(&lamp, "next_price")),
        time(&lamp, "next_price_at"),
    ));
    guide.at(
        8,
        2,
        "Two mugs. What weighs little on the climate costs three percent less, at most two a buyer.",
    );
    let mugs = guide.reserve("ORDER.RESERVE tea-mug r-1 ann 2")?;
    guide.say(&format!("{} instead of 25.80", money(mugs.1)));
    guide.ask("ORDER.RESERVE tea-mug r-2 ann 1", "LIMIT")?;
    guide.pay(&mugs)?;
    guide.at(8, 4, "Twenty-five numbered prints, for members only.");
    guide.ask("ORDER.RESERVE members-print r-1 eve 1", "NOT_ELIGIBLE")?;
    let print = guide.reserve("ORDER.RESERVE members-print r-1 ada 1")?;
    let paid = guide.pay(&print)?;
    guide.say(&format!("print number {}", last(&paid)));
    guide.at(8, 6, "Three keys for a game: who pays gets a code, and the fourth buyer an answer at once.");
    for buyer in ["bob", "cyd", "dan"] {
        let key = guide.reserve(&format!("ORDER.RESERVE game-keys r-1 {buyer} 1"))?;
        let paid = guide.pay(&key)?;
        guide.say(&format!("{buyer} plays with {}", last(&paid)));
    }
    guide.ask("ORDER.RESERVE game-keys r-1 eve 1", "SOLD_OUT")?;
    Ok(())
}

/// Two rooms and the orders that are in them: one that will fill up, and one in which nobody joins.
struct Rooms {
    full: (String, Vec<Paid>),
    lonely: (String, Paid),
}

fn rooms_open(guide: &mut Guide) -> anyhow::Result<Rooms> {
    guide.at(
        8,
        10,
        "Kettles are cheaper together: 10 % for two who paid, 20 % for five, 30 % for ten, within a day.",
    );
    let lonely = open(guide, "gus")?;
    guide.pay(&lonely.1)?;
    let full = open(guide, "ann")?;
    guide.say(&format!("{} for the first, as if the second were there already", money(full.1.1)));
    let bob = guide.join(&full.0, "bob")?;
    guide.ask(&format!("ROOM.JOIN {} again bob 1", full.0), "ALREADY_MEMBER")?;
    guide.pay(&full.1)?;
    guide.pay(&bob)?;
    Ok(Rooms { full: (full.0, vec![full.1, bob]), lonely })
}

fn open(guide: &mut Guide, leader: &str) -> anyhow::Result<(String, Paid)> {
    let told = guide.ask(&format!("ROOM.OPEN kettle open-{leader} {leader} 1"), "OPENED")?;
    match told.items() {
        [_, room, order, amount, ..] => Ok((shown(room), (shown(order), amount.as_int().unwrap_or(0)))),
        _ => bail!("a room was opened so: {}", shown(&told)),
    }
}

fn coupon_window(guide: &mut Guide) -> anyhow::Result<()> {
    guide.at(9, 0, "Cyd tries a lamp on at home. That opens a coupon window: 20 % off for half an hour.");
    let told = guide.ask("COUPON.TRIGGER autumn-fair t-1 cyd try_on", "GRANTED")?;
    let Some(coupon) = told.items().get(1).map(shown) else { bail!("no coupon: {}", shown(&told)) };
    let lamp = guide.reserve(&format!("ORDER.RESERVE desk-lamp r-1 cyd 1 COUPON {coupon}"))?;
    guide.say(&format!("{}: the ladder is at 114.00 now, less 20 %", money(lamp.1)));
    guide.ask(&format!("ORDER.RESERVE desk-lamp r-1 bob 1 COUPON {coupon}"), "COUPON_INVALID")?;
    guide.say("a coupon is its buyer's, and works once");
    guide.at(9, 11, "She did not pay within ten minutes: the lamp is back on sale, and so is the coupon.");
    guide.look_for(&format!("ORDER.GET {}", lamp.0), "state", "EXPIRED")?;
    let lamp = guide.reserve(&format!("ORDER.RESERVE desk-lamp r-2 cyd 1 COUPON {coupon}"))?;
    guide.pay(&lamp)?;
    guide.at(9, 12, "Dan tries one on too, and thinks about it for too long.");
    let told = guide.ask("COUPON.TRIGGER autumn-fair t-1 dan try_on", "GRANTED")?;
    let coupon = told.items().get(1).map(shown).unwrap_or_default();
    guide.at(9, 42, "Half an hour later his window is closed.");
    guide.ask(&format!("ORDER.RESERVE desk-lamp r-1 dan 1 COUPON {coupon}"), "COUPON_INVALID")?;
    Ok(())
}

fn stores(guide: &mut Guide) -> anyhow::Result<()> {
    guide.at(10, 0, "Garden chairs are handed out by stores: the nearest that has enough.");
    for (buyer, place, about) in
        [("eve", "52.5096 13.3762", "Potsdamer Platz"), ("fay", "52.3906 13.0645", "Potsdam")]
    {
        let told = guide
            .ask(&format!("ORDER.RESERVE garden-chair r-1 {buyer} 4 AT {place} WITHIN 20000"), "RESERVED")?;
        guide.say(&format!("from {about}: {}", last(&told)));
        if let [_, order, amount, ..] = told.items() {
            guide.pay(&(shown(order), amount.as_int().unwrap_or(0)))?;
        }
    }
    guide.ask("ORDER.RESERVE garden-chair r-1 gus 4 AT 53.5511 9.9937 WITHIN 20000", "NO_STORE")?;
    guide.say("from Hamburg it is too far");
    Ok(())
}

fn cart(guide: &mut Guide) -> anyhow::Result<()> {
    guide.at(
        11,
        0,
        "A lamp, a kettle and mugs at once. A cart costs 10.00 less from 120.00 on; all of it or nothing.",
    );
    guide.ask("CART.RESERVE autumn-fair c-1 eve desk-lamp 1 kettle 1 tea-mug 3", "LIMIT")?;
    guide.say("three mugs are one too many: nothing is held");
    let kettle = guide.look("SKU.GET kettle")?;
    let cart = guide.reserve("CART.RESERVE autumn-fair c-2 eve desk-lamp 1 kettle 1 tea-mug 2")?;
    ensure!(
        number(&guide.look("SKU.GET kettle")?, "available") == number(&kettle, "available") - 1,
        "a line is held once"
    );
    let map = guide.look(&format!("CART.GET {}", cart.0))?;
    let lines = map.get("lines").map(Value::items).unwrap_or_default();
    for line in lines {
        if let [order, sku, qty, amount] = line.items() {
            guide.say(&format!(
                "{} {}: {} ({})",
                shown(qty),
                shown(sku),
                money(amount.as_int().unwrap_or(0)),
                shown(order)
            ));
        }
    }
    guide.say(&format!(
        "together {}, {} less for the sum",
        money(cart.1),
        money(number(&map, "threshold_discount"))
    ));
    guide.pay(&cart)?;
    guide.at(
        11,
        30,
        "The kettle comes back. What was paid for it, to the cent, is due back; the rest stays as it is.",
    );
    let Some(kettle) = lines.get(1).and_then(|line| line.items().first()).map(shown) else {
        bail!("no second line")
    };
    guide.ask(&format!("ORDER.REFUND {kettle} f-1 RESTOCK"), "REFUNDED")?;
    Ok(())
}

fn launch(guide: &mut Guide) -> anyhow::Result<()> {
    guide.at(11, 59, "The console is launched at noon, not a moment before.");
    guide.ask("ORDER.RESERVE console-launch r-1 fay 1", "NOT_OPEN")?;
    guide.at(12, 0, "Noon. A reservation is held for five minutes, and late money goes back.");
    let fay = guide.reserve("ORDER.RESERVE console-launch r-1 fay 1")?;
    let gus = guide.reserve("ORDER.RESERVE console-launch r-1 gus 1")?;
    guide.pay(&fay)?;
    guide.at(12, 6, "Gus pays a minute too late.");
    guide.look_for(&format!("ORDER.GET {}", gus.0), "state", "EXPIRED")?;
    guide.paid += gus.1;
    guide.ask(&format!("ORDER.PAY {} pay {} card-of-gus", gus.0, gus.1), "REFUND_DUE")?;
    Ok(())
}

fn flight(guide: &mut Guide) -> anyhow::Result<()> {
    guide.at(
        13,
        0,
        "The night flight fills up: its price is moved, inside its bounds and by a tenth at most.",
    );
    guide.ask("SKU.REPRICE night-flight p-1 10890", "REPRICED")?;
    guide.ask("SKU.REPRICE night-flight p-2 12000", "OUT_OF_BOUNDS")?;
    guide.ask("ORDER.RESERVE night-flight r-1 hal 1 MAXPRICE 9900", "PRICE_CHANGED")?;
    guide.say("who saw 99.00 is asked again, and not charged 108.90");
    let seat = guide.reserve("ORDER.RESERVE night-flight r-2 hal 1 MAXPRICE 10890")?;
    guide.pay(&seat)?;
    guide.at(14, 0, "The launch is over. The lamp's ladder has reached its floor: cost plus 10 %.");
    guide.ask("ORDER.RESERVE console-launch r-2 hal 1", "ENDED")?;
    let lamp = guide.look("SKU.GET desk-lamp")?;
    ensure!(number(&lamp, "price") == 8_800, "the floor");
    guide.say(&format!("the lamp costs {} for the rest of the day", money(number(&lamp, "price"))));
    Ok(())
}

/// Returns all orders of the room that fills up, with what was paid.
fn rooms_fill(guide: &mut Guide, rooms: &Rooms) -> anyhow::Result<Vec<Paid>> {
    guide.at(19, 0, "In the evening Ann's room has five: the fifth pays the better price at once.");
    let (room, mut members) = rooms.full.clone();
    for buyer in ["hal", "ida", "jon"] {
        let seat = guide.join(&room, buyer)?;
        guide.pay(&seat)?;
        members.push(seat);
    }
    let paid: Vec<_> = members.iter().map(|(_, due)| money(*due)).collect();
    guide.say(&format!("they paid {}", paid.join(", ")));
    Ok(members)
}

fn rooms_close(guide: &mut Guide, rooms: &Rooms, members: &[Paid]) -> anyhow::Result<()> {
    guide.at(
        24 + 8,
        11,
        "A day later both rooms close. Ann's reached five, and the early ones get the difference back.",
    );
    let room = guide.look_for(&format!("ROOM.GET {}", rooms.full.0), "state", "SUCCEEDED")?;
    guide.say(&format!(
        "{} members at {} each",
        number(&room, "paid_members"),
        money(number(&room, "unit_price"))
    ));
    for (order, paid) in members {
        let now = number(&guide.look(&format!("ORDER.GET {order}"))?, "amount");
        guide.say(&format!("{order}: {} of {} is due back", money(paid - now), money(*paid)));
    }
    guide.look_for(&format!("ROOM.GET {}", rooms.lonely.0), "state", "FAILED")?;
    let order = guide.look(&format!("ORDER.GET {}", rooms.lonely.1.0))?;
    guide.say(&format!(
        "Gus stayed alone: his order is {}, all of {}",
        text(&order, "state"),
        money(rooms.lonely.1.1)
    ));
    Ok(())
}

/// Every book must balance, and every cent that was paid must be kept or due back.
fn books(guide: &mut Guide, members: &[Paid]) -> anyhow::Result<()> {
    println!("\nThe books");
    let (mut kept, mut back) = (0, 0);
    for sku in SKUS {
        let report = guide.look(&format!("REPORT {sku}"))?;
        ensure!(number(&report, "balanced") == 1, "{sku} does not balance: {}", shown(&report));
        let amount = |state: &str| report.get("money").map_or(0, |money| number(money, state));
        let due_back = amount("REFUND_DUE") + amount("REFUNDED");
        guide.say(&format!(
            "{sku:<15} {:>3} sold, {:>11} kept, {:>10} due back; balanced",
            number(&report, "sold"),
            money(amount("PAID")),
            money(due_back)
        ));
        kept += amount("PAID");
        back += due_back;
    }
    for (order, paid) in members {
        back += paid - number(&guide.look(&format!("ORDER.GET {order}"))?, "amount");
    }
    guide.say(&format!(
        "{} was paid: {} is kept, {} is due back",
        money(guide.paid),
        money(kept),
        money(back)
    ));
    ensure!(guide.paid == kept + back, "paid is kept and due back");
    Ok(())
}

/// The last item of an answer.
fn last(told: &Value) -> String {
    told.items().last().map(shown).unwrap_or_default()
}

fn text(map: &Value, field: &str) -> String {
    map.get(field).map(shown).unwrap_or_default()
}
