//! What travels between the edge and an actor.

use tidegate_engine::{
    Answer, CampaignCommand, CampaignView, Command, Given, NoChange, OrderNumber, OrderView, Refusal,
    Rejection, Report, RoomNumber, RoomView, SkuView,
};

use crate::RejectionCounts;

/// A text in a body: where it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

/// One thing asked of a SKU or a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A command to a SKU.
    Command(Command<Span>),
    /// A command to a campaign.
    Campaign(CampaignCommand<Span>),
    /// How the SKU or campaign stands, after what was asked before in the same body.
    View,
    /// What is known of an order.
    Order(OrderNumber),
    /// What is known of a room.
    Room(RoomNumber),
    /// The books.
    Report,
}

/// Everything that one read of one connection asks of one SKU, in order. All texts stand end to end in one
/// buffer, so that a body costs two allocations however many commands it holds, and none when it is reused.
#[derive(Debug, Default)]
pub struct Body {
    text: String,
    asks: Vec<Ask>,
}

impl Body {
    /// Adds a command to a SKU.
    pub fn push_command(&mut self, command: &Command<&str>) {
        let text = &mut self.text;
        let command = command.map(|word| append(text, word));
        self.asks.push(Ask::Command(command));
    }

    /// Adds a command to a campaign.
    pub fn push_campaign(&mut self, command: &CampaignCommand<&str>) {
        let text = &mut self.text;
        let command = command.map(|word| append(text, word));
        self.asks.push(Ask::Campaign(command));
    }

    /// Adds something that is no command.
    pub fn push(&mut self, ask: Ask) {
        self.asks.push(ask);
    }

    /// How many things are asked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.asks.len()
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asks.is_empty()
    }

    /// Makes it empty, keeping its buffers.
    pub fn clear(&mut self) {
        self.text.clear();
        self.asks.clear();
    }

    /// Bytes that its buffers hold on to.
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.text.capacity() + self.asks.capacity() * size_of::<Ask>()
    }

    /// What is asked.
    #[must_use]
    pub fn asks(&self) -> &[Ask] {
        &self.asks
    }

    /// A text of this body.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

fn append(text: &mut String, word: &str) -> Span {
    let start = text.len();
    text.push_str(word);
    // A body holds what one read brought, far below 4 GiB.
    Span { start: u32::try_from(start).unwrap_or(0), end: u32::try_from(text.len()).unwrap_or(0) }
}

/// What one ask came to.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Accepted, now or when the same request came first.
    Accepted(Answer),
    /// A payment was applied, now or when it first came, and this is what its units come with.
    Paid(Given),
    /// Units are held in the store of this id, for a buyer who asked for one nearby.
    ReservedAt(Answer, Box<str>),
    /// The rules say no.
    Rejected(Rejection),
    /// The caller is at fault, or a limit is reached.
    Refused(Refusal),
    /// How the SKU stands; `None` if there is none.
    View(Option<SkuView>),
    /// How the campaign stands; `None` if there is none.
    Campaign(Option<CampaignView>),
    /// What is known of the order; `None` if there is none.
    Order(Option<Box<OrderView>>),
    /// What is known of the room; `None` if there is none.
    Room(Option<Box<RoomView>>),
    /// The books and the rejections since the start; `None` if there is no such SKU.
    Report(Option<Box<(Report, RejectionCounts)>>),
}

impl From<NoChange> for Reply {
    fn from(no: NoChange) -> Self {
        match no {
            NoChange::Repeated(answer) => Self::Accepted(answer),
            NoChange::Rejected(rejection) => Self::Rejected(rejection),
            NoChange::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// Why a whole body got no replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The journal failed. Whether the commands of this body took effect is unknown until a restart.
    #[error("outcome unknown: the journal failed; retry the same request id after a restart")]
    JournalFailed,
    /// A turn panicked and its changes were discarded.
    #[error(
        "outcome unknown: this SKU failed and is being rebuilt from the journal; retry the same request id"
    )]
    Panicked,
    /// The SKU is being rebuilt from the journal.
    #[error("this SKU is being rebuilt from the journal; retry in a moment")]
    Rebuilding,
    /// The SKU failed again while it was rebuilt, and is out of service.
    #[error("this SKU is quarantined: it failed while it was rebuilt; see the status page and the log")]
    Quarantined,
    /// Too much is waiting, for this SKU or for the journal. Nothing of this body was looked at.
    #[error("too much is waiting; slow down and retry")]
    Overloaded,
    /// The server is going down.
    #[error("the server is stopping; nothing was done")]
    Stopping,
}

/// What became of a body. It comes back, so that its buffers can be used again.
#[derive(Debug)]
pub struct Outcome {
    /// The body that was sent.
    pub body: Body,
    /// One reply for each ask, in order.
    pub replies: Result<Vec<Reply>, Fault>,
}
