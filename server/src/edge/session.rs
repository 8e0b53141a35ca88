//! What a connection has said about itself, and the commands that concern only it or the server as a whole.

use std::time::Duration;

use tidegate_protocol::command::introspect;
use tidegate_protocol::command::{Call, ClientAttribute, Command, Role, Words, find};
use tidegate_protocol::error::{ErrorCode, WireError};
use tidegate_protocol::resp::{FramingError, Protocol, Writer};

use super::Edge;
use super::client::{Guest, Said};
use super::ended::Ended;
use super::pushes::{self, Pushes};
use super::standing::Standing;
use crate::push::{Channel, Delivery};
use crate::security::{Buyer, Principal, no_auth};

/// One connection's session.
pub(super) struct Session {
    guest: Guest,
    protocol: Protocol,
    standing: Standing,
    over: bool,
    pushes: Pushes,
}

impl Session {
    pub(super) fn new(guest: Guest, edge: &Edge) -> Self {
        edge.security.rates().newcomer();
        let standing = Standing::new(edge.security.stranger(), &edge.security, guest.address.ip());
        guest.said().user = standing.principal().name().to_owned();
        Self { guest, protocol: Protocol::Resp2, standing, over: false, pushes: Pushes::default() }
    }

    /// A session of a door that has no versions to choose from.
    pub(super) fn speaking(guest: Guest, edge: &Edge, protocol: Protocol) -> Self {
        let mut session = Self::new(guest, edge);
        session.speak(protocol);
        session
    }

    pub(super) fn id(&self) -> u64 {
        self.guest.id
    }

    /// Its connection ends, for this reason.
    pub(super) fn ended(&self, reason: Ended) {
        self.guest.ended(reason);
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What is pushed to the client.
    pub(super) fn pushes(&self) -> &Pushes {
        &self.pushes
    }

    /// Why this command can't be used now, if so: in RESP2 a client that has subscribed can't tell replies from pushes.
    pub(super) fn refuses(&self, command: Command) -> Option<WireError> {
        if self.pushes.is_empty() || self.protocol == Protocol::Resp3 {
            return None;
        }
        let name = command.spec().name;
        let is_free = matches!(name, "SUBSCRIBE" | "UNSUBSCRIBE" | "PING" | "QUIT" | "RESET");
        (!is_free).then(|| {
            WireError::invalid(format!(
                "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
                name.to_ascii_lowercase()
            ))
        })
    }

    /// Whether this client may subscribe to this channel. That it may subscribe at all is judged by the role of the
    /// command; a buyer hears of no other buyer, and the status is for who watches over the sale.
    fn check_channel(&self, channel: &Channel) -> Result<(), WireError> {
        match (channel, self.standing.buyer()) {
            (Channel::Status, _) => self.standing.principal().needs_one_of(&[Role::Observer, Role::Admin]),
            (Channel::Buyer(name), Some(buyer)) if !buyer.is(name) => {
                Err(WireError::new(ErrorCode::NoPerm, "this user may not subscribe to that channel"))
            }
            _ => Ok(()),
        }
    }

    fn check_channels(&self, channels: &[Channel]) -> Result<(), WireError> {
        channels.iter().try_for_each(|channel| self.check_channel(channel))
    }

    /// Subscribes to these channels and waits for their snapshots; whoever calls it hands them over first.
    pub(super) async fn subscribe(
        &mut self,
        channels: Vec<Channel>,
        edge: &Edge,
    ) -> Result<Vec<Delivery>, WireError> {
        self.standing.charge(&edge.security)?;
        // The same command, by another name; an observer needs no storefront's role to watch.
        if channels.iter().any(|channel| *channel != Channel::Status) {
            find(b"SUBSCRIBE").map_or(Ok(()), |command| self.standing.admit(command.spec()))?;
        }
        self.standing.buyer().map_or(Ok(()), Buyer::is_valid)?;
        self.check_channels(&channels)?;
        self.pushes.subscribe_with_snapshots(channels, edge).await
    }

    /// Unsubscribes from these channels, or from all. How many there are still.
    pub(super) fn unsubscribe(&mut self, channels: Option<Vec<Channel>>) -> usize {
        self.pushes.leave(channels)
    }

    /// Who is asking, and what follows from that.
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// From now on this is who is asking.
    pub(super) fn authenticate(&mut self, principal: Principal, edge: &Edge) {
        principal.name().clone_into(&mut self.guest.said().user);
        if !principal.is_same_as(self.standing.principal()) {
            // What somebody subscribed to is nobody else's business.
            self.pushes = Pushes::default();
        }
        self.standing = Standing::new(principal, &edge.security, self.guest.address.ip());
    }

    /// Whether the client has said goodbye.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn write_framing_error(&self, error: &FramingError, output: &mut Vec<u8>) {
        WireError::invalid(error.to_string()).write(&mut Writer::new(output, self.protocol));
    }

    /// Tells a client that sent half a command why the connection ends.
    pub(super) fn write_late(&self, patience: Duration, output: &mut Vec<u8>) {
        let error = WireError::invalid(format!(
            "Protocol error: the rest of a command did not come within {} ms (limits.partial_command_timeout_ms)",
            patience.as_millis()
        ));
        error.write(&mut Writer::new(output, self.protocol));
    }

    /// Tells a client that did not say who it is why the connection ends.
    pub(super) fn write_stranger(&self, patience: Duration, output: &mut Vec<u8>) {
        let error = WireError::new(
            ErrorCode::NoAuth,
            format!("closed: not authenticated within {} ms (logins.timeout_ms)", patience.as_millis()),
        );
        error.write(&mut Writer::new(output, self.protocol));
    }

    fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.guest.said().protocol = protocol;
    }

    /// Carries out a command that concerns no SKU.
    pub(super) fn answer(
        &mut self,
        call: Call<'_>,
        edge: &Edge,
        output: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        let writer = &mut Writer::new(output, self.protocol);
        match call {
            Call::Ping { message } if self.protocol == Protocol::Resp2 && !self.pushes.is_empty() => {
                writer.array(2);
                writer.bulk("pong");
                writer.bulk(message.unwrap_or_default());
            }
            Call::Ping { message: None } => writer.simple("PONG"),
            Call::Ping { message: Some(message) } | Call::Echo { message } => writer.bulk(message),
            Call::Select => writer.simple("OK"),
            Call::Quit => {
                self.over = true;
                writer.simple("OK");
            }
            Call::Subscribe { channels } => {
                let channels = pushes::parse(channels)?;
                self.check_channels(&channels)?;
                self.pushes.subscribe(channels, edge, writer)?;
            }
            Call::Unsubscribe { channels } => self.pushes.unsubscribe(channels, writer),
            Call::Reset => {
                self.pushes = Pushes::default();
                self.speak(Protocol::Resp2);
                *self.guest.said() = Said::default();
                self.authenticate(edge.security.stranger(), edge);
                writer.simple("RESET");
            }
            Call::Hello { protocol, client_name, auth: None } => {
                if self.standing.is_nobody() {
                    return Err(no_auth());
                }
                self.greet(protocol, client_name, output);
            }
            Call::ClientId => writer.uint(self.guest.id),
            Call::ClientGetName => {
                let said = self.guest.said();
                writer.bulk_or_null((!said.name.is_empty()).then_some(said.name.as_str()));
            }
            Call::ClientSetName { name } => {
                name.clone_into(&mut self.guest.said().name);
                writer.simple("OK");
            }
            Call::ClientSetInfo { attribute, value } => {
                let mut said = self.guest.said();
                match attribute {
                    ClientAttribute::LibName => value.clone_into(&mut said.library),
                    ClientAttribute::LibVer => value.clone_into(&mut said.library_version),
                }
                writer.simple("OK");
            }
            Call::ClientInfo => writer.bulk(self.guest.line()),
            Call::ClientList => writer.bulk(edge.clients.list()),
            Call::Info { sections } => writer.bulk(information(edge, sections)),
            Call::CommandAll => introspect::write_entries(writer),
            Call::CommandCount => introspect::write_count(writer),
            Call::CommandInfo { names } => introspect::write_info(writer, names),
            Call::CommandDocs { names } => introspect::write_docs(writer, names),
            Call::CommandGetKeys { command } => introspect::write_getkeys(writer, command)?,
            Call::ConfigGet { patterns } => write_config(edge, patterns, writer),
            Call::Auth(_)
            | Call::Hello { .. }
            | Call::SkuPut { .. }
            | Call::SkuRestock { .. }
            | Call::SkuReprice { .. }
            | Call::SkuPause { .. }
            | Call::SkuResume { .. }
            | Call::SkuGet { .. }
            | Call::SkuMget { .. }
            | Call::OrderReserve { .. }
            | Call::OrderPay { .. }
            | Call::OrderCancel { .. }
            | Call::OrderRefund { .. }
            | Call::OrderGet { .. }
            | Call::RoomOpen { .. }
            | Call::RoomJoin { .. }
            | Call::RoomGet { .. }
            | Call::CartReserve { .. }
            | Call::CartPay { .. }
            | Call::CartCancel { .. }
            | Call::CartGet { .. }
            | Call::CouponTrigger { .. }
            | Call::CampaignPut { .. }
            | Call::CampaignGet { .. }
            | Call::BuyerBlock { .. }
            | Call::BuyerUnblock { .. }
            | Call::Report { .. }
            | Call::Stream(_) => {
                // Actors answer these, and logins are waited for. Who adds a command is told by the compiler to place it here or there.
                return Err(WireError::invalid(
                    "nothing was done: the server took this command for one about the connection, which is a \
                     defect; please report it",
                ));
            }
        }
        Ok(())
    }

    /// Does what `HELLO` says besides authenticating.
    pub(super) fn greet(&mut self, protocol: Option<Protocol>, name: Option<&str>, output: &mut Vec<u8>) {
        if let Some(name) = name {
            name.clone_into(&mut self.guest.said().name);
        }
        if let Some(protocol) = protocol {
            self.speak(protocol);
        }
        self.write_hello(output);
    }

    fn write_hello(&self, output: &mut Vec<u8>) {
        let mut writer = Writer::new(output, self.protocol);
        writer.map(7);
        writer.bulk("server");
        writer.bulk("tidegate");
        writer.bulk("version");
        writer.bulk(env!("CARGO_PKG_VERSION"));
        writer.bulk("proto");
        writer.uint(u64::from(self.protocol.number()));
        writer.bulk("id");
        writer.uint(self.guest.id);
        writer.bulk("mode");
        writer.bulk("standalone");
        writer.bulk("role");
        writer.bulk("master");
        writer.bulk("modules");
        writer.array(0);
    }
}

/// The text of `INFO`.
fn information(edge: &Edge, sections: Words<'_>) -> String {
    let asked: Vec<String> = sections.texts().map(str::to_ascii_lowercase).collect();
    let usual = edge.information.sections();
    let all = asked.is_empty()
        || asked.iter().any(|name| matches!(name.as_str(), "all" | "default" | "everything"));
    let mut text = String::new();
    for name in usual.iter().filter(|name| all || asked.iter().any(|asked| asked == *name)) {
        if let Some(lines) = edge.information.section(name) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            text.push_str(&lines);
        }
    }
    text
}

/// Answers `CONFIG GET`: what client tools of Redis ask for, in its words.
fn write_config(edge: &Edge, patterns: Words<'_>, writer: &mut Writer<'_>) {
    let most = edge.limits.max_connections.to_string();
    let settings = [
        ("appendfsync", "always"),
        ("appendonly", "yes"),
        ("databases", "1"),
        ("maxclients", most.as_str()),
        ("maxmemory", "0"),
        ("save", ""),
        ("timeout", "0"),
    ];
    let wanted: Vec<_> =
        settings.iter().filter(|(name, _)| patterns.texts().any(|pattern| matches(pattern, name))).collect();
    writer.map(wanted.len());
    for (name, value) in wanted {
        writer.bulk(name);
        writer.bulk(value);
    }
}

/// Whether a name fits a pattern in which `*` stands for any text and `?` for any one character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    // Where to go on when a guess at the length of the last `*` turns out wrong.
    let (mut p, mut n, mut retry) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || c.eq_ignore_ascii_case(&name[n]) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, name, expected) in [
            ("save", "save", true),
            ("SAVE", "save", true),
            ("append*", "appendonly", true),
            ("*only", "appendonly", true),
            ("*p*n*y", "appendonly", true),
            ("s?ve", "save", true),
            ("s?e", "save", false),
            ("", "save", false),
            ("*", "", true),
            ("save*x", "save", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
