//! The journal's bytes: 16 bytes that name the format, then frames. Pure: no file, no clock.
//!
//! A frame is `length u32, CRC32C u32, sequence u64, payload`, little endian; the length is the payload's, the checksum
//! covers length, sequence and payload. Sequences begin at 0 in each file and have no gap.

use schemas::journal::Record;

/// What every journal begins with: a name and the version of the framing.
pub const MAGIC: [u8; 16] = *b"st-journal\r\n\x1a\n\0\x01";
/// The part of [`MAGIC`] that no version changes.
const NAME_LEN: usize = 14;
/// The longest payload.
pub const PAYLOAD_MAX: usize = 1 << 20;
/// Bytes of a frame beside its payload.
pub const FRAME_HEAD: usize = 16;

/// Appends one record's frame.
///
/// # Errors
/// A record that cannot be written as JSON, or is longer than [`PAYLOAD_MAX`]: nothing is appended.
pub fn encode(record: &Record<'_>, seq: u64, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD]);
    let written = serde_json::to_writer(&mut *out, record);
    let payload = out.len() - start - FRAME_HEAD;
    let too_long = || serde::ser::Error::custom("record too long");
    let length = u32::try_from(payload).ok().filter(|_| payload <= PAYLOAD_MAX).ok_or_else(too_long);
    match written.and(length) {
        Ok(length) => {
            seal(&mut out[start..], length, seq);
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// Appends the frame of a payload that was encoded before.
pub fn reframe(payload: &[u8], seq: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD]);
    out.extend_from_slice(payload);
    seal(&mut out[start..], u32::try_from(payload.len()).expect("it was framed before"), seq);
}

fn seal(frame: &mut [u8], length: u32, seq: u64) {
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame[8..16].copy_from_slice(&seq.to_le_bytes());
    let sum = checksum(frame);
    frame[4..8].copy_from_slice(&sum.to_le_bytes());
}

fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..])
}

/// What a file's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Frames follow.
    Journal,
    /// Shorter than a beginning: a crash came before the first record.
    Cut,
    /// A framing of a later version.
    Newer,
    /// Something else.
    Foreign,
}

/// Reads a file's first bytes.
#[must_use]
pub fn start(bytes: &[u8]) -> Start {
    if bytes.len() < MAGIC.len() {
        // A file system may have written zeros where a crash came first.
        let cut = MAGIC.starts_with(bytes) || bytes.iter().all(|byte| *byte == 0);
        return if cut { Start::Cut } else { Start::Foreign };
    }
    if bytes.starts_with(&MAGIC) {
        Start::Journal
    } else if bytes[..NAME_LEN] == MAGIC[..NAME_LEN] {
        Start::Newer
    } else if bytes.iter().all(|byte| *byte == 0) {
        Start::Cut
    } else {
        Start::Foreign
    }
}

/// One frame that was found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its place in the file.
    pub seq: u64,
    /// Where it begins, bytes.
    pub at: usize,
    /// Its payload.
    pub payload: &'a [u8],
}

/// Why frames stop being whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Nothing whole follows: the end was cut off or never written.
    Tail {
        /// Where the last whole frame ends.
        at: usize,
    },
    /// Whole frames follow: something in the middle is not what was written.
    Middle {
        /// The number of the frame that is not whole.
        seq: u64,
        /// Where it should begin.
        at: usize,
    },
}

/// Everything in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The whole frames before any damage.
    pub frames: Vec<Frame<'a>>,
    /// Whole frames behind damage: true, but what came between is lost.
    pub salvaged: Vec<Frame<'a>>,
    /// What is wrong, if anything.
    pub damage: Option<Damage>,
}

/// Reads the frames of a file that begins as [`Start::Journal`].
#[must_use]
pub fn scan(bytes: &[u8]) -> Scan<'_> {
    let mut scan = Scan { frames: Vec::new(), salvaged: Vec::new(), damage: None };
    let (mut at, mut seq) = (MAGIC.len(), 0);
    while at < bytes.len() {
        match frame_at(bytes, at).filter(|frame| frame.seq == seq) {
            Some(frame) => {
                at = end_of(&frame);
                seq += 1;
                scan.frames.push(frame);
            }
            None => {
                scan.salvaged = salvage(bytes, at);
                scan.damage = Some(if scan.salvaged.is_empty() {
                    Damage::Tail { at }
                } else {
                    Damage::Middle { seq, at }
                });
                break;
            }
        }
    }
    scan
}

/// Every whole frame from there on, wherever it begins.
fn salvage(bytes: &[u8], from: usize) -> Vec<Frame<'_>> {
    let mut found = Vec::new();
    let mut at = from;
    while at + FRAME_HEAD < bytes.len() {
        match frame_at(bytes, at) {
            Some(frame) => {
                at = end_of(&frame);
                found.push(frame);
            }
            None => at += 1,
        }
    }
    found
}

fn end_of(frame: &Frame<'_>) -> usize {
    frame.at + FRAME_HEAD + frame.payload.len()
}

fn frame_at(bytes: &[u8], at: usize) -> Option<Frame<'_>> {
    let head = bytes.get(at..at + FRAME_HEAD)?;
    let word = |from: usize| head[from..from + 4].try_into().map(u32::from_le_bytes).unwrap_or(0);
    let length = usize::try_from(word(0)).ok().filter(|length| (1..=PAYLOAD_MAX).contains(length))?;
    // Cheaper than a checksum, which a search at every byte would ask for too often.
    if bytes.get(at + FRAME_HEAD) != Some(&b'{') {
        return None;
    }
    let frame = bytes.get(at..at + FRAME_HEAD + length)?;
    let seq = head[8..16].try_into().map(u64::from_le_bytes).unwrap_or(0);
    (checksum(frame) == word(4)).then_some(Frame { seq, at, payload: &frame[FRAME_HEAD..] })
}
