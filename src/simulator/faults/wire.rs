//! Websocket frames cut into smaller ones, as a server may do with any message.

/// FIN in a frame's first byte.
const FIN: u8 = 0x80;
/// Bits that are never set here.
const RESERVED: u8 = 0x70;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// Copies a server's frames with every message cut into frames of at most `size` bytes. `bytes` begins at a frame;
/// what is no frame, or none of a server, is copied as it is.
pub(super) fn fragment(mut bytes: &[u8], size: usize, out: &mut Vec<u8>) {
    let size = size.max(1);
    while let Some((first, head, len)) = header(bytes) {
        let Some(frame) = bytes.get(..head + len) else { break };
        let is_message = matches!(first & !FIN, TEXT | BINARY) && first & FIN != 0;
        if is_message && len > size {
            pieces(first & !FIN, &frame[head..], size, out);
        } else {
            out.extend_from_slice(frame);
        }
        bytes = &bytes[head + len..];
    }
    out.extend_from_slice(bytes);
}

fn pieces(opcode: u8, payload: &[u8], size: usize, out: &mut Vec<u8>) {
    let last = payload.len().div_ceil(size) - 1;
    for (at, piece) in payload.chunks(size).enumerate() {
        let opcode = if at == 0 { opcode } else { 0 };
        out.push(opcode | if at == last { FIN } else { 0 });
        match (u8::try_from(piece.len()), u16::try_from(piece.len())) {
            (Ok(len @ 0..=125), _) => out.push(len),
            (_, Ok(len)) => {
                out.push(126);
                out.extend_from_slice(&len.to_be_bytes());
            }
            (_, Err(_)) => {
                out.push(127);
                out.extend_from_slice(&(piece.len() as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(piece);
    }
}

/// First byte, length of the header, length of the payload.
fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    // A server's frames are not masked.
    if first & RESERVED != 0 || second & 0x80 != 0 {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes
            .get(range)?
            .iter()
            .try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add((*byte).into()))
    };
    match second {
        126 => Some((first, 4, number(2..4)?)),
        127 => Some((first, 10, number(2..10)?)),
        len => Some((first, 2, len.into())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Puts messages together again: opcode and payload of each.
    fn read(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut messages: Vec<(u8, Vec<u8>)> = Vec::new();
        while let Some((first, head, len)) = header(bytes) {
            let payload = &bytes[head..head + len];
            match first & !FIN {
                0 => messages.last_mut().unwrap().1.extend_from_slice(payload),
                opcode => messages.push((opcode, payload.to_vec())),
            }
            bytes = &bytes[head + len..];
        }
        assert!(bytes.is_empty());
        messages
    }

    proptest! {
        #[test]
        fn messages_stay_what_they_were(
            lens in prop::collection::vec((prop::sample::select(vec![1_u8, 2, 9]), 0_usize..70_000), 1..4),
            size in 1_usize..70_000,
        ) {
            let mut whole = Vec::new();
            for (opcode, len) in &lens {
                let len = if *opcode == 9 { len % 126 } else { *len };
                pieces(*opcode, &vec![*opcode; len.max(1)], usize::MAX, &mut whole);
            }
            let mut cut = Vec::new();
            fragment(&whole, size, &mut cut);
            prop_assert_eq!(read(&whole), read(&cut));
        }
    }

    #[test]
    fn a_message_comes_in_as_many_frames_as_it_takes() {
        let mut out = Vec::new();
        fragment(&[0x81, 5, b'h', b'e', b'l', b'l', b'o', 0x89, 1, b'p'], 2, &mut out);
        assert_eq!(out, [1, 2, b'h', b'e', 0, 2, b'l', b'l', 0x80, 1, b'o', 0x89, 1, b'p']);
        out.clear();
        fragment(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 2, &mut out);
        assert_eq!(out, b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    }
}
