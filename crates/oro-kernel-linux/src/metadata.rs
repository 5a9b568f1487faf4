//! What instances can read: Root pages and bindings (`META-*`, `BIND-*`). The Rings' tables are in
//! `tables.rs`.
//!
//! [`write_all`] fills everything in before any process exists; the `publish_*` functions keep it up
//! to date. All of it is read-only to instances, so the supervisor never reads it back.

use std::io;

use oro_image::Image;
use oro_kernel::{EndpointId, Mode, PeerState, Side};
use oro_sysabi as abi;
use oro_system::Plan;

use crate::addresses::{
    BINDINGS_OFFSET, EXIT_INSTANCE_GATE, EXIT_THREAD_GATE, HEAP, REQUEST, RESPONSE_OFFSET, RING,
    ROOT, THREAD_BLOCK_OFFSET, WAIT_GATES,
};
use crate::images::Images;
use crate::memory::{PAGE, SharedMemory};
use crate::stub::ENTRY_WORD;
use crate::world::{ThreadMemory, ThreadPlace, World};

/// What the Root pages say of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineFacts {
    hardware_capabilities: [u64; 2],
    vector_state_bytes: u32,
    cpu_count: u32,
}

impl MachineFacts {
    pub(crate) fn read() -> Self {
        // SAFETY: getauxval has no preconditions.
        let capabilities = unsafe { libc::getauxval(libc::AT_HWCAP) };
        // SAFETY: getauxval has no preconditions.
        let more = unsafe { libc::getauxval(libc::AT_HWCAP2) };
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            hardware_capabilities: [capabilities, more],
            vector_state_bytes: core::arch::x86_64::__cpuid_count(0xd, 0).ebx,
            cpu_count: u32::try_from(cpus).unwrap_or(u32::MAX),
        }
    }
}

/// Fills everything in.
pub(crate) fn write_all(
    world: &World,
    plan: &Plan,
    images: &Images<'_>,
    facts: &MachineFacts,
) -> io::Result<()> {
    for index in 0..world.threads.len() {
        write_thread(world, plan, images, facts, index)?;
    }
    Ok(())
}

/// Root page and bindings of a thread that has not started.
pub(crate) fn write_thread(
    world: &World,
    plan: &Plan,
    images: &Images<'_>,
    facts: &MachineFacts,
    index: usize,
) -> io::Result<()> {
    let thread = &world.threads[index];
    let module = plan.instances[thread.instance.0 as usize].module;
    write_root(world, plan, thread, facts)?;
    write_foreign_bindings(thread, &images[module as usize]);
    for end in thread.list_ends() {
        if let Some(place) = world.thread_place(end) {
            write_binding(world, plan, end, place, false);
        }
    }
    Ok(())
}

fn write_root(
    world: &World,
    plan: &Plan,
    thread: &ThreadMemory,
    facts: &MachineFacts,
) -> io::Result<()> {
    let heap_bytes = world.instances[thread.instance.0 as usize].heap_bytes;
    let bindings = (thread.root.size_bytes() - BINDINGS_OFFSET) / 128;
    let root = abi::Root {
        magic: abi::ROOT_MAGIC,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        size_bytes: size_of_u32::<abi::Root>(),
        machine: abi::MACHINE_X86_64,
        page_size_bytes: 4096,
        cpu_count: facts.cpu_count,
        instance_id: world.tables.own_instance_id(plan, thread.instance.0),
        thread_id: world.tables.own_thread_id(plan, thread.instance.0, thread.entry),
        entry_index: thread.entry,
        hardware_capabilities: facts.hardware_capabilities,
        vector_state_bytes: facts.vector_state_bytes,
        binding_stride_bytes: size_of_u32::<abi::Binding>(),
        bindings: ROOT + BINDINGS_OFFSET,
        binding_count: thread.binding_count,
        ring: RING,
        gates: WAIT_GATES,
        request: REQUEST,
        response: ROOT + RESPONSE_OFFSET,
        exit_thread: EXIT_THREAD_GATE,
        exit_instance: EXIT_INSTANCE_GATE,
        heap_start: if heap_bytes > 0 { HEAP } else { 0 },
        heap_end: if heap_bytes > 0 { HEAP + heap_bytes } else { 0 },
        stack_start: thread.stack_start,
        stack_end: thread.stack_end,
        ..abi::Root::default()
    };
    debug_assert!(u64::from(thread.binding_count) <= bindings);
    write_structure(&thread.root, 0, &root);
    let canary = random_word()? & !0xff;
    let block = abi::ThreadBlock {
        self_address: ROOT + THREAD_BLOCK_OFFSET,
        root: ROOT,
        canary,
        ..abi::ThreadBlock::default()
    };
    write_structure(&thread.root, THREAD_BLOCK_OFFSET, &block);
    thread.root.store_u64(ENTRY_WORD, thread.entry_address);
    Ok(())
}

/// A word that no other thread can guess.
fn random_word() -> io::Result<u64> {
    let mut word = 0_u64;
    loop {
        // SAFETY: the buffer is 8 bytes of ordinary memory.
        let count = unsafe { libc::getrandom((&raw mut word).cast(), 8, 0) };
        if count == 8 {
            return Ok(word);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// What a thread sees of ports that are not its own, or not wired (`BIND-1`).
fn write_foreign_bindings(thread: &ThreadMemory, image: &Image) {
    for port in &image.interface.ports {
        for element in 0..port.max {
            let index = port.index + element;
            let is_own = port.entry == thread.entry;
            let binding = abi::Binding {
                state: if is_own { abi::STATE_UNWIRED } else { abi::STATE_FOREIGN },
                slot_size_bytes: port.slot_size_bytes,
                type_id: abi::type_id(&port.layout),
                port_index: index,
                element,
                direction: match port.direction {
                    oro_image::Direction::Producer => abi::DIRECTION_PRODUCER,
                    oro_image::Direction::Consumer => abi::DIRECTION_CONSUMER,
                },
                ..abi::Binding::default()
            };
            write_structure(&thread.root, binding_offset(index), &binding);
        }
    }
}

fn binding_offset(port_index: u32) -> u64 {
    BINDINGS_OFFSET + u64::from(port_index) * size_of::<abi::Binding>() as u64
}

/// The binding of an endpoint. `is_late`: of a thread that runs and is told at last that it is wired.
pub(crate) fn write_binding(
    world: &World,
    plan: &Plan,
    end: EndpointId,
    place: &ThreadPlace,
    is_late: bool,
) {
    let thread = &world.threads[place.thread.0 as usize];
    let planned = &plan.ports[end.port.0 as usize];
    let (port_id, table_index) = world.tables.own_port(plan, thread.instance.0, end.port);
    let mut flags = 0;
    if thread.is_managed {
        flags |= abi::BINDING_MANAGED;
    }
    if planned.is_forced_synchronous {
        flags |= abi::BINDING_FORCED_SYNCHRONOUS;
    }
    let binding = abi::Binding {
        window: place.window,
        // A cell is at most 16 MiB, so its stride fits.
        stride_bytes: u32::try_from(place.cell_stride()).unwrap_or(u32::MAX),
        mask: abi::CELL_COUNT - 1,
        own_cursor: place.word_address().unwrap_or(0),
        peer_cursor: place.peer_cursor,
        mode: abi::MODE_SYNCHRONOUS,
        state: if is_late { abi::STATE_UNWIRED } else { abi::STATE_WIRED },
        slot_size_bytes: planned.slot_size_bytes,
        slot_count: planned.slot_count,
        direction: match end.side {
            Side::Producer => abi::DIRECTION_PRODUCER,
            Side::Consumer => abi::DIRECTION_CONSUMER,
        },
        port_id,
        type_id: abi::type_id(&planned.layout),
        port_index: place.port_index,
        element: place.element,
        table_index,
        flags,
        ..abi::Binding::default()
    };
    write_structure(&thread.root, binding_offset(place.port_index), &binding);
}

/// A cursor, where the peer and the tables show it.
pub(crate) fn publish_cursor(world: &World, end: EndpointId, value: u64) {
    // META-8: the tables first, since a peer that spins acts on its page at once.
    world.tables.publish_cursor(end, value);
    world.ports[end.port.0 as usize].show_cursor(end.side, value);
}

/// Where a thread, which is stopped in a fault of its own, finds window and cursor (`BIND-2`).
pub(crate) fn publish_mode(world: &World, end: EndpointId, mode: Mode) {
    let Some(place) = world.thread_place(end) else { return };
    let port = &world.ports[end.port.0 as usize];
    // Strides are at most 16 MiB and a page, slot counts at most 2^20.
    let half = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let (window, stride_bytes, mask, own_cursor, code) = match (mode, place.live) {
        (Mode::Asynchronous, Some(live)) => (
            live.window,
            half(port.stride_bytes),
            half(port.slot_count - 1),
            live.cursor,
            abi::MODE_ASYNCHRONOUS,
        ),
        _ => (
            place.window,
            half(place.cell_stride()),
            abi::CELL_COUNT - 1,
            place.word_address().unwrap_or(0),
            abi::MODE_SYNCHRONOUS,
        ),
    };
    let root = &world.threads[place.thread.0 as usize].root;
    let at = |offset: usize| binding_offset(place.port_index) + offset as u64;
    root.store_u64(at(core::mem::offset_of!(abi::Binding, window)), window);
    root.store_u32(at(core::mem::offset_of!(abi::Binding, stride_bytes)), stride_bytes);
    root.store_u32(at(core::mem::offset_of!(abi::Binding, mask)), mask);
    root.store_u64(at(core::mem::offset_of!(abi::Binding, own_cursor)), own_cursor);
    root.store_u32(at(core::mem::offset_of!(abi::Binding, mode)), code);
    world.tables.publish_mode(end, code);
}

/// Where an endpoint of a thread that has not started begins (`END-7`).
pub(crate) fn publish_first(world: &World, end: EndpointId, value: u64) {
    let Some(place) = world.thread_place(end) else { return };
    let root = &world.threads[place.thread.0 as usize].root;
    let at = binding_offset(place.port_index) + core::mem::offset_of!(abi::Binding, first) as u64;
    root.store_u64(at, value);
}

/// An endpoint that was here is another thread's (`END-14`).
pub(crate) fn publish_foreign(world: &World, place: &ThreadPlace) {
    let root = &world.threads[place.thread.0 as usize].root;
    let at = binding_offset(place.port_index) + core::mem::offset_of!(abi::Binding, state) as u64;
    root.store_u32(at, abi::STATE_FOREIGN);
}

/// The state of an endpoint's peer; its last cursor has been published before.
pub(crate) fn publish_peer(world: &World, end: EndpointId, state: PeerState, epoch: u32) {
    let Some(place) = world.thread_place(end) else { return };
    let root = &world.threads[place.thread.0 as usize].root;
    let at = binding_offset(place.port_index);
    root.store_u32(at + core::mem::offset_of!(abi::Binding, epoch) as u64, epoch);
    let state = match state {
        PeerState::Wired => abi::STATE_WIRED,
        PeerState::Closed => abi::STATE_CLOSED,
        PeerState::Faulted => abi::STATE_FAULTED,
        PeerState::Revoked => abi::STATE_REVOKED,
    };
    root.store_u32(at + core::mem::offset_of!(abi::Binding, state) as u64, state);
}

/// The bytes of a name field, cut at its size; names have been checked (`NOTE-6`).
pub(crate) fn name_field(name: &str) -> [u8; 32] {
    let mut field = [0; 32];
    let length = name.len().min(31);
    field[..length].copy_from_slice(&name.as_bytes()[..length]);
    field
}

pub(crate) fn size_of_u32<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}

pub(crate) fn write_structure<T: Copy>(memory: &SharedMemory, offset: u64, value: &T) {
    // SAFETY: `T` is a wire structure: plain integers without padding, as oro-sysabi's tests show.
    let bytes =
        unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) };
    memory.write(offset, bytes);
}

const _: () = assert!(THREAD_BLOCK_OFFSET + 64 <= ENTRY_WORD && ENTRY_WORD + 8 <= PAGE);
