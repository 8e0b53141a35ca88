//! What one actor did in one turn, as the journal holds it.
//!
//! ```text
//! bytes after these four: u32 | events: u24 | flags: u8 | actor: varint | at: varint
//! [kind: u8, name: text]   if flags say birth
//! events
//! ```

use tidegate_engine::{CampaignEvent, ConsumerGroupEvent, Event, Millis};

use crate::codec::{
    CodecError, Cursor, EventDecoder, EventEncoder, get_campaign_event, get_consumer_group_event,
    put_campaign_event, put_consumer_group_event, put_text, put_varint,
};
use crate::{ActorId, ActorKind, Birth};

/// The largest group, in bytes. A turn that would go beyond it is split into two by its actor.
pub const MAX_GROUP_BYTES: usize = 16 << 20;
/// The most events in one group.
pub const MAX_GROUP_EVENTS: u32 = (1 << 24) - 1;

const LENGTH: usize = 4;
const HEADER: usize = LENGTH + 4;
const FLAG_BIRTH: u8 = 1;

const KIND_SKU: u8 = 0;
const KIND_CAMPAIGN: u8 = 1;
const KIND_CONSUMER_GROUP: u8 = 2;

pub(crate) fn kind_code(kind: ActorKind) -> u8 {
    match kind {
        ActorKind::Sku => KIND_SKU,
        ActorKind::Campaign => KIND_CAMPAIGN,
        ActorKind::ConsumerGroup => KIND_CONSUMER_GROUP,
    }
}

pub(crate) fn kind_of(code: u8) -> Result<ActorKind, CodecError> {
    match code {
        KIND_SKU => Ok(ActorKind::Sku),
        KIND_CAMPAIGN => Ok(ActorKind::Campaign),
        KIND_CONSUMER_GROUP => Ok(ActorKind::ConsumerGroup),
        code => {
            Err(CodecError::Unknown { what: "kind of actor", code, version: crate::block::FORMAT_VERSION })
        }
    }
}

/// Writes the group of one turn into one buffer, on the actor's thread.
#[derive(Debug)]
pub struct GroupEncoder {
    bytes: Vec<u8>,
    count: u32,
    events: EventEncoder,
}

impl GroupEncoder {
    /// Begins a group. `at` is the turn's one reading of the clock; `birth` belongs to the first group of an actor
    /// and to no other.
    #[must_use]
    pub fn new(actor: ActorId, at: Millis, birth: Option<Birth<'_>>) -> Self {
        Self::with_buffer(Vec::with_capacity(256), actor, at, birth)
    }

    /// As [`Self::new`], in a buffer that was used before; what it holds is dropped.
    #[must_use]
    pub fn with_buffer(mut bytes: Vec<u8>, actor: ActorId, at: Millis, birth: Option<Birth<'_>>) -> Self {
        bytes.clear();
        bytes.extend_from_slice(&[0; HEADER]);
        put_varint(&mut bytes, u64::from(actor.0));
        put_varint(&mut bytes, at.0);
        if let Some(Birth { kind, name }) = birth {
            bytes[HEADER - 1] = FLAG_BIRTH;
            bytes.push(kind_code(kind));
            put_text(&mut bytes, name);
        }
        Self { bytes, count: 0, events: EventEncoder::default() }
    }

    /// Appends one event of a campaign.
    pub fn push_campaign(&mut self, event: &CampaignEvent<'_>) {
        put_campaign_event(&mut self.bytes, event);
        self.count += 1;
    }

    /// Appends one event of a consumer group.
    pub fn push_consumer_group(&mut self, event: &ConsumerGroupEvent<'_>) {
        put_consumer_group_event(&mut self.bytes, event);
        self.count += 1;
    }

    /// Appends one event of a SKU.
    #[inline]
    pub fn push(&mut self, event: &Event<'_>) {
        self.events.put(&mut self.bytes, event);
        self.count += 1;
    }

    /// Events so far.
    #[must_use]
    pub fn events(&self) -> u32 {
        self.count
    }

    /// Bytes so far. An actor ends its turn before this passes [`MAX_GROUP_BYTES`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing happened yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The finished group, or `None` if nothing happened.
    #[must_use]
    pub fn finish(mut self) -> Option<EncodedGroup> {
        if self.count == 0 {
            return None;
        }
        let length = (self.bytes.len() - LENGTH) as u32;
        self.bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
        self.bytes[LENGTH..LENGTH + 3].copy_from_slice(&self.count.to_le_bytes()[..3]);
        Some(EncodedGroup { bytes: self.bytes, events: self.count })
    }
}

/// A finished group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedGroup {
    bytes: Vec<u8>,
    events: u32,
}

impl EncodedGroup {
    /// The group as the journal will hold it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its buffer, for [`GroupEncoder::with_buffer`].
    #[must_use]
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    /// Events in it, at least one.
    #[must_use]
    pub fn events(&self) -> u32 {
        self.events
    }

    /// Whether the group keeps the limits of the format.
    fn fits(&self) -> bool {
        self.bytes.len() <= MAX_GROUP_BYTES && self.events <= MAX_GROUP_EVENTS
    }
}

/// Finished groups of one thread's turns, end to end, ready for [`crate::Lane::submit`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncodedGroups {
    bytes: Vec<u8>,
    groups: u64,
    events: u32,
    /// The bytes of the first that the format has no room for.
    misfit: Option<usize>,
}

impl EncodedGroups {
    /// An empty list with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Adds a group behind the others.
    pub fn push(&mut self, group: &EncodedGroup) {
        self.groups += 1;
        self.events += group.events;
        if !group.fits() {
            self.misfit.get_or_insert(group.bytes.len());
        }
        self.bytes.extend_from_slice(&group.bytes);
    }

    /// The groups as the journal will hold them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.groups
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups == 0
    }

    /// Events in all of them.
    pub(crate) fn events(&self) -> u32 {
        self.events
    }

    /// The bytes of one that does not keep the limits of the format.
    pub(crate) fn misfit(&self) -> Option<usize> {
        self.misfit
    }
}

impl From<EncodedGroup> for EncodedGroups {
    fn from(group: EncodedGroup) -> Self {
        let misfit = (!group.fits()).then_some(group.bytes.len());
        Self { groups: 1, events: group.events, misfit, bytes: group.bytes }
    }
}

/// A group read back. Its events are decoded only when asked for.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Who did it.
    pub actor: ActorId,
    /// When.
    pub at: Millis,
    /// Who the actor is, in its first group.
    pub birth: Option<Birth<'a>>,
    /// The sequence of the first event.
    pub first_sequence: u64,
    /// How many events there are.
    pub count: u32,
    events: Cursor<'a>,
}

impl<'a> Group<'a> {
    fn read(body: &'a [u8], first_sequence: u64) -> Result<Self, CodecError> {
        let mut from = Cursor::new(body);
        let [low, middle, high, flags] = from.array("group header")?;
        if flags & !FLAG_BIRTH != 0 {
            return Err(CodecError::Unknown {
                what: "group flags",
                code: flags,
                version: crate::block::FORMAT_VERSION,
            });
        }
        let actor = ActorId(from.small("actor")?);
        let at = Millis(from.varint("time")?);
        let birth = if flags & FLAG_BIRTH == 0 {
            None
        } else {
            Some(Birth { kind: kind_of(from.byte("kind of actor")?)?, name: from.text("name")? })
        };
        let count = u32::from_le_bytes([low, middle, high, 0]);
        Ok(Self { actor, at, birth, first_sequence, count, events: from })
    }

    /// Reads where its events begin and end, so that they are in the cache when they are decoded.
    pub(crate) fn touch(&self) -> u8 {
        self.events.first() ^ self.events.last()
    }

    /// Its events in order, if it is a SKU's. Ends after the first error.
    pub fn events(&self) -> impl Iterator<Item = Result<Event<'a>, CodecError>> + use<'a> {
        let mut decoder = EventDecoder::default();
        self.decoded(move |from: &mut Cursor<'a>| decoder.get(from))
    }

    /// Its events in order, if it is a campaign's. Ends after the first error.
    pub fn campaign_events(&self) -> impl Iterator<Item = Result<CampaignEvent<'a>, CodecError>> + use<'a> {
        self.decoded(get_campaign_event)
    }

    /// Its events in order, if it is a consumer group's. Ends after the first error.
    pub fn consumer_group_events(
        &self,
    ) -> impl Iterator<Item = Result<ConsumerGroupEvent<'a>, CodecError>> + use<'a> {
        self.decoded(get_consumer_group_event)
    }

    fn decoded<T, D: FnMut(&mut Cursor<'a>) -> Result<T, CodecError>>(&self, decode: D) -> Events<'a, D> {
        Events { decode, from: self.events, left: self.count, failed: false }
    }
}

/// The events of one group.
struct Events<'a, D> {
    decode: D,
    from: Cursor<'a>,
    left: u32,
    failed: bool,
}

impl<'a, T, D: FnMut(&mut Cursor<'a>) -> Result<T, CodecError>> Iterator for Events<'a, D> {
    type Item = Result<T, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = if self.left == 0 {
            self.from.finish().err().map(Err)
        } else {
            self.left -= 1;
            Some((self.decode)(&mut self.from))
        };
        self.failed = matches!(next, None | Some(Err(_)));
        next
    }
}

/// The groups of one block's payload, in order.
#[derive(Debug)]
pub struct Groups<'a> {
    from: Cursor<'a>,
    next_sequence: u64,
    failed: bool,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(payload: &'a [u8], first_sequence: u64) -> Self {
        Self { from: Cursor::new(payload), next_sequence: first_sequence, failed: false }
    }

    fn read(&mut self) -> Result<Group<'a>, CodecError> {
        let length = u32::from_le_bytes(self.from.array("group length")?);
        let group = Group::read(self.from.bytes(length as usize, "group")?, self.next_sequence)?;
        self.next_sequence += u64::from(group.count);
        Ok(group)
    }
}

impl<'a> Iterator for Groups<'a> {
    type Item = Result<Group<'a>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.from.left() == 0 {
            return None;
        }
        let next = self.read();
        self.failed = next.is_err();
        Some(next)
    }
}
