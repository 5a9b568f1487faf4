//! What is at an address of a thread's memory, for reports: [`locate`].

use oro_kernel::{EndpointId, ThreadId};

use crate::addresses::{
    BINDINGS_OFFSET, CODE, HEAP, RESPONSE_OFFSET, RING, ROOT, STACKS, WINDOWS, WINDOWS_END,
};
use crate::memory::PAGE;
use crate::world::{Meaning, World};

/// How far below a stack an access counts as its overflow, in bytes.
const OVERFLOW_REACH: u64 = 64 << 20;
/// Addresses below this one count as null pointers with an offset.
const NULL_REACH: u64 = oro_sysabi::IMAGE_START;

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// Kernel-provided memory that is read-only; its name, in the plural.
    Metadata(&'static str),
    /// A cell of this endpoint, or a slot of its queue.
    Cell {
        end: EndpointId,
    },
    /// The page after one of its cells, or after its queue.
    CellGuard {
        end: EndpointId,
    },
    /// The cursor of this endpoint's peer.
    PeerCursor {
        end: EndpointId,
    },
    /// The commit word of this endpoint, or its live cursor.
    Word {
        end: EndpointId,
    },
    /// A window that another thread of the instance has there.
    OtherThread {
        thread: ThreadId,
    },
    /// Below the stack.
    StackGuard,
    /// The image.
    Image,
    /// Memory that is the thread's to write; its name.
    Memory(&'static str),
    /// Null, or near it.
    Null,
    Nothing,
}

/// What is at an address, as this thread sees it.
pub(crate) fn locate(world: &World, thread: ThreadId, address: u64) -> Spot {
    let memory = &world.threads[thread.0 as usize];
    if address < NULL_REACH {
        return Spot::Null;
    }
    if (WINDOWS..WINDOWS_END).contains(&address) {
        return locate_window(world, thread, address);
    }
    if address < memory.stack_start && memory.stack_start - address <= OVERFLOW_REACH {
        return Spot::StackGuard;
    }
    let is_mapped = memory
        .mappings
        .iter()
        .any(|mapping| (mapping.address..mapping.address + mapping.size_bytes).contains(&address));
    match address {
        _ if !is_mapped => Spot::Nothing,
        _ if address < oro_sysabi::IMAGE_END => Spot::Image,
        _ if (CODE..CODE + PAGE).contains(&address) => Spot::Metadata("the kernel's instructions"),
        _ if (RING..HEAP).contains(&address) => Spot::Metadata("the Ring's tables"),
        _ if (ROOT..ROOT + PAGE).contains(&address) => Spot::Metadata("the fields of Root"),
        _ if (ROOT + RESPONSE_OFFSET..ROOT + BINDINGS_OFFSET).contains(&address) => {
            Spot::Metadata("the fields of the response page")
        }
        _ if (ROOT..ROOT + memory.root.size_bytes()).contains(&address) => {
            Spot::Metadata("the bindings")
        }
        _ if (HEAP..STACKS).contains(&address) => Spot::Memory("its heap"),
        _ if (STACKS..WINDOWS).contains(&address) => Spot::Memory("a stack"),
        _ => Spot::Memory("its request page or a gate"),
    }
}

fn locate_window(world: &World, thread: ThreadId, address: u64) -> Spot {
    if let Some(spot) = find_in_windows(world, thread, address) {
        return spot;
    }
    let instance = world.threads[thread.0 as usize].instance;
    let siblings = (0..).zip(&world.threads).filter(|(_, other)| other.instance == instance);
    for (index, _) in siblings {
        let other = ThreadId(index);
        if find_in_windows(world, other, address).is_some() {
            return Spot::OtherThread { thread: other };
        }
    }
    Spot::Nothing
}

fn find_in_windows(world: &World, thread: ThreadId, address: u64) -> Option<Spot> {
    let memory = &world.threads[thread.0 as usize];
    for region in &memory.regions {
        let after = region.start + region.size_bytes;
        let end = match region.meaning {
            Meaning::Cell { end, .. } | Meaning::Queue { end } => end,
            Meaning::Word { end } | Meaning::Cursor { end }
                if (region.start..after).contains(&address) =>
            {
                return Some(Spot::Word { end });
            }
            Meaning::Word { .. }
            | Meaning::Cursor { .. }
            | Meaning::Reserved { .. }
            | Meaning::Foreign { .. }
            | Meaning::Gate => continue,
        };
        if (region.start..after).contains(&address) {
            return Some(Spot::Cell { end });
        }
        if (after..after + PAGE).contains(&address) {
            return Some(Spot::CellGuard { end });
        }
    }
    world.ends().find_map(|end| {
        let place = world.thread_place(end)?;
        let is_there = place.thread == thread
            && (place.peer_cursor..place.peer_cursor + PAGE).contains(&address);
        is_there.then_some(Spot::PeerCursor { end })
    })
}
