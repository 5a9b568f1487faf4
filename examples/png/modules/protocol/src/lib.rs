//! What the gallery and the decoder say to each other: an image is put piece by piece, then its pixels
//! are got piece by piece. One request is on its way at a time, so a decoder that has just begun knows
//! as much as one that waits for a new image.
#![no_std]

oro::message! {
    /// Either a piece of an image file, or a question for pixels.
    "png.request.v1" pub struct Request {
        correlation: u64,
        /// `PUT` or `GET`.
        kind: u32,
        /// Where in the image file, or in its pixels.
        offset: u32,
        /// `PUT`: bytes of the whole image file.
        total_bytes: u32,
        /// `PUT`: how many of `data` count.
        length: u32,
        data: [u8; 4072],
    }
}

oro::message! {
    "png.reply.v1" pub struct Reply {
        correlation: u64,
        /// `TAKEN`, `DECODED`, `REFUSED` or `PIXELS`.
        verdict: u32,
        /// `DECODED`: of the image, in pixels.
        width: u32,
        height: u32,
        /// `DECODED`: as the file says them (PNG specification, 11.2.1).
        color_type: u32,
        bit_depth: u32,
        /// How many of `data` count.
        length: u32,
        /// `REFUSED`: why. `PIXELS`: some of them.
        data: [u8; 4064],
    }
}

oro::correlated!(Request, Reply);

/// Bytes of an image file.
pub const PUT: u32 = 1;
/// Asks for pixels of the image that was put last, four bytes each: red, green, blue, alpha.
pub const GET: u32 = 2;

/// The image has more pieces.
pub const TAKEN: u32 = 1;
/// That was the last piece, and the pixels are there.
pub const DECODED: u32 = 2;
/// It is not an image, or the request is none.
pub const REFUSED: u32 = 3;
/// Pixels; none are left if there are no bytes.
pub const PIXELS: u32 = 4;
