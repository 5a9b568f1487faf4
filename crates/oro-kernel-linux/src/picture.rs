//! [`Picture`]: a running system as its Ring's tables show it at one moment, in plain data.
//!
//! Tables come from another process: every count, stride and address is held against the size of
//! what was read before it is used, and a number that this version does not know stays a number.

use std::collections::BTreeMap;
use std::mem::offset_of;

use oro_sysabi as abi;

use crate::ring_reader::RingReader;

/// Tries to find the tables at rest.
const MAX_TRIES: u32 = 1000;

/// A system at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// The root Ring.
    pub root: RingPicture,
    /// Every Port once, in the order of their ids.
    pub ports: Vec<PortPicture>,
}

/// A Ring (`RING-1`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RingPicture {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its instances in the order of the table, the remounted and built-in ones last.
    pub instances: Vec<InstancePicture>,
    /// Its child Rings.
    pub children: Vec<RingPicture>,
}

/// An instance (`META-5`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstancePicture {
    /// Its id in the Ring; 0: a built-in instance.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Name of its module; empty for a built-in instance.
    pub module: String,
    /// `mounted`, `running`, `ended`, `faulted`, or `unknown`.
    pub state: &'static str,
    /// Threads that have not ended.
    pub thread_count: u32,
    /// Its status, once it has ended.
    pub status: u64,
    /// Why it has faulted: `violation`, `trap`, `system-call`, `killed`, `revoked`, `panic`; else
    /// `none`, or `unknown`.
    pub reason: &'static str,
    /// How often it was restarted.
    pub restarts: u32,
}

/// A Port (`META-6`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortPicture {
    /// Its number, by which it is named to the system: the lower half of its id.
    pub index: usize,
    /// Its id.
    pub id: u64,
    /// Id of the message type.
    pub type_id: u64,
    /// Size of a slot in bytes.
    pub slot_size_bytes: u32,
    /// Slots.
    pub slot_count: u32,
    /// The manifest or an operator forces it synchronous.
    pub is_forced: bool,
    /// `open`, `producer-ended`, `consumer-ended`, `ended`, or `unknown`.
    pub state: &'static str,
    /// The producing end.
    pub producer: EndPicture,
    /// The consuming end.
    pub consumer: EndPicture,
    /// Streak that an end needs to qualify; 0: it can never be asynchronous.
    pub threshold: u32,
    /// Times it became asynchronous.
    pub upgrade_count: u32,
    /// Times it became synchronous again.
    pub downgrade_count: u32,
    /// Times that one end alone wanted to be asynchronous.
    pub refusal_count: u32,
    /// Doorbells that rang.
    pub doorbell_count: u64,
}

/// One end of a Port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndPicture {
    /// Its owner's id; 0: a built-in instance.
    pub instance_id: u64,
    /// Id of its owner's Ring; 0: a built-in instance.
    pub ring_id: u64,
    /// Messages committed (producer) or released (consumer).
    pub cursor: u64,
    /// It is in asynchronous mode.
    pub is_asynchronous: bool,
    /// Operations in a row that count towards the threshold.
    pub streak: u32,
    /// Why its mode is what it is.
    pub reason: ModeReason,
    /// Faults served.
    pub fault_count: u64,
}

/// Why the mode of an end is what it is (`MODE-7`), as `MODE_REASON_*` of the ABI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModeReason {
    /// No reason is given, or one that this version does not know.
    #[default]
    Unknown,
    /// The Port is forced synchronous.
    Forced,
    /// This end's thread is naive.
    Naive,
    /// The streak is below the threshold.
    Streak,
    /// This end qualifies, its peer does not.
    Peer,
    /// This kernel, or this end of a built-in instance, has no asynchronous mode.
    Unsupported,
    /// Both ends qualify, and this one becomes asynchronous at its next cursor store.
    Qualified,
    /// Asynchronous: both ends have earned it.
    Earned,
    /// Asynchronous, and synchronous after its next cursor store.
    Leaving,
    /// The Port, or an end of it, has ended.
    Ended,
}

impl Picture {
    /// Understands a copy of the tables, taken at one moment. `address` is where the instances see the
    /// first Ring, which the words begin with.
    ///
    /// # Errors
    ///
    /// What is wrong with the tables, in words.
    pub fn parse(words: &[u64], address: u64) -> Result<Self, String> {
        parse(words, address)
    }
}

impl PortPicture {
    /// Messages that have been committed and not released. The two cursors are not of one moment, so
    /// this is held between nothing and a full queue.
    #[must_use]
    pub fn waiting_count(&self) -> u64 {
        let waiting = self.producer.cursor.saturating_sub(self.consumer.cursor);
        waiting.min(u64::from(self.slot_count))
    }
}

/// Reads the tables, consistently (`META-7`); else what is wrong with them. `address` is where the
/// instances see the Ring, `size_bytes` what of it has ever been written.
pub(crate) fn read_picture(
    reader: &RingReader,
    address: u64,
    size_bytes: usize,
) -> Result<Picture, String> {
    let generation = offset_of!(abi::Ring, generation);
    // What cannot be loaded is found to be missing below.
    let load = || reader.load(generation).unwrap_or(0);
    let words = abi::read_consistent(MAX_TRIES, load, || reader.copy(size_bytes))
        .map_err(|_| format!("they changed during each of {MAX_TRIES} looks"))?;
    parse(&words, address)
}

/// Rings that are looked into: more than lie in each other in any system (`RING-1`).
const MAX_DEPTH: u32 = 16;

fn parse(words: &[u64], address: u64) -> Result<Picture, String> {
    let mut ports = BTreeMap::new();
    let root = Entry::new(words, 0, size_of::<abi::Ring>()).ok_or("they are too small")?;
    // However tables point at each other, there is no more in them than there is room for.
    let mut budget = words.len() - root.0.len();
    let root = parse_ring(words, &root, address, &mut ports, &mut budget, MAX_DEPTH)?;
    Ok(Picture { root, ports: ports.into_values().collect() })
}

fn parse_ring(
    words: &[u64],
    ring: &Entry<'_>,
    address: u64,
    ports: &mut BTreeMap<usize, PortPicture>,
    budget: &mut usize,
    depth: u32,
) -> Result<RingPicture, String> {
    if ring.word(offset_of!(abi::Ring, magic)) != abi::RING_MAGIC {
        return Err("a Ring does not begin with `ORORING1`".to_owned());
    }
    let known = u32::try_from(size_of::<abi::Ring>()).unwrap_or(u32::MAX);
    if ring.half(offset_of!(abi::Ring, size_bytes)) < known {
        return Err("a Ring is smaller than any (META-2)".to_owned());
    }
    let deeper = depth.checked_sub(1).ok_or("Rings lie in each other without an end (RING-1)")?;
    let mut table = |offset, size| list_entries(words, ring, offset, size, address, budget);
    let instances = table(offset_of!(abi::Ring, instances), size_of::<abi::Instance>())?;
    // Rows that have been given back are zero (CTL-10).
    for port in table(offset_of!(abi::Ring, ports), size_of::<abi::Port>())? {
        if port.is_zero() {
            continue;
        }
        // A Port between two Rings is in both tables, under one id (RING-5).
        let port = parse_port(&port);
        ports.entry(port.index).or_insert(port);
    }
    let children = table(offset_of!(abi::Ring, children), size_of::<abi::Ring>())?;
    let children = children.iter().filter(|child| !child.is_zero());
    let children = children.map(|child| parse_ring(words, child, address, ports, budget, deeper));
    Ok(RingPicture {
        id: ring.word(offset_of!(abi::Ring, id)),
        name: ring.text(offset_of!(abi::Ring, name)),
        instances: instances.iter().filter(|own| !own.is_zero()).map(parse_instance).collect(),
        children: children.collect::<Result<_, _>>()?,
    })
}

/// Some words of the tables.
#[derive(Clone, Copy, Debug)]
struct Entry<'a>(&'a [u64]);

impl<'a> Entry<'a> {
    fn new(words: &'a [u64], offset_bytes: usize, size_bytes: usize) -> Option<Self> {
        let start = offset_bytes / 8;
        let end = start.checked_add(size_bytes / 8)?;
        words.get(start..end).filter(|_| offset_bytes.is_multiple_of(8)).map(Self)
    }

    fn is_zero(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The field of 8 bytes at an offset that belongs to the entry.
    fn word(&self, offset_bytes: usize) -> u64 {
        self.0[offset_bytes / 8]
    }

    /// The field of 4 bytes.
    fn half(&self, offset_bytes: usize) -> u32 {
        let bytes = self.word(offset_bytes).to_le_bytes();
        let at = offset_bytes % 8;
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    }

    /// A name of 32 bytes.
    fn text(&self, offset_bytes: usize) -> String {
        let start = offset_bytes / 8;
        let bytes: Vec<u8> =
            self.0[start..start + 4].iter().flat_map(|word| word.to_le_bytes()).collect();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        crate::text::escape(&bytes[..end])
    }
}

/// The entries of one of the Ring's tables (`META-4`). `budget`: words that no table has taken yet.
fn list_entries<'a>(
    words: &'a [u64],
    ring: &Entry<'_>,
    table: usize,
    entry_bytes: usize,
    address: u64,
    budget: &mut usize,
) -> Result<Vec<Entry<'a>>, String> {
    let count = ring.half(table + offset_of!(abi::Table, count)) as usize;
    let stride = ring.half(table + offset_of!(abi::Table, stride_bytes)) as usize;
    if count == 0 {
        return Ok(Vec::new());
    }
    if stride < entry_bytes || !stride.is_multiple_of(8) {
        return Err(format!("entries {stride} bytes apart are too close (META-4)"));
    }
    let entries = ring.word(table + offset_of!(abi::Table, entries));
    let start = entries.checked_sub(address).and_then(|start| usize::try_from(start).ok());
    let start = start.ok_or("a table lies before the Ring")?;
    *budget = count
        .checked_mul(entry_bytes / 8)
        .and_then(|taken| budget.checked_sub(taken))
        .ok_or_else(|| format!("there is no room for {count} entries more"))?;
    (0..count)
        .map(|index| {
            let offset = index.checked_mul(stride).and_then(|offset| offset.checked_add(start));
            offset.and_then(|offset| Entry::new(words, offset, entry_bytes))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| format!("a table of {count} entries goes past the end"))
}

fn parse_instance(entry: &Entry<'_>) -> InstancePicture {
    InstancePicture {
        id: entry.word(offset_of!(abi::Instance, id)),
        name: entry.text(offset_of!(abi::Instance, name)),
        module: entry.text(offset_of!(abi::Instance, module)),
        state: match entry.half(offset_of!(abi::Instance, state)) {
            abi::INSTANCE_MOUNTED => "mounted",
            abi::INSTANCE_RUNNING => "running",
            abi::INSTANCE_ENDED => "ended",
            abi::INSTANCE_FAULTED => "faulted",
            _ => "unknown",
        },
        thread_count: entry.half(offset_of!(abi::Instance, thread_count)),
        status: entry.word(offset_of!(abi::Instance, status)),
        reason: match entry.half(offset_of!(abi::Instance, reason)) {
            abi::REASON_NONE => "none",
            abi::REASON_VIOLATION => "violation",
            abi::REASON_TRAP => "trap",
            abi::REASON_SYSTEM_CALL => "system-call",
            abi::REASON_KILLED => "killed",
            abi::REASON_REVOKED => "revoked",
            abi::REASON_PANIC => "panic",
            _ => "unknown",
        },
        restarts: entry.half(offset_of!(abi::Instance, restarts)),
    }
}

fn parse_port(entry: &Entry<'_>) -> PortPicture {
    let id = entry.word(offset_of!(abi::Port, id));
    PortPicture {
        index: usize::try_from(id & u64::from(u32::MAX)).unwrap_or(usize::MAX),
        id,
        type_id: entry.word(offset_of!(abi::Port, type_id)),
        slot_size_bytes: entry.half(offset_of!(abi::Port, slot_size_bytes)),
        slot_count: entry.half(offset_of!(abi::Port, slot_count)),
        is_forced: entry.half(offset_of!(abi::Port, flags)) & abi::PORT_FORCED_SYNCHRONOUS != 0,
        state: match entry.half(offset_of!(abi::Port, state)) {
            abi::PORT_OPEN => "open",
            abi::PORT_PRODUCER_ENDED => "producer-ended",
            abi::PORT_CONSUMER_ENDED => "consumer-ended",
            abi::PORT_ENDED => "ended",
            _ => "unknown",
        },
        producer: parse_end(
            entry,
            offset_of!(abi::Port, producer),
            offset_of!(abi::Port, producer_ring),
        ),
        consumer: parse_end(
            entry,
            offset_of!(abi::Port, consumer),
            offset_of!(abi::Port, consumer_ring),
        ),
        threshold: entry.half(offset_of!(abi::Port, threshold)),
        upgrade_count: entry.half(offset_of!(abi::Port, upgrade_count)),
        downgrade_count: entry.half(offset_of!(abi::Port, downgrade_count)),
        refusal_count: entry.half(offset_of!(abi::Port, refusal_count)),
        doorbell_count: entry.word(offset_of!(abi::Port, doorbell_count)),
    }
}

fn parse_end(port: &Entry<'_>, end: usize, ring: usize) -> EndPicture {
    EndPicture {
        instance_id: port.word(end + offset_of!(abi::End, instance_id)),
        ring_id: port.word(ring),
        cursor: port.word(end + offset_of!(abi::End, cursor)),
        is_asynchronous: port.half(end + offset_of!(abi::End, mode)) == abi::MODE_ASYNCHRONOUS,
        streak: port.half(end + offset_of!(abi::End, streak)),
        reason: match port.half(end + offset_of!(abi::End, mode_reason)) {
            abi::MODE_REASON_FORCED => ModeReason::Forced,
            abi::MODE_REASON_NAIVE => ModeReason::Naive,
            abi::MODE_REASON_STREAK => ModeReason::Streak,
            abi::MODE_REASON_PEER => ModeReason::Peer,
            abi::MODE_REASON_UNSUPPORTED => ModeReason::Unsupported,
            abi::MODE_REASON_QUALIFIED => ModeReason::Qualified,
            abi::MODE_REASON_EARNED => ModeReason::Earned,
            abi::MODE_REASON_LEAVING => ModeReason::Leaving,
            abi::MODE_REASON_ENDED => ModeReason::Ended,
            _ => ModeReason::Unknown,
        },
        fault_count: port.word(end + offset_of!(abi::End, fault_count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: u64 = 0x10_0000;

    /// A Ring with one instance and one Port.
    fn tables() -> Vec<u64> {
        let mut words = vec![0_u64; 96];
        words[0] = abi::RING_MAGIC;
        words[1] = 256;
        words[4] = u64::from_le_bytes(*b"root\0\0\0\0");
        // Table: address; count and stride; capacity.
        words[8..11].copy_from_slice(&[ADDRESS + 256, 1 << 32 | 128, 1]);
        words[16..19].copy_from_slice(&[ADDRESS + 384, 1 << 32 | 256, 1]);
        words[32..34].copy_from_slice(&[1 << 32, 1 << 32 | 1]);
        words[36] = u64::from_le_bytes(*b"hash\0\0\0\0");
        words[48] = 1 << 32;
        // Slots of 8 bytes, 4 of them; open; 3 committed, 1 released.
        words[50..52].copy_from_slice(&[4 << 32 | 8, 1 << 32 | 1]);
        words[56] = 3;
        words[58] = 3 << 32;
        words[64] = 1;
        words
    }

    #[test]
    fn meta_4_tables_are_found_by_address_and_stride() {
        let picture = parse(&tables(), ADDRESS).unwrap();
        assert_eq!(picture.root.name, "root");
        let instance = &picture.root.instances[0];
        assert_eq!((instance.name.as_str(), instance.state), ("hash", "running"));
        let port = &picture.ports[0];
        assert_eq!((port.slot_count, port.slot_size_bytes, port.state), (4, 8, "open"));
        assert_eq!((port.is_forced, port.waiting_count()), (true, 2));
        assert_eq!(port.producer.reason, ModeReason::Streak);
    }

    #[test]
    fn ctl_10_rows_that_have_been_given_back_are_left_out() {
        let mut words = tables();
        words[32..48].fill(0);
        words[48..80].fill(0);
        let picture = parse(&words, ADDRESS).unwrap();
        assert_eq!((picture.root.instances.len(), picture.ports.len()), (0, 0));
        // A built-in instance has no id, but a name.
        words[36] = u64::from_le_bytes(*b"null\0\0\0\0");
        assert_eq!(parse(&words, ADDRESS).unwrap().root.instances[0].name, "null");
    }

    /// `META-4`: tables that share their memory cannot make more of it than there is.
    #[test]
    fn meta_4_tables_have_no_more_entries_than_there_is_room_for() {
        let mut words = tables();
        // Where the Port was lies a child now, with as many instances as it says, all from the start on.
        words[16..19].copy_from_slice(&[0; 3]);
        words[12..15].copy_from_slice(&[ADDRESS + 384, 1 << 32 | 256, 1]);
        words[48..51].copy_from_slice(&[abi::RING_MAGIC, 256, 0]);
        let mut say = |count: u64| {
            words[56..58].copy_from_slice(&[ADDRESS, count << 32 | 128]);
            parse(&words, ADDRESS)
        };
        assert_eq!(say(1).unwrap().root.children[0].instances.len(), 1);
        for count in [2, u64::from(u32::MAX)] {
            let problem = say(count).unwrap_err();
            assert_eq!(problem, format!("there is no room for {count} entries more"));
        }
    }

    #[test]
    fn cursors_of_two_moments_give_no_impossible_fill() {
        let mut port = PortPicture { slot_count: 4, ..PortPicture::default() };
        port.consumer.cursor = 9;
        assert_eq!(port.waiting_count(), 0);
        port.producer.cursor = 99;
        assert_eq!(port.waiting_count(), 4);
    }

    /// `META-2`: whatever the words are, they are found wrong or read, and nothing panics.
    #[test]
    fn meta_2_wrong_tables_are_told() {
        for (at, value) in [
            (0, 1),
            (1, 255),
            (8, ADDRESS - 8),
            (8, u64::MAX),
            (8, ADDRESS + 257),
            (9, 1 << 32 | 120),
            (9, 1 << 32 | 129),
            (9, u64::MAX),
            (17, u64::from(u32::MAX) << 32 | 256),
            (17, 2 << 32 | 256),
            (17, 1 << 32 | 0xffff_fff8),
        ] {
            let mut words = tables();
            words[at] = value;
            let result = parse(&words, ADDRESS);
            // One entry is at the start, whatever the stride.
            assert!(
                result.is_err() || (at, value) == (17, 1 << 32 | 0xffff_fff8),
                "{at} {value:#x}"
            );
        }
        for length in 0..tables().len() {
            assert!(parse(&tables()[..length], ADDRESS).is_err() || length >= 80, "{length}");
        }
    }
}
