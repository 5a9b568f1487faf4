//! Sealing a process for every thread of a system: started, registered, handed to the guardian, and
//! checked against the plan, each stopped at its start gate (`KRN-7`).

use std::io;
use std::os::fd::AsFd;

use oro_kernel::Side;
use oro_system::Plan;

use crate::addresses::{ROOT, THREAD_BLOCK_OFFSET, WAIT_GATES};
use crate::guardian::Guardian;
use crate::memory::PAGE;
use crate::spawn::{Sealed, Start, spawn};
use crate::userfault::{REGISTER_MINOR, REGISTER_MISSING, REGISTER_WRITE_PROTECT, Userfault, Wake};
use crate::verify::find_unplanned;
use crate::world::{Meaning, Presence, ThreadMemory, ThreadPlace, World};
use crate::{Options, StartError};

/// What has been sealed is checked in `/proc`, which must show this process's own namespace.
pub(crate) fn check_proc() -> Result<(), StartError> {
    let own = std::process::id().to_string();
    match std::fs::read_link("/proc/self") {
        Ok(target) if target.as_os_str() == own.as_str() => Ok(()),
        Ok(_) => {
            let message = "it shows another PID namespace; mount one of this namespace there";
            Err(StartError::system("reading /proc", io::Error::other(message)))
        }
        Err(error) => Err(StartError::system("reading /proc", error)),
    }
}

/// Seals a process for every thread, checked and stopped at its start gate.
pub(crate) fn seal_all(
    world: &World,
    plan: &Plan,
    guardian: &Guardian,
    options: &Options,
) -> Result<(Vec<Sealed>, Option<String>), StartError> {
    let diagnosis_limit = if options.without_ptrace {
        Some(
            "ptrace is not used, as asked: a process that traps is known by its signal alone"
                .into(),
        )
    } else {
        crate::trace::find_obstacle()
    };
    let mut sealer =
        Sealer { guardian, options, is_traced: diagnosis_limit.is_none(), buffer: Vec::new() };
    let processes = world
        .threads
        .iter()
        .map(|thread| sealer.seal(thread, &plan.path(thread.instance.0 as usize)));
    let processes = processes.collect::<Result<_, _>>()?;
    Ok((processes, diagnosis_limit))
}

/// What sealing a process needs, beyond what it will be.
pub(crate) struct Sealer<'a> {
    pub(crate) guardian: &'a Guardian,
    pub(crate) options: &'a Options,
    pub(crate) is_traced: bool,
    /// Scratch space for what `/proc` says.
    pub(crate) buffer: Vec<u8>,
}

impl Sealer<'_> {
    /// A process for a thread of the instance with this name, checked and stopped at its start gate.
    pub(crate) fn seal(&mut self, thread: &ThreadMemory, name: &str) -> Result<Sealed, StartError> {
        let start = Start {
            root: ROOT,
            stack_pointer: thread.stack_end - 8,
            thread_pointer: ROOT + THREAD_BLOCK_OFFSET,
            is_traced: self.is_traced,
        };
        let mut process = spawn(&thread.mappings, start)?;
        register(&process.faults, thread)
            .map_err(|error| StartError::system("registering for faults", error))?;
        self.guardian
            .watch_over(process.pidfd.as_fd(), process.faults.fd())
            .map_err(|error| StartError::system("handing over to the guardian", error))?;
        if let Some(cpu) = self.options.instance_cpus.get(name) {
            let process = rustix::process::Pid::from_raw(process.process_id);
            crate::limits::pin(process, *cpu)?;
        }
        process.wait_for_start_gate()?;
        let unplanned = find_unplanned(process.process_id, &thread.mappings, &mut self.buffer)
            .map_err(|error| StartError::system("reading /proc", error))?;
        match unplanned {
            Some(what) => Err(StartError::unplanned(name, what)),
            None => Ok(process),
        }
    }
}

/// Makes what an end needs that has been wired late: as [`register`] does for others.
pub(crate) fn show_end(faults: &Userfault, place: &ThreadPlace, side: Side) -> io::Result<()> {
    if side == Side::Producer {
        for cell in 0..2 {
            faults.map_protected(place.cell_address(cell), place.cell_bytes)?;
        }
    }
    place.word_address().map_or(Ok(()), |address| faults.map_protected(address, PAGE))
}

/// Registers a thread's regions; what it may only read until it is opened is mapped protected.
fn register(faults: &Userfault, thread: &ThreadMemory) -> io::Result<()> {
    for region in &thread.regions {
        let is_read_only = match region.meaning {
            Meaning::Cell { end, .. } | Meaning::Queue { end } => end.side == Side::Consumer,
            Meaning::Reserved { is_read_only } => is_read_only,
            // No process is made that has any of it.
            Meaning::Foreign { .. } => continue,
            Meaning::Gate | Meaning::Word { .. } | Meaning::Cursor { .. } => false,
        };
        let protection = if is_read_only { 0 } else { REGISTER_WRITE_PROTECT };
        let modes = REGISTER_MISSING | REGISTER_MINOR | protection;
        faults.register(region.start, region.size_bytes, modes)?;
        if region.presence() == Presence::Always {
            faults.map_protected(region.start, region.size_bytes)?;
        }
    }
    // Of the two gates at which a thread waits, the first is the armed one.
    faults.open_pages(WAIT_GATES + PAGE, PAGE, Wake::No)
}
