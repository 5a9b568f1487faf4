//! What the supervisor asks of its own process before it starts others.

use std::io;

use rustix::process::{Pid, Resource, Rlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::{Options, StartError};

/// How much later than asked for the supervisor may be woken, in nanoseconds. Usually it is 50 us.
const TIMER_SLACK_NS: libc::c_ulong = 1000;

/// Raises the limit on descriptors as far as it may, asks for timers that expire in time, and pins to
/// one CPU if asked to.
pub(crate) fn prepare(options: &Options) -> Result<(), StartError> {
    allow_descriptors()?;
    set_timer_slack(TIMER_SLACK_NS).map_err(|error| StartError::system("prctl", error))?;
    options.pin_to_cpu.map_or(Ok(()), |cpu| pin(None, cpu))
}

/// Raises the limit on descriptors as far as this process may.
pub(crate) fn allow_descriptors() -> Result<(), StartError> {
    let limit =
        read_limit(libc::RLIMIT_NOFILE).map_err(|error| StartError::system("getrlimit", error))?;
    let most = (limit.rlim_max != libc::RLIM_INFINITY).then_some(limit.rlim_max);
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })
        .map_err(|error| StartError::system("setrlimit", error))
}

/// A limit of this process. (That of rustix panics where the call is refused.)
pub(crate) fn read_limit(resource: libc::__rlimit_resource_t) -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a structure that the call fills.
    let result = unsafe { libc::getrlimit(resource, &raw mut limit) };
    if result == 0 { Ok(limit) } else { Err(io::Error::last_os_error()) }
}

/// Makes a process (`None`: this one) run on one of the CPUs that this one may use.
pub(crate) fn pin(process: Option<Pid>, cpu: usize) -> Result<(), StartError> {
    let allowed =
        sched_getaffinity(None).map_err(|error| StartError::system("sched_getaffinity", error))?;
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    if !usable.contains(&cpu) {
        return Err(StartError::cpu(cpu, &usable));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(process, &set).map_err(|error| StartError::system("sched_setaffinity", error))
}

/// Gives back to Linux what starting took and running does not need: of a large system some ten KiB for
/// each instance.
pub(crate) fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: has no preconditions.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn set_timer_slack(slack_ns: libc::c_ulong) -> io::Result<()> {
    // SAFETY: takes a number and changes this thread's timers only.
    let result = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, slack_ns) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
