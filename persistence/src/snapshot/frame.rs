//! The file of a snapshot: frames, each with its length and checksum, none larger than a mebibyte or so.
//!
//! ```text
//! file:   "TGSS" | version: u16 | zero: u16 | frames
//! frame:  kind: u8 | bytes of payload: u32 | CRC32C of kind, length and payload: u32 | payload
//! 1 start:   actor: varint | kind: u8 | name: text | time of its last turn: varint
//! 2 parts:   parts of the actor's state, one behind the other
//! 3 end:     number of parts: u64 | state hash: u64
//! 4 footer:  epoch: u32 | next actor: u32 | sections: u64 | next block: u64 | last hash: u64 | next sequence: u64
//! ```
//! An actor is a start, any number of parts and an end. The footer is the last frame.

use std::io::{self, Read, Write};

use tidegate_engine::Millis;

use super::info::Footer;
use crate::block::Tail;
use crate::codec::{CodecError, Cursor, put_text, put_varint};
use crate::group::{kind_code, kind_of};
use crate::{ActorId, ActorKind, EpochNumber};

/// The version of the snapshot format that this release writes, and the only one it reads.
pub(super) const VERSION: u16 = 1;
const MAGIC: [u8; 4] = *b"TGSS";

const START: u8 = 1;
const PARTS: u8 = 2;
const END: u8 = 3;
const FOOTER: u8 = 4;

const FRAME_HEADER: usize = 9;
const FOOTER_PAYLOAD: usize = 40;
/// The size of the last frame of every snapshot.
pub(super) const FOOTER_BYTES: usize = FRAME_HEADER + FOOTER_PAYLOAD;
/// Parts are collected up to this size. One part (terms with a long allow list) may go beyond it.
const PARTS_BYTES: usize = 256 << 10;
/// No frame is larger; a length beyond it is damage, not a reason to ask for memory.
const MAX_FRAME: u32 = 64 << 20;

/// A snapshot that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file can't be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file is damaged.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// A record in it can't be decoded.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Another release wrote it.
    #[error(
        "it has format version {found}, this release reads version {VERSION}: use the release that wrote it"
    )]
    Version {
        /// Its version.
        found: u16,
    },
}

/// One frame, read back and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Start { actor: ActorId, kind: ActorKind, name: Box<str>, last_at: Millis },
    Parts(Vec<u8>),
    End { parts: u64, state_hash: u64 },
    Footer(Footer),
}

/// Writes the frames of one snapshot.
pub(super) struct FrameWriter<W> {
    to: W,
    parts: Vec<u8>,
    count: u64,
    sections: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(mut to: W) -> io::Result<Self> {
        to.write_all(&MAGIC)?;
        to.write_all(&VERSION.to_le_bytes())?;
        to.write_all(&[0; 2])?;
        Ok(Self { to, parts: Vec::with_capacity(PARTS_BYTES), count: 0, sections: 0 })
    }

    pub(super) fn start(
        &mut self,
        actor: ActorId,
        kind: ActorKind,
        name: &str,
        last_at: Millis,
    ) -> io::Result<()> {
        let mut payload = Vec::new();
        put_varint(&mut payload, u64::from(actor.0));
        payload.push(kind_code(kind));
        put_text(&mut payload, name);
        put_varint(&mut payload, last_at.0);
        self.count = 0;
        put_frame(&mut self.to, START, &payload)
    }

    pub(super) fn part(&mut self, part: &[u8]) -> io::Result<()> {
        self.parts.extend_from_slice(part);
        self.count += 1;
        if self.parts.len() >= PARTS_BYTES { self.flush_parts() } else { Ok(()) }
    }

    pub(super) fn end(&mut self, state_hash: u64) -> io::Result<()> {
        self.flush_parts()?;
        let mut payload = [0; 16];
        payload[..8].copy_from_slice(&self.count.to_le_bytes());
        payload[8..].copy_from_slice(&state_hash.to_le_bytes());
        self.sections += 1;
        put_frame(&mut self.to, END, &payload)
    }

    /// Writes the footer and gives the file back.
    pub(super) fn finish(
        mut self,
        covers: EpochNumber,
        next_actor: u32,
        tail: Tail,
    ) -> io::Result<(W, Footer)> {
        let footer = Footer { covers, next_actor, sections: self.sections, tail };
        let mut payload = Vec::with_capacity(FOOTER_PAYLOAD);
        payload.extend_from_slice(&covers.0.to_le_bytes());
        payload.extend_from_slice(&next_actor.to_le_bytes());
        for number in [self.sections, tail.block, tail.hash, tail.sequence] {
            payload.extend_from_slice(&number.to_le_bytes());
        }
        put_frame(&mut self.to, FOOTER, &payload)?;
        Ok((self.to, footer))
    }

    fn flush_parts(&mut self) -> io::Result<()> {
        if !self.parts.is_empty() {
            put_frame(&mut self.to, PARTS, &self.parts)?;
            self.parts.clear();
        }
        Ok(())
    }
}

fn put_frame(to: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length <= MAX_FRAME);
    let length =
        length.ok_or_else(|| io::Error::other("a part is larger than a frame may be"))?.to_le_bytes();
    to.write_all(&[kind])?;
    to.write_all(&length)?;
    to.write_all(&checksum(kind, length, payload).to_le_bytes())?;
    to.write_all(payload)
}

fn checksum(kind: u8, length: [u8; 4], payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[kind]), &length);
    crc32c::crc32c_append(crc, payload)
}

/// Reads the frames of one snapshot.
pub(super) struct FrameReader<R> {
    from: R,
    sections: u64,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(mut from: R) -> Result<Self, SnapshotError> {
        let mut header = [0; 8];
        read(&mut from, &mut header)?;
        if header[..4] != MAGIC {
            return Err(SnapshotError::Damaged("it does not begin as a snapshot does"));
        }
        match u16::from_le_bytes([header[4], header[5]]) {
            VERSION if header[6..] == [0; 2] => Ok(Self { from, sections: 0 }),
            VERSION => Err(SnapshotError::Damaged("its header is not what it was")),
            found => Err(SnapshotError::Version { found }),
        }
    }

    /// The next frame, `None` behind the footer.
    pub(super) fn next(&mut self) -> Result<Frame, SnapshotError> {
        let (kind, payload) = read_frame(&mut self.from)?;
        let frame = decode(kind, payload)?;
        match &frame {
            Frame::End { .. } => self.sections += 1,
            Frame::Footer(footer) => {
                if footer.sections != self.sections {
                    return Err(SnapshotError::Damaged("a section is missing"));
                }
                if self.from.read(&mut [0])? != 0 {
                    return Err(SnapshotError::Damaged("there is something behind its footer"));
                }
            }
            _ => {}
        }
        Ok(frame)
    }
}

/// Reads a footer from the last [`FOOTER_BYTES`] of a file.
pub(super) fn read_footer(mut from: &[u8]) -> Result<Footer, SnapshotError> {
    let (kind, payload) = read_frame(&mut from)?;
    match decode(kind, payload)? {
        Frame::Footer(footer) => Ok(footer),
        _ => Err(SnapshotError::Damaged("it does not end with a footer")),
    }
}

fn read_frame(from: &mut impl Read) -> Result<(u8, Vec<u8>), SnapshotError> {
    let mut header = [0; FRAME_HEADER];
    read(from, &mut header)?;
    let [kind, l0, l1, l2, l3, c0, c1, c2, c3] = header;
    let length = [l0, l1, l2, l3];
    let announced = u32::from_le_bytes(length);
    if announced > MAX_FRAME {
        return Err(SnapshotError::Damaged("a length in it is out of its range"));
    }
    // A damaged length announces anything: memory is taken for what comes.
    let mut payload = Vec::with_capacity((announced as usize).min(PARTS_BYTES));
    from.by_ref().take(announced.into()).read_to_end(&mut payload)?;
    if payload.len() < announced as usize {
        return Err(SnapshotError::Damaged("it ends too early"));
    }
    if checksum(kind, length, &payload) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(SnapshotError::Damaged("a checksum in it is wrong"));
    }
    Ok((kind, payload))
}

fn read(from: &mut impl Read, into: &mut [u8]) -> Result<(), SnapshotError> {
    from.read_exact(into).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => SnapshotError::Damaged("it ends too early"),
        _ => SnapshotError::Io(error),
    })
}

fn decode(kind: u8, payload: Vec<u8>) -> Result<Frame, SnapshotError> {
    let mut from = Cursor::new(&payload);
    let frame = match kind {
        START => Frame::Start {
            actor: ActorId(from.small("actor")?),
            kind: kind_of(from.byte("kind of actor")?)?,
            name: from.text("name")?.into(),
            last_at: Millis(from.varint("time of the last turn")?),
        },
        PARTS => return Ok(Frame::Parts(payload)),
        END => Frame::End { parts: number(&mut from)?, state_hash: number(&mut from)? },
        FOOTER => Frame::Footer(footer(&mut from)?),
        code => return Err(CodecError::Unknown { what: "snapshot frame", code, version: VERSION }.into()),
    };
    from.finish()?;
    Ok(frame)
}

fn footer(from: &mut Cursor<'_>) -> Result<Footer, CodecError> {
    let footer = Footer {
        covers: EpochNumber(u32::from_le_bytes(from.array("footer")?)),
        next_actor: u32::from_le_bytes(from.array("footer")?),
        sections: number(from)?,
        tail: Tail { block: number(from)?, hash: number(from)?, sequence: number(from)? },
    };
    // Both count from 1.
    if footer.tail.block == 0 || footer.tail.sequence == 0 {
        return Err(CodecError::Range("footer"));
    }
    Ok(footer)
}

fn number(from: &mut Cursor<'_>) -> Result<u64, CodecError> {
    from.array("snapshot frame").map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of format version 1, without their checksums, which are compared to a plain calculation.
    #[test]
    fn the_bytes_of_a_snapshot_are_fixed() {
        let mut writer = FrameWriter::new(Vec::new()).unwrap();
        writer.start(ActorId(300), ActorKind::Sku, "sku", Millis(5)).unwrap();
        writer.part(b"\x02\x01b\x01\x02\x00").unwrap();
        writer.end(77).unwrap();
        let tail = Tail { block: 8, hash: 9, sequence: 10 };
        let (bytes, footer) = writer.finish(EpochNumber(3), 301, tail).unwrap();

        let mut expected = b"TGSS\x01\0\0\0".to_vec();
        let numbers = |numbers: &[u64]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_le_bytes()).collect() };
        let mut last = vec![3, 0, 0, 0, 45, 1, 0, 0];
        last.extend(numbers(&[1, 8, 9, 10]));
        let frames = [
            (1, b"\xac\x02\x00\x03sku\x05".to_vec()),
            (2, b"\x02\x01b\x01\x02\x00".to_vec()),
            (3, numbers(&[1, 77])),
            (4, last),
        ];
        for (kind, payload) in frames {
            let mut checked = vec![kind, payload.len() as u8, 0, 0, 0];
            expected.extend_from_slice(&checked);
            checked.extend_from_slice(&payload);
            expected.extend_from_slice(&crc32c::crc32c(&checked).to_le_bytes());
            expected.extend_from_slice(&payload);
        }
        assert_eq!(bytes, expected);
        assert_eq!(read_footer(&bytes[bytes.len() - FOOTER_BYTES..]).unwrap(), footer);
    }

    #[test]
    fn a_snapshot_of_another_version_says_so() {
        let error = FrameReader::new(&b"TGSS\x09\0\0\0"[..]).err().unwrap();
        assert!(matches!(error, SnapshotError::Version { found: 9 }), "{error}");
    }
}
