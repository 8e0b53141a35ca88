//! Who shows around: asks the server, prints what it says, and looks whether it is what was promised.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use tidegate_engine::Millis;
use tidegate_loadgen::show;
use tidegate_protocol::resp::{ReplyError, Value, decode_reply, encode_command};

use super::clock::TourClock;

/// How long the server may take over anything, in real time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is paid in.
const CURRENCY: &str = "EUR";

/// The guide of a tour.
pub(super) struct Guide {
    stream: TcpStream,
    input: Vec<u8>,
    clock: Arc<TourClock>,
    /// Midnight of the day on which the tour begins.
    midnight: Millis,
    /// What was paid so far, in minor units.
    pub(super) paid: i64,
    payments: u32,
}

impl Guide {
    pub(super) fn new(tcp: SocketAddr, clock: Arc<TourClock>, midnight: Millis) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(tcp)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut guide = Self { stream, input: Vec::new(), clock, midnight, paid: 0, payments: 0 };
        // Maps and nils as such.
        guide.call("HELLO 3")?;
        Ok(guide)
    }

    /// Lets time pass until so many hours and minutes after midnight, and says what it is about.
    pub(super) fn at(&self, hours: u64, minutes: u64, about: &str) {
        self.clock.run_until(self.midnight.plus((hours * 60 + minutes) * 60_000));
        println!("\n{:02}:{minutes:02}  {about}", hours % 24);
    }

    /// Says something about what was just shown.
    pub(super) fn say(&self, what: &str) {
        println!("         {what}");
    }

    /// Asks, shows what was asked and answered, and returns the answer, which must begin with this status.
    pub(super) fn ask(&mut self, line: &str, status: &str) -> anyhow::Result<Value> {
        let told = self.call(line)?;
        println!("       > {line}\n         {}", shown(&told));
        if told.items().first().and_then(Value::as_str) != Some(status) {
            bail!("{line} was answered {}, not {status}", shown(&told));
        }
        Ok(told)
    }

    /// Looks at something that is there, without showing all of it.
    pub(super) fn look(&mut self, line: &str) -> anyhow::Result<Value> {
        let told = self.call(line)?;
        if told.pairs().is_empty() { bail!("{line} was answered {}", shown(&told)) } else { Ok(told) }
    }

    /// Looks until a field of it has this value: what a clock ends, it ends a moment later.
    pub(super) fn look_for(&mut self, line: &str, field: &str, value: &str) -> anyhow::Result<Value> {
        let began = Instant::now();
        loop {
            let told = self.look(line)?;
            let found = told.get(field).map(shown).unwrap_or_default();
            if found == value {
                return Ok(told);
            }
            if began.elapsed() > PATIENCE {
                bail!("{line}: {field} is {found}, not {value}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Reserves, and returns the id and what is due.
    pub(super) fn reserve(&mut self, line: &str) -> anyhow::Result<(String, i64)> {
        let told = self.ask(line, "RESERVED")?;
        held(&told, 1).with_context(|| format!("{line} was answered {}", shown(&told)))
    }

    /// Takes a seat in a room, and returns the order and what is due.
    pub(super) fn join(&mut self, room: &str, buyer: &str) -> anyhow::Result<(String, i64)> {
        let told = self.ask(&format!("ROOM.JOIN {room} join-{buyer} {buyer} 1"), "JOINED")?;
        held(&told, 1).with_context(|| format!("{room} was not joined: {}", shown(&told)))
    }

    /// Pays an order or a cart.
    pub(super) fn pay(&mut self, (id, due): &(String, i64)) -> anyhow::Result<Value> {
        let kind = if id.contains("}:c:") { "CART" } else { "ORDER" };
        self.paid += due;
        self.payments += 1;
        let line = format!("{kind}.PAY {id} pay {due} card-{}", self.payments);
        self.ask(&line, "PAID")
    }

    fn call(&mut self, line: &str) -> anyhow::Result<Value> {
        let mut command = Vec::new();
        encode_command(&mut command, &line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
        self.stream.write_all(&command)?;
        let mut chunk = [0; 16 << 10];
        loop {
            match decode_reply(&self.input) {
                Ok(Some(reply)) => {
                    let (value, length) = (reply.value()?, reply.wire_len());
                    self.input.drain(..length);
                    return Ok(value);
                }
                Ok(None) => {}
                Err(error) => return Err(reply_error(error)),
            }
            match self.stream.read(&mut chunk)? {
                0 => bail!("the server closed the connection"),
                read => self.input.extend_from_slice(&chunk[..read]),
            }
        }
    }
}

fn reply_error(error: ReplyError) -> anyhow::Error {
    anyhow::Error::new(error).context("the server's reply can't be read")
}

/// The id at this place of an answer, and what is due behind it.
fn held(told: &Value, at: usize) -> Option<(String, i64)> {
    Some((told.items().get(at)?.as_str()?.to_owned(), told.items().get(at + 1)?.as_int()?))
}

/// An amount as people write it.
pub(super) fn money(minor: i64) -> String {
    show::money(u64::try_from(minor).unwrap_or(0), CURRENCY)
}

/// A number of a map.
pub(super) fn number(map: &Value, field: &str) -> i64 {
    map.get(field).and_then(Value::as_int).unwrap_or(0)
}

/// A time of a map, as a clock shows it.
pub(super) fn time(map: &Value, field: &str) -> String {
    let at = Timestamp::from_millisecond(number(map, field)).unwrap_or_default();
    at.strftime("%H:%M").to_string()
}

/// A reply on one line.
pub(super) fn shown(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    if let Some(number) = value.as_int() {
        return number.to_string();
    }
    let items: Vec<_> = value.items().iter().map(shown).collect();
    match value {
        Value::Null => "nil".to_owned(),
        _ => format!("[{}]", items.join(" ")),
    }
}
