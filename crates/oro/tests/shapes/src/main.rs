//! Every shape that `module!` takes, for the tests in `tests/images.rs`; it is never run. Its lints
//! are strict, since what the macros write is linted where they are used.
#![no_std]
#![no_main]
#![deny(warnings, missing_docs, unreachable_pub, elided_lifetimes_in_paths)]
#![deny(clippy::all, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![deny(clippy::allow_attributes_without_reason)]

use oro::{ByteReader, Consumer, Log, NaiveProducer, PeerMisbehaved, Producer, Text, Time};

oro::message! {
    /// Every type that a field may have.
    "shapes.all.v1" pub(crate) struct All {
        a: u64,
        /// Three of them.
        b: [i64; 3],
        c: f64, d: u32, e: i32, f: f32, g: [u16; 2], h: i16, i: [u8; 5], j: i8,
    }
}

oro::module! {
    name: "all-shapes",
    /// An entry with nothing but its thread.
    entry bare {}
    entry naive {
        stack: 1 << 20,
        ports {
            /// Lines of a log.
            log: Option<NaiveProducer<Log>>,
            many: [NaiveProducer<All>; 3],
        }
    }
    entry managed {
        ports { clock: Consumer<Time>, clients: [Option<Producer<All>>; 4], bytes: Option<ByteReader> }
        params {
            /// Help of
            /// two lines.
            text: Text = "",
            required: u64,
            signed: i64 = -5,
            flag: bool = true,
        }
    }
}

fn bare(ports: bare::Ports) -> u32 {
    ports.thread.exit_instance(u64::from(ports.thread.root().cpu_count))
}

fn naive(mut ports: naive::Ports) {
    if let Some(log) = &mut ports.log {
        log.warn(format_args!("{:?}", ports.thread.root()));
    }
}

fn managed(mut ports: managed::Ports) -> Result<u32, PeerMisbehaved> {
    let params = ports.params;
    ports.clock.available()?;
    assert!(params.flag && params.signed < 0 && !params.text.is_empty(), "{}", params.required);
    Ok(u32::from(ports.clients[0].is_some() && ports.bytes.is_some()))
}
