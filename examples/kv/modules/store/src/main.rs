//! A key-value server of eight clients at a time, which come and go. It ends when it is told to, and says how
//! many there were.
#![no_std]
#![no_main]

#[path = "../../messages.rs"]
mod messages;

use messages::{Ask, GET, PUT, Stop, Tell};
use oro::{ByteWriter, ClientEvent, Clients, Consumer, PortArray, Producer, SendErrorKind};

/// Room for this many keys, a power of two.
const ROOM: usize = 2048;

oro::module! {
    name: "store",
    entry run {
        stack: 256 << 10,
        ports {
            /// Element `i` is of the same client as element `i` of `replies`.
            requests: PortArray<Consumer<Ask>, 8>,
            replies: PortArray<Producer<Tell>, 8>,
            stop: Consumer<Stop>,
            text: ByteWriter,
        }
    }
}

fn run(mut ports: run::Ports) -> Result<(), SendErrorKind> {
    let mut clients = Clients::new(ports.requests, ports.replies);
    let mut store = Store { pairs: [None; ROOM], count: 0 };
    let (mut joined, mut served) = (0, 0);
    loop {
        let ready = oro::wait(ports.thread, &[&clients, &ports.stop], None);
        while let Some(event) = clients.try_serve_one(|_, ask| store.answer(ask)) {
            match event {
                ClientEvent::Joined(_) => joined += 1,
                ClientEvent::Served(_) => served += 1,
                ClientEvent::Left(_) => {}
            }
        }
        // Told to, or whoever would have told it has ended.
        if ready.contains(1) {
            break;
        }
    }
    writeln!(ports.text, "{joined} clients, {served} requests, {} keys", store.count)?;
    ports.text.finish()
}

/// Numbers by numbers: a hash table with open addresses, which forgets nothing.
struct Store {
    pairs: [Option<(u64, u64)>; ROOM],
    count: usize,
}

impl Store {
    fn answer(&mut self, ask: Ask) -> Tell {
        let place = self.find(ask.key);
        let found = place.and_then(|place| self.pairs[place]).map(|(_, value)| value);
        if let (PUT, Some(place)) = (ask.kind, place) {
            self.count += usize::from(found.is_none());
            self.pairs[place] = Some((ask.key, ask.value));
        }
        let is_known = ask.kind == PUT || ask.kind == GET;
        let found = found.filter(|_| is_known);
        Tell { correlation: 0, is_found: found.is_some().into(), value: found.unwrap_or(0) }
    }

    /// Where a key is, or would be; `None` if it is not there and there is no room.
    fn find(&self, key: u64) -> Option<usize> {
        let start = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize;
        let mut places = (0..ROOM).map(|step| (start + step) % ROOM);
        places.find(|&place| self.pairs[place].is_none_or(|(known, _)| known == key))
    }
}
