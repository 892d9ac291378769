//! The bytes of a tape file: plain, gzip or a zip with one file in it, told by their first bytes.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::CrcReader;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use zip::{CompressionMethod, ZipArchive};

use super::TapeError;

/// An open tape's bytes and the name of the file that they make up.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) bytes: Box<dyn Read + Send>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, TapeError> {
        let io_error = |source| TapeError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(io_error)?;
        let mut magic = [0; 4];
        let length = read_up_to(&mut file, &mut magic).map_err(io_error)?;
        file.rewind().map_err(io_error)?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        match &magic[..length] {
            [0x1f, 0x8b, ..] => Ok(Self { name, bytes: Box::new(MultiGzDecoder::new(BufReader::new(file))) }),
            [b'P', b'K', 3 | 5, 4 | 6] => unzip(path, file),
            _ => Ok(Self { name, bytes: Box::new(file) }),
        }
    }
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// Opens the only file of an archive as a stream that owns its file handle.
fn unzip(path: &Path, file: File) -> Result<Source, TapeError> {
    let io_error = |source| TapeError::Io { path: path.to_owned(), source };
    let mut archive = ZipArchive::new(file).map_err(|error| io_error(error.into()))?;
    if archive.len() != 1 {
        return Err(TapeError::Zip { path: path.to_owned(), files: archive.len() });
    }
    let (header, compressed, crc, method, name) = {
        let entry = archive.by_index_raw(0).map_err(|error| io_error(error.into()))?;
        let name = entry.name().map_err(|error| io_error(error.into()))?.into_owned();
        (entry.header_start(), entry.compressed_size(), entry.crc32(), entry.compression(), name)
    };
    let mut file = archive.into_inner();
    seek_to_content(&mut file, header).map_err(io_error)?;
    let content = BufReader::new(file.take(compressed));
    let bytes: Box<dyn Read + Send> = if method == CompressionMethod::Stored {
        Box::new(Checked { inner: CrcReader::new(content), crc })
    } else if method == CompressionMethod::Deflated {
        Box::new(Checked { inner: CrcReader::new(DeflateDecoder::new(content)), crc })
    } else {
        return Err(io_error(io::Error::new(io::ErrorKind::Unsupported, format!("zip method {method}"))));
    };
    Ok(Source { name: name.rsplit('/').next().unwrap_or_default().to_owned(), bytes })
}

/// Past a local file header: 30 bytes, whose last four are the lengths of the name and the extra field after it.
fn seek_to_content(file: &mut File, header: u64) -> io::Result<()> {
    let mut local = [0; 30];
    file.seek(SeekFrom::Start(header))?;
    file.read_exact(&mut local)?;
    let length = |at: usize| i64::from(u16::from_le_bytes([local[at], local[at + 1]]));
    file.seek(SeekFrom::Current(length(26) + length(28)))?;
    Ok(())
}

/// Fails at the end where the checksum is not the archive's.
struct Checked<R> {
    inner: CrcReader<R>,
    crc: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        if length == 0 && !buffer.is_empty() && self.inner.crc().sum() != self.crc {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "checksum of the zip's file is wrong"));
        }
        Ok(length)
    }
}
