//! [`Archive`]: the files in a tar archive (POSIX ustar, and what GNU tar writes), one after the other.
//! Names are at most 100 bytes long; what is not a file, is passed over.

use core::fmt;

use oro::{ByteReader, RecvError};

/// What an archive consists of: a head, then the file's bytes, filled up.
const BLOCK_BYTES: usize = 512;

pub(crate) struct Archive {
    input: ByteReader,
    /// Of the present file: bytes that were not read yet, and those that fill its last block up.
    left: u64,
    padding: u64,
}

/// A file; its bytes come by [`Archive::read`].
pub(crate) struct File {
    name: [u8; 100],
    pub(crate) size_bytes: u64,
}

impl File {
    pub(crate) fn name(&self) -> &[u8] {
        self.name.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

impl Archive {
    pub(crate) fn new(input: ByteReader) -> Self {
        Self { input, left: 0, padding: 0 }
    }

    /// The next file; what was not read of the one before is passed over.
    pub(crate) fn next(&mut self) -> Result<Option<File>, ArchiveError> {
        loop {
            self.skip()?;
            let mut head = [0; BLOCK_BYTES];
            let length = self.input.read_full(&mut head)?;
            if length == 0 || head == [0; BLOCK_BYTES] {
                self.drain()?;
                return Ok(None);
            }
            if length < BLOCK_BYTES || &head[257..262] != b"ustar" {
                return Err(ArchiveError::NotTar);
            }
            let size_bytes = parse_octal(&head[124..136]).ok_or(ArchiveError::NotTar)?;
            self.left = size_bytes;
            self.padding = size_bytes.next_multiple_of(BLOCK_BYTES as u64) - size_bytes;
            if matches!(head[156], b'0' | 0) {
                let mut name = [0; 100];
                name.copy_from_slice(&head[..100]);
                return Ok(Some(File { name, size_bytes }));
            }
        }
    }

    /// The next bytes of the file, as many as there are and `buffer` takes.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if self.input.read_full(&mut buffer[..length])? < length {
            return Err(ArchiveError::Truncated);
        }
        self.left -= length as u64;
        Ok(length)
    }

    fn skip(&mut self) -> Result<(), ArchiveError> {
        self.left += core::mem::take(&mut self.padding);
        let mut dropped = [0; BLOCK_BYTES];
        while self.left > 0 {
            self.read(&mut dropped)?;
        }
        Ok(())
    }

    /// Reads what fills up the archive's end, so that who writes it can finish.
    fn drain(&mut self) -> Result<(), ArchiveError> {
        let mut dropped = [0; BLOCK_BYTES];
        while self.input.read(&mut dropped)? > 0 {}
        Ok(())
    }
}

/// At most eleven digits: it cannot overflow.
fn parse_octal(field: &[u8]) -> Option<u64> {
    let is_end = |byte: &u8| matches!(byte, b' ' | 0);
    let (digits, rest) = field.split_at(field.iter().position(is_end)?);
    let is_number = !digits.is_empty() && digits.iter().all(|digit| matches!(digit, b'0'..=b'7'));
    let fold = |value, digit: &u8| value * 8 + u64::from(digit - b'0');
    (is_number && rest.iter().all(is_end)).then(|| digits.iter().fold(0, fold))
}

/// Why there is no next file.
pub(crate) enum ArchiveError {
    NotTar,
    Truncated,
    Input(RecvError),
}

impl From<RecvError> for ArchiveError {
    fn from(error: RecvError) -> Self {
        Self::Input(error)
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTar => formatter.write_str("the input is not a tar archive"),
            Self::Truncated => formatter.write_str("the input ends in the middle of a file"),
            Self::Input(error) => write!(formatter, "input: {error}"),
        }
    }
}
