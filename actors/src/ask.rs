//! What travels between the edge and an actor.

use std::time::Instant;

use tidegate_engine::{
    Answer, CampaignCommand, CampaignView, CartNumber, CartSettlement, CartView, Command,
    ConsumerGroupAnswer, ConsumerGroupCommand, ConsumerGroupView, Fingerprint, Given, Millis, NoChange,
    OrderNumber, OrderView, PendingEntry, PendingSpan, Refusal, Rejection, Report, RoomNumber, RoomView,
    SkuView, cart_fingerprint,
};
use tokio::sync::oneshot;

use crate::RejectionCounts;
use crate::stages::Stages;

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
    /// What is known of an order that is durable, for whoever tells of what happened to it.
    Facts(OrderNumber),
    /// What is known of a cart that is durable, likewise.
    CartFacts(CartNumber),
    /// A command to the consumer group of this name. Its place may be another's by now.
    ConsumerGroup(Span, Box<ConsumerGroupCommand<Span>>),
    /// How a command to a consumer group would be judged. What would change is not changed.
    JudgeConsumerGroup(Span, Box<ConsumerGroupCommand<Span>>),
    /// What a consumer group has delivered and nobody has acknowledged.
    Pending(Box<PendingSpan<Span>>),
    /// What is known of a room.
    Room(RoomNumber),
    /// The books.
    Report,
    /// What is known of a cart.
    Cart(CartNumber),
    /// Hold several SKUs at once. No actor is asked this: [`House::send`](crate::House::send) asks each what
    /// concerns it.
    ReserveCart(Box<CartRequest<Span>>),
    /// How a command to a SKU would be judged. What would change is not changed.
    Judge {
        /// The command.
        command: Command<Span>,
        /// Units of its campaign that its buyer takes elsewhere before it.
        after: u32,
    },
    /// Asked of a SKU before a cart is paid: whether it knows this payment for another order than this one.
    KnowsPayment {
        /// The payment's id.
        payment: Span,
        /// The order.
        order: OrderNumber,
    },
    /// Asked of a campaign before the first line of a cart is held: whether this request may become one.
    BeginCart {
        /// Who buys.
        buyer: Span,
        /// Request id, per buyer.
        req: Span,
        /// What is asked for.
        fingerprint: Fingerprint,
    },
    /// A cart that was begun does not come to be.
    AbandonCart {
        /// Who wanted to buy.
        buyer: Span,
        /// Request id, per buyer.
        req: Span,
    },
}

/// A buyer wants several SKUs at once. `S` is how its text is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartRequest<S> {
    /// Request id, per buyer.
    pub req: S,
    /// Who buys.
    pub buyer: S,
    /// SKUs and units; each SKU once, by name.
    pub lines: Vec<(S, u32)>,
    /// The coupon to be used.
    pub coupon: Option<S>,
}

impl<S> CartRequest<S> {
    /// The same with its texts held another way.
    pub fn map<T>(&self, mut text: impl FnMut(&S) -> T) -> CartRequest<T> {
        CartRequest {
            req: text(&self.req),
            buyer: text(&self.buyer),
            lines: self.lines.iter().map(|(sku, qty)| (text(sku), *qty)).collect(),
            coupon: self.coupon.as_ref().map(text),
        }
    }
}

impl CartRequest<&str> {
    /// What tells two requests apart that have the same id.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        cart_fingerprint(&self.lines, self.coupon)
    }
}

/// Everything that one read of one connection asks of one SKU, in order. All texts stand end to end in one
/// buffer, so that a body costs two allocations however many commands it holds, and none when it is reused.
#[derive(Debug, Default)]
pub struct Body {
    text: String,
    asks: Vec<Ask>,
    /// Something is asked that concerns lines of carts, and so other actors too.
    has_carts: bool,
    stages: Stages,
}

impl Body {
    /// It is about to be sent: what follows is measured from here.
    pub fn sent(&mut self, at: Instant) {
        self.stages = Stages::sent(at);
    }

    /// Where its time went.
    #[must_use]
    pub fn stages(&self) -> &Stages {
        &self.stages
    }

    pub(crate) fn stages_mut(&mut self) -> &mut Stages {
        &mut self.stages
    }

    /// Adds a command to a SKU.
    pub fn push_command(&mut self, command: &Command<&str>) {
        let text = &mut self.text;
        let command = command.map(|word| append(text, word));
        self.asks.push(Ask::Command(command));
    }

    /// Adds a question how a command to a SKU would be judged.
    pub(crate) fn push_judge(&mut self, command: &Command<&str>, after: u32) {
        let text = &mut self.text;
        let command = command.map(|word| append(text, word));
        self.asks.push(Ask::Judge { command, after });
    }

    pub(crate) fn push_knows_payment(&mut self, payment: &str, order: OrderNumber) {
        let payment = append(&mut self.text, payment);
        self.asks.push(Ask::KnowsPayment { payment, order });
    }

    /// Adds a request for a cart.
    pub fn push_cart(&mut self, request: &CartRequest<&str>) {
        let text = &mut self.text;
        let request = request.map(|word| append(text, word));
        self.has_carts = true;
        self.asks.push(Ask::ReserveCart(Box::new(request)));
    }

    pub(crate) fn push_begin(&mut self, (buyer, req): (&str, &str), fingerprint: Fingerprint) {
        let (buyer, req) = (append(&mut self.text, buyer), append(&mut self.text, req));
        self.asks.push(Ask::BeginCart { buyer, req, fingerprint });
    }

    pub(crate) fn push_abandon(&mut self, (buyer, req): (&str, &str)) {
        let (buyer, req) = (append(&mut self.text, buyer), append(&mut self.text, req));
        self.asks.push(Ask::AbandonCart { buyer, req });
    }

    /// Adds what another body asks a campaign at this place.
    pub(crate) fn copy(&mut self, from: &Body, at: usize) {
        match from.asks.get(at) {
            Some(Ask::Campaign(command)) => self.push_campaign(&command.map(|span| from.text(*span))),
            Some(Ask::Command(command)) => self.push_command(&command.map(|span| from.text(*span))),
            Some(ask) => self.push(ask.clone()),
            None => {}
        }
    }

    /// Adds a command to a campaign.
    pub fn push_campaign(&mut self, command: &CampaignCommand<&str>) {
        self.has_carts |=
            matches!(command, CampaignCommand::PayCart { .. } | CampaignCommand::CancelCart { .. });
        let text = &mut self.text;
        let command = command.map(|word| append(text, word));
        self.asks.push(Ask::Campaign(command));
    }

    /// Adds a command to the consumer group of this name.
    pub fn push_consumer_group(&mut self, group: &str, command: &ConsumerGroupCommand<&str>) {
        let text = &mut self.text;
        let (group, command) = (append(text, group), command.map(|word| append(text, word)));
        self.asks.push(Ask::ConsumerGroup(group, Box::new(command)));
    }

    /// Adds a question how a command to the consumer group of this name would be judged.
    pub fn push_judged(&mut self, group: &str, command: &ConsumerGroupCommand<&str>) {
        let text = &mut self.text;
        let (group, command) = (append(text, group), command.map(|word| append(text, word)));
        self.asks.push(Ask::JudgeConsumerGroup(group, Box::new(command)));
    }

    /// Adds a question what a consumer group has delivered and nobody has acknowledged.
    pub fn push_pending(&mut self, span: &PendingSpan<&str>) {
        let span = span.map(|word| append(&mut self.text, word));
        self.asks.push(Ask::Pending(Box::new(span)));
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
        self.has_carts = false;
        self.stages = Stages::default();
    }

    /// Bytes that its buffers hold on to.
    #[must_use]
    pub fn capacity_bytes(&self) -> usize {
        self.text.capacity() + self.asks.capacity() * size_of::<Ask>()
    }

    /// Whether something is asked that concerns lines of carts.
    pub(crate) fn has_carts(&self) -> bool {
        self.has_carts
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
    View(Option<Box<SkuView>>),
    /// How the campaign stands; `None` if there is none.
    Campaign(Option<CampaignView>),
    /// What is known of the order; `None` if there is none.
    Order(Option<Box<OrderView>>),
    /// What is known of the room; `None` if there is none.
    Room(Option<Box<RoomView>>),
    /// The books and the rejections since the start; `None` if there is no such SKU.
    Report(Option<Box<(Report, RejectionCounts)>>),
    /// What a command to a consumer group came to.
    ConsumerGroup(Box<ConsumerGroupAnswer>),
    /// How the consumer group stands; `None` if there is none.
    ConsumerGroupView(Option<Box<ConsumerGroupView>>),
    /// What it has delivered and nobody has acknowledged; `None` if there is none.
    Pending(Option<Vec<PendingEntry>>),
    /// What is known of the cart; `None` if there is none.
    Cart(Option<Box<CartView>>),
    /// The rules say no to this SKU of a cart, and so to the cart.
    LineRejected(Rejection, Box<str>),
    /// A cart was paid, now or when it first was, and this is what its units come with, line by line.
    CartPaid(Vec<Given>),
    /// Why there is no reply to this ask. What others of its body came to stands.
    Failed(Fault),
    /// What only the house asks and hears.
    Inner(Inner),
}

/// What a campaign tells whoever puts a cart together.
#[derive(Clone, Debug)]
pub enum Inner {
    /// It may be begun, under this number and at this time: that of the campaign's turn, by which its hold will end.
    Begun(CartNumber, Millis),
    /// It is not begun any more.
    Abandoned,
    /// It came for no other order.
    UnknownPayment,
    /// Accepted, now or when the same request came first, and this is what its lines are to be told before anybody
    /// hears of it.
    Settle(Answer, Vec<CartSettlement>),
}

impl Reply {
    /// Whether this may be told before it is durable, because whoever asked tells nobody else before what follows from
    /// it is durable too. The journal keeps one order for all actors.
    pub(crate) fn goes_ahead(&self, asked: &Ask) -> bool {
        matches!(
            (asked, self),
            // Told is only what can't change any more.
            (Ask::Facts(_), Self::Order(_))
                | (Ask::CartFacts(_), Self::Cart(_))
                | (Ask::BeginCart { .. }, Self::Inner(Inner::Begun(..)))
                | (Ask::Cart(_), Self::Cart(_))
                | (Ask::KnowsPayment { .. }, Self::Inner(Inner::UnknownPayment))
                | (
                    Ask::Command(Command::Put { .. } | Command::Enrol { .. })
                        | Ask::Campaign(CampaignCommand::Put { .. }),
                    Self::Accepted(_),
                )
                | (
                    Ask::Command(Command::HoldLine { .. } | Command::SettleLine { .. }),
                    Self::Accepted(Answer::Reserved { .. } | Answer::Updated),
                )
        )
    }
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

/// Waits for the replies to what was sent. An actor that drops a body unanswered is one that is being stopped.
pub(crate) async fn heard(outcome: oneshot::Receiver<Outcome>) -> Result<Vec<Reply>, Fault> {
    outcome.await.map_or(Err(Fault::Stopping), |outcome| outcome.replies)
}
