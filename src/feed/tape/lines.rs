//! Lines of a tape with a bound on their length, so that a file without line ends cannot fill the memory.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line that is read: an exchange's whole instrument list fits.
const LINE_LEN_MAX: usize = 16 * 1024 * 1024;

/// Reads line after line into one buffer.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input: BufReader::with_capacity(256 * 1024, input), line: Vec::new(), number: 0 }
    }

    /// The number of the line read last, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The line read last, without its end.
    pub(super) fn line(&self) -> &[u8] {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Reads the next line; false at the end.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        let limit = LINE_LEN_MAX as u64;
        let length = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        self.number += u64::from(length > 0);
        if length == LINE_LEN_MAX && !self.line.ends_with(b"\n") {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {} has no end", self.number),
            ));
        }
        Ok(length > 0)
    }
}
