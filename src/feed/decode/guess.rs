//! Names what a payload that is no JSON looks like. Never decodes any of it.

use super::error::DecodeError;

/// First bytes and what they begin.
const MAGIC: [(&[u8], &str); 8] = [
    (&[0x1f, 0x8b], "gzip"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
    (&[0x78, 0x01], "zlib"),
    (&[0x78, 0x9c], "zlib"),
    (&[0x78, 0xda], "zlib"),
    (b"Obj\x01", "Avro container"),
    (b"PK\x03\x04", "zip"),
];

/// What is wrong with the bytes before JSON comes into it: another encoding, or no text.
pub(super) fn not_text(payload: &[u8]) -> Option<DecodeError> {
    if let Some(what) = foreign_text(payload) {
        return Some(DecodeError::NotText { at: 0, what: what.to_owned() });
    }
    if let Some(guess) = guess(payload) {
        let bytes: Vec<String> = payload.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        return Some(DecodeError::NotJson { bytes: bytes.join(" "), guess });
    }
    std::str::from_utf8(payload).err().map(|error| {
        let at = error.valid_up_to();
        DecodeError::NotText { at, what: format!("byte {:02x}", payload.get(at).copied().unwrap_or(0)) }
    })
}

/// Text, but with a byte order mark or in 16-bit units.
fn foreign_text(payload: &[u8]) -> Option<&'static str> {
    match payload {
        [0xef, 0xbb, 0xbf, ..] => Some("a byte order mark"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16 with a byte order mark"),
        [b'{' | b'[' | b'"', 0, ..] | [0, b'{' | b'[' | b'"', ..] => Some("UTF-16"),
        _ => None,
    }
}

fn guess(payload: &[u8]) -> Option<&'static str> {
    let magic = MAGIC.iter().find(|(magic, _)| payload.starts_with(magic)).map(|(_, name)| *name);
    magic.or(match payload {
        // A zero byte and the schema's number in four.
        [0, _, _, _, _, _, ..] => Some("schema registry frame"),
        // Field 1 as a varint, or field 1 to 3 as a length that fits.
        [0x08, next, ..] if !is_json_start(*next) => Some("protobuf"),
        [0x0a | 0x12 | 0x1a, len, rest @ ..] if !is_json_start(*len) && usize::from(*len) <= rest.len() => {
            Some("protobuf")
        }
        _ => None,
    })
}

const fn is_json_start(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'
    )
}
