//! Blocks of the journal: one is taken only if it is whole, its events are written again as they are read, and a start from it
//! ends with states or says what is wrong.

use tidegate_persistence::{
    ActorKind, Birth, Block, CodecError, Crash, EpochNumber, Group, GroupEncoder, Journal, MemoryJournal,
};

use crate::recovery::recover_both_ways;

/// Bytes of a block's header, and where its checksum is.
const HEADER: usize = 48;
const CHECKSUM: usize = 44;

/// The first byte says what follows: a block as it is, if it is 0; else the body of a block, behind three bytes that say how
/// many events it holds. A header is put before it, with the right length and checksum.
///
/// # Panics
/// If something else than a whole block is taken, or what is taken can't be read the same again.
pub fn blocks(bytes: &[u8]) {
    match bytes {
        [0, block @ ..] => taken_or_refused(block),
        [_, e0, e1, e2, body @ ..] => taken_or_refused(&sealed(body, u32::from_le_bytes([*e0, *e1, *e2, 0]))),
        _ => {}
    }
}

/// The first block of a journal, in the first epoch. Written from the format as `docs/JOURNAL.md` tells it.
fn sealed(body: &[u8], events: u32) -> Vec<u8> {
    let mut block = b"TGBK\x01\0\0\0\x01\0\0\0".to_vec();
    block.extend_from_slice(&events.to_le_bytes());
    for number in [1_u64, 0, 1] {
        block.extend_from_slice(&number.to_le_bytes());
    }
    block.extend_from_slice(&(body.len() as u32).to_le_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&block), body);
    block.extend_from_slice(&checksum.to_le_bytes());
    block.extend_from_slice(body);
    block
}

fn taken_or_refused(bytes: &[u8]) {
    if let Ok(block) = Block::parse(bytes) {
        is_whole(bytes, &block);
    }
    start(bytes);
}

/// Whether a block that is taken is one, and a damaged one would not be.
fn is_whole(bytes: &[u8], block: &Block<'_>) {
    assert_eq!(&bytes[..4], b"TGBK");
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..CHECKSUM]), &bytes[HEADER..]);
    assert_eq!(bytes[CHECKSUM..HEADER], checksum.to_le_bytes(), "a checksum that is not the block's");
    let at = block.hash() as usize % (bytes.len() * 8);
    let mut flipped = bytes.to_vec();
    flipped[at / 8] ^= 1 << (at % 8);
    assert!(Block::parse(&flipped).is_err(), "bit {at} is flipped and nobody has noticed");
    assert!(Block::parse(&bytes[..bytes.len() - 1]).is_err(), "half a block is taken");
    for group in block.groups().map_while(Result::ok) {
        // Its events may be none that this release knows: that is an error, which a start tells.
        let _ = again(&group);
    }
}

/// Starts from a journal of this one block.
fn start(bytes: &[u8]) {
    let disk = MemoryJournal::new();
    let epoch = disk.create(EpochNumber::FIRST).expect("an epoch");
    epoch.append(1, bytes).and_then(|()| epoch.sync()).expect("a block");
    let Ok(found) = recover_both_ways(&disk, bytes.len()) else { return };
    let events = match Block::parse(bytes) {
        Ok(block) => {
            let groups: Vec<Group<'_>> =
                block.groups().map(|group| group.expect("a group that can't be read")).collect();
            let in_groups: u64 = groups.iter().map(|group| u64::from(group.count)).sum();
            assert_eq!(in_groups, u64::from(block.events), "the header tells of other events than there are");
            for group in &groups {
                again(group).expect("an event that was replayed and can't be read");
            }
            in_groups
        }
        // It was cut as the end of an interrupted write.
        Err(damage) => {
            assert!(damage.may_be_torn(), "{damage}");
            assert!(found.actors.is_empty());
            0
        }
    };
    assert_eq!(found.next_sequence, events + 1);
    disk.crash(Crash::LoseUnsynced);
    assert_eq!(recover_both_ways(&disk, bytes.len()).expect("the next start"), found, "the next start");
}

/// Writes a group again, and reads that.
fn again(group: &Group<'_>) -> Result<(), CodecError> {
    let kinds = match group.birth {
        Some(Birth { kind, .. }) => vec![kind],
        // It is not said whose they are: what can be read is read.
        None => vec![ActorKind::Sku, ActorKind::Campaign, ActorKind::ConsumerGroup],
    };
    let mut read = Ok(());
    for kind in kinds {
        let mut encoder = GroupEncoder::new(group.actor, group.at, group.birth);
        let (shown, done) = write(group, kind, &mut encoder);
        read = done;
        let Some(encoded) = encoder.finish().filter(|_| read.is_ok()) else { continue };
        let block = sealed(encoded.bytes(), encoded.events());
        let block = Block::parse(&block).expect("a block of one group");
        let group = block.groups().next().expect("a group").expect("a group");
        let mut encoder = GroupEncoder::new(group.actor, group.at, group.birth);
        let (shown_again, done) = write(&group, kind, &mut encoder);
        assert_eq!((shown_again, done), (shown, Ok(())), "written and read again it is something else");
        assert_eq!(encoder.finish().as_ref(), Some(&encoded), "written again it has other bytes");
        break;
    }
    read
}

/// Writes the events of a group: how they are shown, and what can't be read.
fn write(
    group: &Group<'_>,
    kind: ActorKind,
    encoder: &mut GroupEncoder,
) -> (Vec<String>, Result<(), CodecError>) {
    let mut shown = Vec::new();
    let mut done = Ok(());
    match kind {
        ActorKind::Sku => group.events().for_each(|event| match event {
            Ok(event) => {
                shown.push(format!("{event:?}"));
                encoder.push(&event);
            }
            Err(error) => done = Err(error),
        }),
        ActorKind::Campaign => group.campaign_events().for_each(|event| match event {
            Ok(event) => {
                shown.push(format!("{event:?}"));
                encoder.push_campaign(&event);
            }
            Err(error) => done = Err(error),
        }),
        ActorKind::ConsumerGroup => group.consumer_group_events().for_each(|event| match event {
            Ok(event) => {
                shown.push(format!("{event:?}"));
                encoder.push_consumer_group(&event);
            }
            Err(error) => done = Err(error),
        }),
    }
    (shown, done)
}
