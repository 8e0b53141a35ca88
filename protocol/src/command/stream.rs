//! From arguments to calls, for the commands of Redis streams. They follow what Redis does, because programs that were
//! written for Redis send them.

use super::call::Call;
use super::spec::CommandSpec;
use super::stream_call::{GroupAsk, MAX_GROUP_NAME, StreamCall};
use super::stream_id::{Bound, ReadFrom, StreamId};
use super::values::{digits, show};
use crate::error::WireError;
use crate::resp::Args;

type Parsed<'a> = Result<Call<'a>, WireError>;

fn stream<'a>(call: StreamCall) -> Parsed<'a> {
    Ok(Call::Stream(Box::new(call)))
}

fn syntax_error() -> WireError {
    WireError::invalid("syntax error")
}

/// Arguments one behind the other.
struct Rest<'a> {
    args: Args<'a>,
    next: usize,
}

impl<'a> Rest<'a> {
    fn new(args: Args<'a>, next: usize) -> Self {
        Rest { args, next }
    }

    fn left(&self) -> usize {
        self.args.len().saturating_sub(self.next)
    }

    fn word(&mut self) -> Result<&'a [u8], WireError> {
        let word = self.args.get(self.next).ok_or_else(syntax_error)?;
        self.next += 1;
        Ok(word)
    }

    /// Takes the next word if it is this one.
    fn is(&mut self, token: &str) -> bool {
        let found = self.args.get(self.next).is_some_and(|word| word.eq_ignore_ascii_case(token.as_bytes()));
        self.next += usize::from(found);
        found
    }

    fn key(&mut self) -> Result<String, WireError> {
        // A key that is no text is that of no stream.
        Ok(String::from_utf8_lossy(self.word()?).into_owned())
    }

    fn name(&mut self, what: &str) -> Result<String, WireError> {
        let word = self.word()?;
        match std::str::from_utf8(word) {
            Ok(text) if (1..=MAX_GROUP_NAME).contains(&text.len()) => Ok(text.to_owned()),
            _ => Err(WireError::invalid(format!(
                "{what} must be UTF-8 text of 1 to {MAX_GROUP_NAME} bytes but is {}",
                show(word)
            ))),
        }
    }

    fn group(&mut self) -> Result<String, WireError> {
        self.name("group")
    }

    fn consumer(&mut self) -> Result<String, WireError> {
        self.name("consumer")
    }

    /// A number; one below zero is zero.
    fn count(&mut self) -> Result<u64, WireError> {
        let word = self.word()?;
        let negative = word.strip_prefix(b"-").and_then(digits);
        digits(word)
            .filter(|count| i64::try_from(*count).is_ok())
            .or(negative.map(|_| 0))
            .ok_or_else(|| WireError::invalid("value is not an integer or out of range"))
    }

    fn milliseconds(&mut self, what: &str) -> Result<u64, WireError> {
        let word = self.word()?;
        if word.starts_with(b"-") {
            return Err(WireError::invalid(format!("{what} is negative")));
        }
        digits(word)
            .filter(|ms| i64::try_from(*ms).is_ok())
            .ok_or_else(|| WireError::invalid(format!("{what} is not an integer or out of range")))
    }

    fn id(&mut self) -> Result<StreamId, WireError> {
        StreamId::parse(self.word()?, 0)
    }

    /// The next word, if it is an id.
    fn id_if_any(&mut self) -> Option<StreamId> {
        let id = StreamId::parse(self.args.get(self.next)?, 0).ok()?;
        self.next += 1;
        Some(id)
    }

    fn min_idle(&mut self, command: &str) -> Result<u64, WireError> {
        let wrong = |_| WireError::invalid(format!("Invalid min-idle-time argument for {command}"));
        self.count().map_err(wrong)
    }

    fn ids(&mut self) -> Result<Vec<StreamId>, WireError> {
        (0..self.left()).map(|_| self.id()).collect()
    }

    /// `$` or an id.
    fn id_or_last(&mut self) -> Result<Option<StreamId>, WireError> {
        if self.is("$") { Ok(None) } else { self.id().map(Some) }
    }

    fn end(&self) -> Result<(), WireError> {
        if self.left() == 0 { Ok(()) } else { Err(syntax_error()) }
    }

    /// Keys behind `STREAMS`, and as many words behind them.
    fn streams<T>(
        &mut self,
        read: impl Fn(&'a [u8]) -> Result<T, WireError>,
    ) -> Result<Vec<(String, T)>, WireError> {
        if self.left() == 0 || !self.left().is_multiple_of(2) {
            return Err(WireError::invalid(
                "Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
            ));
        }
        let count = self.left() / 2;
        let keys: Vec<String> = (0..count).map(|_| self.key()).collect::<Result<_, _>>()?;
        keys.into_iter().map(|key| Ok((key, read(self.word()?)?))).collect()
    }
}

pub(super) fn xlen<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    stream(StreamCall::Len { key: Rest::new(args, 1).key()? })
}

pub(super) fn xrange<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    range(args, false)
}

pub(super) fn xrevrange<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    range(args, true)
}

fn range<'a>(args: Args<'a>, backwards: bool) -> Parsed<'a> {
    let mut rest = Rest::new(args, 1);
    let key = rest.key()?;
    let (first, second) = (rest.word()?, rest.word()?);
    let (from, to) = if backwards { (second, first) } else { (first, second) };
    let (from, to) = (Bound::start(from)?, Bound::end(to)?);
    let mut count = None;
    // As often as one likes, as in Redis: the last one counts.
    while rest.is("COUNT") {
        count = Some(rest.count()?);
    }
    rest.end()?;
    stream(StreamCall::Range { key, from, to, count, backwards })
}

pub(super) fn xread<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    let mut rest = Rest::new(args, 1);
    let (mut count, mut block_ms) = (None, None);
    loop {
        if rest.is("COUNT") {
            // As in Redis, none is any number.
            count = Some(rest.count()?).filter(|count| *count > 0);
        } else if rest.is("BLOCK") {
            block_ms = Some(rest.milliseconds("timeout")?);
        } else if rest.is("STREAMS") {
            break;
        } else if rest.is("GROUP") {
            return Err(WireError::invalid(
                "The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
            ));
        } else {
            return Err(syntax_error());
        }
    }
    let streams = rest.streams(|word| match word {
        b"$" => Ok(ReadFrom::Now),
        b"+" => Ok(ReadFrom::Last),
        b">" => Err(WireError::invalid(
            "The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        id => StreamId::parse(id, 0).map(ReadFrom::After),
    })?;
    stream(StreamCall::Read { count, block_ms, streams })
}

pub(super) fn xreadgroup<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    let mut rest = Rest::new(args, 1);
    let (mut who, mut count, mut block_ms, mut no_ack) = (None, None, None, false);
    loop {
        if rest.is("GROUP") {
            who = Some((rest.group()?, rest.consumer()?));
        } else if rest.is("COUNT") {
            count = Some(rest.count()?).filter(|count| *count > 0);
        } else if rest.is("BLOCK") {
            block_ms = Some(rest.milliseconds("timeout")?);
        } else if rest.is("NOACK") {
            no_ack = true;
        } else if rest.is("STREAMS") {
            break;
        } else {
            return Err(syntax_error());
        }
    }
    let (group, consumer) = who.ok_or_else(|| WireError::invalid("Missing GROUP option for XREADGROUP"))?;
    let streams = rest.streams(|word| match word {
        b">" => Ok(None),
        b"$" => Err(WireError::invalid(
            "The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
             specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
        )),
        id => StreamId::parse(id, 0).map(Some),
    })?;
    stream(StreamCall::ReadGroup { group, consumer, count, block_ms, no_ack, streams })
}

/// The key and the group that a command begins with, and what it asks of it.
fn of_group<'a>(
    args: Args<'a>,
    next: usize,
    ask: impl FnOnce(&mut Rest<'a>) -> Result<GroupAsk, WireError>,
) -> Parsed<'a> {
    let mut rest = Rest::new(args, next);
    let (key, group) = (rest.key()?, rest.group()?);
    let ask = ask(&mut rest)?;
    rest.end()?;
    stream(StreamCall::Group { key, group, ask })
}

pub(super) fn xgroup_create<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 2, |rest| {
        let (after, mut make_stream) = (rest.id_or_last()?, false);
        while rest.left() > 0 {
            if rest.is("MKSTREAM") {
                make_stream = true;
            } else {
                entries_read(rest, "CREATE")?;
            }
        }
        Ok(GroupAsk::Create { after, make_stream })
    })
}

pub(super) fn xgroup_setid<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 2, |rest| {
        let after = rest.id_or_last()?;
        if rest.left() > 0 {
            entries_read(rest, "SETID")?;
        }
        Ok(GroupAsk::SetId { after })
    })
}

/// `ENTRIESREAD` is accepted and not needed: how far a group is behind is counted.
fn entries_read(rest: &mut Rest<'_>, subcommand: &str) -> Result<(), WireError> {
    if !rest.is("ENTRIESREAD") {
        return Err(WireError::invalid(format!(
            "unknown subcommand or wrong number of arguments for '{subcommand}'. Try XGROUP HELP."
        )));
    }
    let word = rest.args.get(rest.next).unwrap_or_default();
    if word.starts_with(b"-") && word != b"-1" {
        return Err(WireError::invalid("value for ENTRIESREAD must be positive or -1"));
    }
    rest.count().map(drop)
}

/// Which subcommands there are, in lines as Redis has them.
fn help(spec: &CommandSpec) -> Vec<String> {
    let mut lines = vec![format!("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", spec.name)];
    for subcommand in spec.subcommands {
        let syntax = subcommand.syntax();
        lines.push(syntax.strip_prefix(spec.name).unwrap_or(&syntax).trim_start().to_owned());
        lines.push(format!("    {}", subcommand.summary));
    }
    lines.extend(["HELP", "    Prints this help."].map(str::to_owned));
    lines
}

/// `XGROUP` and `XINFO` with a subcommand that is not in the table: `HELP`, or an unknown one.
pub(super) fn of_container<'a>(spec: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    let given = args.get(1).unwrap_or_default();
    if given.eq_ignore_ascii_case(b"HELP") && args.len() == 2 {
        return stream(StreamCall::Help { lines: help(spec) });
    }
    Err(WireError::invalid(format!("unknown subcommand {}. Try {} HELP.", show(given), spec.name)))
}

pub(super) fn xgroup_destroy<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 2, |_| Ok(GroupAsk::Destroy))
}

pub(super) fn xgroup_createconsumer<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 2, |rest| Ok(GroupAsk::CreateConsumer { consumer: rest.consumer()? }))
}

pub(super) fn xgroup_delconsumer<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 2, |rest| Ok(GroupAsk::DeleteConsumer { consumer: rest.consumer()? }))
}

pub(super) fn xack<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 1, |rest| Ok(GroupAsk::Ack { ids: rest.ids()? }))
}

pub(super) fn xpending<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 1, |rest| {
        if rest.left() == 0 {
            return Ok(GroupAsk::PendingSummary);
        }
        let min_idle_ms = if rest.is("IDLE") { rest.count()? } else { 0 };
        let from = Bound::start(rest.word()?)?;
        let to = Bound::end(rest.word()?)?;
        let count = rest.count()?;
        let consumer = if rest.left() > 0 { Some(rest.consumer()?) } else { None };
        Ok(GroupAsk::Pending { min_idle_ms, from, to, count, consumer })
    })
}

/// How many entries `XAUTOCLAIM` takes over when nothing is said.
const AUTOCLAIM_COUNT: u64 = 100;

pub(super) fn xautoclaim<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 1, |rest| {
        let (consumer, min_idle_ms) = (rest.consumer()?, rest.min_idle("XAUTOCLAIM")?);
        let from = Bound::start(rest.word()?)?;
        let (mut count, mut just_id) = (AUTOCLAIM_COUNT, false);
        while rest.left() > 0 {
            if rest.is("COUNT") {
                let given = rest.count().ok().filter(|count| *count > 0);
                count = given.ok_or_else(|| WireError::invalid("COUNT must be > 0"))?;
            } else if rest.is("JUSTID") {
                just_id = true;
            } else {
                return Err(syntax_error());
            }
        }
        Ok(GroupAsk::AutoClaim { consumer, min_idle_ms, from, count, just_id })
    })
}

pub(super) fn xclaim<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 1, |rest| {
        let (consumer, min_idle_ms) = (rest.consumer()?, rest.min_idle("XCLAIM")?);
        let (mut ids, mut just_id) = (Vec::new(), false);
        while let Some(id) = rest.id_if_any() {
            ids.push(id);
        }
        // Behind the first word that is no id come options alone.
        while rest.left() > 0 {
            if rest.is("JUSTID") {
                just_id = true;
            } else if ["IDLE", "TIME", "RETRYCOUNT", "FORCE", "LASTID"].iter().any(|word| rest.is(word)) {
                return Err(WireError::invalid("XCLAIM takes no option but JUSTID in this version"));
            } else {
                let word = rest.word()?;
                return Err(WireError::invalid(format!("Unrecognized XCLAIM option {}", show(word))));
            }
        }
        Ok(GroupAsk::Claim { consumer, min_idle_ms, ids, just_id })
    })
}

pub(super) fn xinfo_stream<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    stream(StreamCall::InfoStream { key: Rest::new(args, 2).key()? })
}

pub(super) fn xinfo_groups<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    stream(StreamCall::InfoGroups { key: Rest::new(args, 2).key()? })
}

pub(super) fn xinfo_consumers<'a>(_: &'static CommandSpec, args: Args<'a>) -> Parsed<'a> {
    of_group(args, 2, |_| Ok(GroupAsk::InfoConsumers))
}
