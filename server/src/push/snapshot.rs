//! How what a channel is about stands when somebody subscribes: asked of the actor, after the subscription was entered.
//! What the actor does later is news, what it did before is in the snapshot.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidegate_actors::{Ask, Body, Fault, House, Reply};
use tidegate_engine::{RoomId, RoomNumber, RoomView, SkuView};

use super::Channel;
use super::hub::Hub;
use super::message::Message;
use crate::convert;

/// How long to wait before an actor is asked again that could not listen.
const RETRY: Duration = Duration::from_millis(5);

/// What somebody who subscribes begins with.
pub(super) struct Snapshot {
    pub(super) message: Arc<Message>,
    /// How the SKU stands, if it is there.
    pub(super) view: Option<SkuView>,
}

/// Asks until there is an answer, as long as anybody wants it.
///
/// # Errors
/// If there will be none.
pub(super) async fn take(
    hub: &Hub,
    channel: &Channel,
    is_wanted: impl Fn() -> bool,
) -> Result<Snapshot, Fault> {
    if *channel == Channel::Status {
        return Ok(Snapshot { message: hub.watchers.latest(is_wanted).await?, view: None });
    }
    let house = &*hub.house().map_err(|_| Fault::Stopping)?;
    let (sku, room) = match channel {
        Channel::Price(sku) | Channel::Stock(sku) => (sku, None),
        Channel::Room(sku, number) => (sku, Some(*number)),
        // No actor is asked, who would say so.
        Channel::Buyer(_) if house.journal_failed() => return Err(Fault::JournalFailed),
        Channel::Buyer(_) | Channel::Status => return Ok(of(house, channel, None, None)),
    };
    loop {
        match ask(house, sku, room).await {
            Ok((view, room)) => return Ok(of(house, channel, view, room)),
            Err(Fault::Overloaded | Fault::Rebuilding | Fault::Panicked) if is_wanted() => {
                tokio::time::sleep(RETRY).await;
            }
            Err(fault) => return Err(fault),
        }
    }
}

async fn ask(
    house: &House,
    sku: &str,
    room: Option<RoomNumber>,
) -> Result<(Option<SkuView>, Option<Box<RoomView>>), Fault> {
    let Some(seat) = house.find(sku) else { return Ok((None, None)) };
    let mut body = Body::default();
    body.push(Ask::View);
    if let Some(number) = room {
        body.push(Ask::Room(number));
    }
    let replies = seat.ask(body).await?;
    let (mut view, mut room) = (None, None);
    for reply in replies {
        match reply {
            Reply::View(found) => view = found.map(|view| *view),
            Reply::Room(found) => room = found,
            _ => {}
        }
    }
    Ok((view, room))
}

fn of(house: &House, channel: &Channel, view: Option<SkuView>, room: Option<Box<RoomView>>) -> Snapshot {
    let now = house.now();
    let fields = match channel {
        Channel::Price(sku) => convert::price_news(sku, view.as_ref(), now),
        Channel::Stock(sku) => convert::stock_news(sku, view.as_ref(), now),
        Channel::Room(sku, number) => match &room {
            Some(room) => convert::room_news(sku, room, None),
            None => convert::absent_news("room", &RoomId { sku, number: *number }.to_string()),
        },
        Channel::Buyer(buyer) => [("buyer".to_owned(), json!(buyer))].into_iter().collect(),
        // It is told by the pulse, whether there is a house or not.
        Channel::Status => convert::Fields::new(),
    };
    let change = view.as_ref().map_or(0, |view| view.changes);
    Snapshot { message: Arc::new(Message::new((change, now), fields)), view }
}
