//! Decodes PNG images with the crate `png-decoder`, as it comes. It trusts neither the image nor the
//! crate, which panics on quite a few hostile images: then the instance ends, and another one begins.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use oro::{Consumer, Message as _, Producer, Server};
use png_protocol::{DECODED, GET, PIXELS, PUT, REFUSED, Reply, Request, TAKEN};

oro::module! {
    name: "decoder",
    entry run {
        stack: 128 << 10,
        ports { images: Consumer<Request>, pixels: Producer<Reply> }
    }
}

fn run(ports: run::Ports) -> Result<(), oro::Error> {
    let mut server = Server::new(ports.images, ports.pixels);
    let mut decoder = Decoder::default();
    Ok(server.serve(|request| decoder.answer(&request))?)
}

#[derive(Default)]
struct Decoder {
    /// What has come of the image file.
    file: Vec<u8>,
    /// Pixels of the last image that was decoded.
    pixels: Vec<u8>,
}

impl Decoder {
    fn answer(&mut self, request: &Request) -> Reply {
        match request.kind {
            PUT => self.put(request),
            GET => self.get(request.offset as usize),
            kind => refuse(format_args!("no request is of kind {kind}")),
        }
    }

    fn put(&mut self, request: &Request) -> Reply {
        let (offset, total) = (request.offset as usize, request.total_bytes as usize);
        if offset == 0 {
            *self = Self { file: Vec::with_capacity(total), pixels: Vec::new() };
        }
        let piece = request.data.get(..request.length as usize);
        let Some(piece) = piece.filter(|piece| {
            offset == self.file.len() && piece.len() <= total.saturating_sub(offset)
        }) else {
            return refuse(format_args!("the piece at {offset} of {total} bytes is out of order"));
        };
        self.file.extend_from_slice(piece);
        if self.file.len() < total {
            return Reply { verdict: TAKEN, ..Reply::zeroed() };
        }
        match png_decoder::decode(&self.file) {
            Ok((header, pixels)) => {
                self.pixels = pixels;
                Reply {
                    verdict: DECODED,
                    width: header.width,
                    height: header.height,
                    color_type: header.color_type as u32,
                    bit_depth: header.bit_depth as u32,
                    ..Reply::zeroed()
                }
            }
            Err(error) => refuse(format_args!("{error:?}")),
        }
    }

    fn get(&self, offset: usize) -> Reply {
        let mut reply = Reply { verdict: PIXELS, ..Reply::zeroed() };
        let left = self.pixels.get(offset..).unwrap_or_default();
        let length = left.len().min(reply.data.len());
        reply.data[..length].copy_from_slice(&left[..length]);
        reply.length = length as u32;
        reply
    }
}

fn refuse(why: fmt::Arguments<'_>) -> Reply {
    let mut text = oro::Text::new();
    // What does not fit is left out.
    let _ = text.write_fmt(why);
    let mut reply = Reply { verdict: REFUSED, length: text.len() as u32, ..Reply::zeroed() };
    reply.data[..text.len()].copy_from_slice(text.as_bytes());
    reply
}
