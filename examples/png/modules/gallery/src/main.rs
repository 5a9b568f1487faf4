//! Takes images out of a tar archive, has each one decoded, and writes a line about it: its size, its
//! colours and a hash of its pixels, or why there are none.
//!
//! The decoder is not trusted: what it says is checked and shown as data, and when it crashes, the image
//! is given up and the next one goes to its replacement.
#![no_std]
#![no_main]

mod archive;

use core::fmt;

use oro::SendErrorKind;
use oro::{ByteReader, ByteWriter, CallError, Caller, Consumer, Message as _, Producer};
use png_protocol::{DECODED, GET, PIXELS, PUT, REFUSED, Reply, Request, TAKEN};
use sha2::{Digest as _, Sha256};

use archive::{Archive, ArchiveError, File};

/// A decoder that claims to have more pixels lies, or has more memory than this system gives it.
const MOST_PIXEL_BYTES: u32 = 64 << 20;

oro::module! {
    name: "gallery",
    entry run {
        stack: 256 << 10,
        ports {
            archive: ByteReader, report: ByteWriter,
            images: Producer<Request>, pixels: Consumer<Reply>,
        }
    }
}

fn run(ports: run::Ports) -> Result<(), Error> {
    let mut archive = Archive::new(ports.archive);
    let mut decoder = Caller::new(ports.images, ports.pixels);
    let mut report = ports.report;
    while let Some(file) = archive.next()? {
        let outcome = match decode(&mut archive, &file, &mut decoder) {
            Ok(outcome) => outcome,
            Err(Error::Decoder(CallError::Restarted)) => Outcome::Crashed,
            Err(error) => return Err(error),
        };
        writeln!(report, "{}: {outcome}", file.name().escape_ascii())?;
    }
    Ok(report.finish()?)
}

type Decoder = Caller<Request, Reply, 1>;

fn decode(archive: &mut Archive, file: &File, decoder: &mut Decoder) -> Result<Outcome, Error> {
    let Ok(total_bytes) = u32::try_from(file.size_bytes) else {
        return Ok(Outcome::TooLarge);
    };
    let mut offset = 0;
    loop {
        let mut request = Request { kind: PUT, offset, total_bytes, ..Request::zeroed() };
        request.length = archive.read(&mut request.data)? as u32;
        offset += request.length;
        let reply = decoder.call(request)?;
        match reply.verdict {
            TAKEN if offset < total_bytes => {}
            DECODED if offset == total_bytes => return hash_pixels(reply, decoder),
            REFUSED => return Ok(Outcome::Refused(reply)),
            _ => return Ok(Outcome::Nonsense),
        }
    }
}

/// Gets as many pixels as an image of that size has.
fn hash_pixels(image: Reply, decoder: &mut Decoder) -> Result<Outcome, Error> {
    let pixels = image.width.checked_mul(image.height);
    let Some(pixel_bytes) =
        pixels.and_then(|pixels| pixels.checked_mul(4)).filter(|bytes| *bytes <= MOST_PIXEL_BYTES)
    else {
        return Ok(Outcome::Nonsense);
    };
    let (mut hasher, mut offset) = (Sha256::new(), 0);
    while offset < pixel_bytes {
        let reply = decoder.call(Request { kind: GET, offset, ..Request::zeroed() })?;
        let length = reply.length;
        let piece = reply.data.get(..length as usize).unwrap_or_default();
        if reply.verdict != PIXELS || piece.is_empty() || length > pixel_bytes - offset {
            return Ok(Outcome::Nonsense);
        }
        hasher.update(piece);
        offset += length;
    }
    Ok(Outcome::Decoded { image, digest: hasher.finalize().into() })
}

/// What came of an image.
enum Outcome {
    Decoded {
        image: Reply,
        digest: [u8; 32],
    },
    Refused(Reply),
    Crashed,
    TooLarge,
    /// What the decoder says of it cannot be true.
    Nonsense,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decoded { image, digest } => {
                let Reply { width, height, bit_depth, .. } = image;
                write!(formatter, "{width} x {height}, {bit_depth}-bit ")?;
                match image.color_type {
                    0 => formatter.write_str("gray")?,
                    2 => formatter.write_str("rgb")?,
                    3 => formatter.write_str("palette")?,
                    4 => formatter.write_str("gray and alpha")?,
                    6 => formatter.write_str("rgb and alpha")?,
                    other => write!(formatter, "colour type {other}")?,
                }
                formatter.write_str(", sha256 ")?;
                digest.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
            Self::Refused(reply) => {
                let why = reply.data.get(..reply.length as usize).unwrap_or_default();
                write!(formatter, "refused: {}", why.escape_ascii())
            }
            Self::Crashed => formatter.write_str("the decoder crashed"),
            Self::TooLarge => formatter.write_str("4 GiB or more"),
            Self::Nonsense => formatter.write_str("the decoder talks nonsense"),
        }
    }
}

/// Why the gallery ends before its time.
enum Error {
    Archive(ArchiveError),
    Decoder(CallError),
    Report(SendErrorKind),
}

impl From<ArchiveError> for Error {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::Decoder(error)
    }
}

impl From<SendErrorKind> for Error {
    fn from(error: SendErrorKind) -> Self {
        Self::Report(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(error) => error.fmt(formatter),
            Self::Decoder(error) => write!(formatter, "decoder: {error}"),
            Self::Report(error) => write!(formatter, "report: {error}"),
        }
    }
}
