//! Where commands wait that can't be judged at once: a login, and a buyer's command about an order, whose owner only
//! its actor knows.
//!
//! A batch ends before such a command's successor. What came before is answered first; then the gate finds out what it
//! has to know, and the connection goes on with the bytes it already has.

use std::time::Instant;

use tidegate_actors::{Ask, Reply};
use tidegate_protocol::command::{Call, Command, Credentials};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::{Protocol, Writer};

use super::super::Edge;
use super::super::labels::Label;
use super::super::session::Session;
use super::super::visits::Visits;
use super::{Batch, Sent};
use crate::convert::{self, Absent, Belonging};
use crate::security::{Buyer, must_own};

/// What became of a command that was to be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Added {
    /// The next one may follow.
    Taken,
    /// It was taken, and the next one may follow after the visit.
    Last,
    /// It was not taken, and is to be offered again after the visit.
    Again,
}

/// What is waited for, and what was found out.
#[derive(Default)]
pub(super) struct Gate {
    waits: Option<Wait>,
    /// Whose the thing is that the next command is about.
    found: Option<Found>,
    /// Its commands are parts of a request that has been counted.
    prepaid: bool,
}

/// Whose something is; `None` if there is no such thing.
struct Found {
    thing: Belonging,
    owner: Result<Option<Box<str>>, WireError>,
}

enum Wait {
    LogIn(LogIn),
    Owner(Belonging),
}

/// `AUTH`, or `HELLO` with `AUTH`.
struct LogIn {
    command: Command,
    user: Option<Vec<u8>>,
    password: Vec<u8>,
    hello: Option<Hello>,
}

/// What `HELLO` asks for besides.
struct Hello {
    protocol: Option<Protocol>,
    name: Option<String>,
}

/// Whether a buyer may send a command.
enum Admission {
    May,
    /// Its owner has to be found out first.
    Unknown,
    /// There is no such thing; whoever makes it in the next moment, it will not be this command's.
    Nothing(Absent),
}

impl Gate {
    /// Counts a command, but once if it is offered twice.
    pub(super) fn charge(&self, session: &Session, edge: &Edge) -> Result<(), WireError> {
        if self.prepaid || self.found.is_some() { Ok(()) } else { session.standing().charge(&edge.security) }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waits.is_some()
    }

    fn log_in(&mut self, command: Command, credentials: &Credentials<'_>, hello: Option<Hello>) {
        let (user, password) = (credentials.user.map(<[u8]>::to_vec), credentials.password.to_vec());
        self.waits = Some(Wait::LogIn(LogIn { command, user, password, hello }));
    }

    /// Whether a buyer may send this. The owner of an order or cart never changes, so it can be looked up before.
    fn admit_buyer(&mut self, buyer: &Buyer, call: &Call<'_>) -> Result<Admission, WireError> {
        if !must_own(buyer, call)? {
            return Ok(Admission::May);
        }
        // An id that is none finds nothing.
        let Some(thing) = convert::belonging(call) else { return Ok(Admission::May) };
        match self.found.take() {
            Some(found) if found.thing == thing => match found.owner? {
                Some(owner) if buyer.is(&owner) => Ok(Admission::May),
                Some(_) => {
                    Err(WireError::new(ErrorCode::NoPerm, "this is another buyer's; nothing was done"))
                }
                None => Ok(Admission::Nothing(convert::absent(call))),
            },
            _ => {
                self.waits = Some(Wait::Owner(thing));
                Ok(Admission::Unknown)
            }
        }
    }
}

impl Batch {
    /// Counts none of what follows: it is part of a request that has been counted.
    pub(in super::super) fn prepay(&mut self) {
        self.gate.prepaid = true;
    }

    /// What becomes of a command that can't be dispatched at once; `None`: it can.
    pub(super) fn hold_back(
        &mut self,
        command: Command,
        call: &Call<'_>,
        session: &Session,
    ) -> Result<Option<Added>, WireError> {
        if let Some(buyer) = session.standing().buyer() {
            match self.gate.admit_buyer(buyer, call)? {
                Admission::May => {}
                Admission::Unknown => return Ok(Some(Added::Again)),
                Admission::Nothing(absent) => {
                    self.answer_absent(Sent { command, protocol: session.protocol(), part: false }, absent);
                    return Ok(Some(Added::Taken));
                }
            }
        }
        match call {
            Call::Auth(credentials) => self.gate.log_in(command, credentials, None),
            Call::Hello { protocol, auth: Some(credentials), client_name } => {
                let hello = Hello { protocol: *protocol, name: client_name.map(str::to_owned) };
                self.gate.log_in(command, credentials, Some(hello));
            }
            _ => return Ok(None),
        }
        Ok(Some(Added::Last))
    }

    /// Finds out what is waited for.
    pub(super) async fn pass_gate(&mut self, session: &mut Session) {
        match self.gate.waits.take() {
            Some(Wait::LogIn(login)) => self.log_in(login, session).await,
            Some(Wait::Owner(thing)) => {
                let owner = self.owner_of(&thing).await;
                self.gate.found = Some(Found { thing, owner });
            }
            None => {}
        }
    }

    /// Logs in and answers. It is the last command of its batch.
    async fn log_in(&mut self, LogIn { command, user, password, hello }: LogIn, session: &mut Session) {
        let from = session.standing().address();
        let label = match self.edge.security.log_in(user.as_deref(), &password, from).await {
            Ok(principal) => {
                session.authenticate(principal, &self.edge);
                match hello {
                    Some(Hello { protocol, name }) => {
                        session.greet(protocol, name.as_deref(), &mut self.ready)
                    }
                    None => Writer::new(&mut self.ready, session.protocol()).simple("OK"),
                }
                Label::Ok
            }
            // Whoever it was before, it still is.
            Err(error) => {
                error.write(&mut Writer::new(&mut self.ready, session.protocol()));
                Label::Error(error.code())
            }
        };
        self.labels.push((Some(command), label));
        if !self.pieces.is_empty() {
            self.close_ready();
        }
    }

    /// Whose order or cart it is; `None` if there is none.
    async fn owner_of(&self, thing: &Belonging) -> Result<Option<Box<str>>, WireError> {
        let house = self.edge.house()?;
        let (seat, ask) = match thing {
            Belonging::Order { sku, number } => (house.find(sku), Ask::Order(*number)),
            Belonging::Cart { campaign, number } => (house.find_campaign(campaign), Ask::Cart(*number)),
        };
        let Some(seat) = seat else { return Ok(None) };
        let mut visits = Visits::default();
        let visit = visits.by_seat(seat);
        visits.body(visit).push(ask);
        let outcome = visits.make(house, Instant::now()).await.into_iter().next();
        let replies = outcome.map_or(Ok(Vec::new()), |(_, outcome)| outcome.replies);
        match replies.map_err(|fault| self.fault(fault))?.into_iter().next() {
            Some(Reply::Order(order)) => Ok(order.map(|order| order.buyer)),
            Some(Reply::Cart(cart)) => Ok(cart.map(|cart| cart.buyer)),
            Some(Reply::Failed(fault)) => Err(self.fault(fault)),
            // An actor that has never been created has nothing.
            _ => Ok(None),
        }
    }
}
