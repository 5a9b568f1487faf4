//! Lets clients join a server that runs, and leave it: each has a Ring of its own, and its Ports are wired
//! late to free elements of the store's arrays. When its Port to here has ended, its Ring is forgotten, and
//! the elements are the next one's.
#![no_std]
#![no_main]

#[path = "../../messages.rs"]
mod messages;

use core::fmt::{Arguments, Write as _};
use core::time::Duration;

use messages::{Report, Stop};
use oro::ring::{
    Control, ControlCode, ControlError, ControlReply, ControlRequest, Image, InstanceId, Ring,
    RingId, State, Wire,
};
use oro::{Consumer, Log, PortArray, Producer, Text, Thread, TryRecvError};

/// Clients at a time: elements of the store's arrays, and of `reports`.
const PLACES: usize = 8;
/// How long to look away, while something is not yet as it should be.
const PAUSE: Duration = Duration::from_millis(1);

oro::module! {
    name: "crowd",
    entry run {
        stack: 256 << 10,
        ports {
            control: Producer<ControlRequest>,
            answers: Consumer<ControlReply>,
            /// An element for each client that is there.
            reports: PortArray<Consumer<Report>, PLACES>,
            stop: Producer<Stop>,
            log: Producer<Log>,
        }
        params {
            /// How many clients come, all in all.
            clients: u64 = 50,
        }
    }
}

/// A client that is there.
#[derive(Clone, Copy)]
struct Guest {
    number: u64,
    ring: RingId,
    client: InstanceId,
}

struct Crowd {
    thread: Thread,
    own: Ring,
    store: InstanceId,
    control: Control,
    log: Producer<Log>,
}

fn run(mut ports: run::Ports) -> Result<u32, ControlError> {
    let thread = ports.thread;
    let own = Ring::own(thread);
    let control = Control::new(ports.control, ports.answers);
    let mut instances = own.instances();
    let store = instances.find(|instance| &*instance.name == "store").and_then(|store| store.id);
    // The manifest has one.
    let Some(store) = store else { return Ok(2) };
    let mut crowd = Crowd { thread, own, store, control, log: ports.log };

    let mut guests = [None; PLACES];
    let (mut next, mut requests, mut wrong, mut lost) = (1, 0, 0, 0);
    while next <= ports.params.clients || guests.iter().any(Option::is_some) {
        for (place, guest) in guests.iter_mut().enumerate() {
            if guest.is_none() && next <= ports.params.clients {
                *guest = Some(crowd.let_in(next, place as u32)?);
                next += 1;
            }
        }
        oro::wait(thread, &[&ports.reports], None);
        while ports.reports.accept().is_some() {}
        for (place, guest) in guests.iter_mut().enumerate() {
            let Some(reports) = ports.reports.get_mut(place) else { continue };
            match reports.try_recv() {
                Ok(report) => {
                    requests += report.requests;
                    wrong += report.wrong;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed | TryRecvError::PeerMisbehaved) => {
                    ports.reports.close(place);
                    if let Some(guest) = guest.take() {
                        lost += u32::from(!crowd.see_off(guest)?);
                    }
                }
            }
        }
    }
    crowd.say(format_args!("{requests} requests, {wrong} wrong answers, {lost} clients lost"));
    // The store may have ended.
    let _ = ports.stop.send(Stop { reserved: 0 });
    Ok(u32::from(wrong > 0 || lost > 0))
}

impl Crowd {
    /// Makes a Ring with a client in it, wires it to the store and to here, and starts it.
    fn let_in(&mut self, number: u64, place: u32) -> Result<Guest, ControlError> {
        let (mut name, mut digits) = (Text::new(), Text::new());
        // A number has at most 20 digits, and there is room for them.
        let _ = write!(name, "guest-{number}");
        let _ = write!(digits, "{number}");
        let ring = self.control.create(self.own.id(), &name).memory(8 << 20).send()?;
        let client = self.control.mount(ring, "client", Image::Module("client")).send()?;
        self.control.param(client, "number", &digits)?;
        let here = InstanceId::own(self.thread);
        for wire in [
            Wire::from(client, "requests").to(self.store, "requests").to_element(place),
            Wire::from(self.store, "replies").to(client, "replies").from_element(place),
            Wire::from(client, "report").to(here, "reports").to_element(place),
        ] {
            self.wire_when_free(wire.slots(4))?;
        }
        self.control.start(client)?;
        self.say(format_args!("client {number} has place {place}"));
        Ok(Guest { number, ring, client })
    }

    /// A late Port takes an element that is over, which its thread may not have noticed (`CTL-8`).
    fn wire_when_free(&mut self, wire: Wire) -> Result<(), ControlError> {
        for _ in 0..1000 {
            match self.control.wire(wire) {
                Err(error) if error.code == ControlCode::Busy => self.thread.sleep(PAUSE),
                result => return result.map(|_| ()),
            }
        }
        self.control.wire(wire).map(|_| ())
    }

    /// A client's Port has ended, so it has, or will in a moment: forgets it. Whether it ended well.
    fn see_off(&mut self, guest: Guest) -> Result<bool, ControlError> {
        let end = self.own.wait_for_end(guest.client, PAUSE, None);
        let is_well = end.is_some_and(|end| end.state == State::Ended && end.status == 0);
        self.control.forget_ring(guest.ring)?;
        let how = if is_well { "has left" } else { "was lost" };
        self.say(format_args!("client {} {how}", guest.number));
        Ok(is_well)
    }

    /// Says a line to the log. Whoever reads it may have ended, which is no reason to stop.
    fn say(&mut self, line: Arguments<'_>) {
        let _ = self.log.info(line);
    }
}
