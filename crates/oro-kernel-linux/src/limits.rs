//! What the supervisor asks of its own process before it starts others.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::{Options, StartError};

/// Raises the limit on descriptors as far as it may, and pins to one CPU if asked to.
pub(crate) fn prepare(options: &Options) -> Result<(), StartError> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .map_err(|error| StartError::system("setrlimit", error))?;
    let Some(cpu) = options.pin_to_cpu else { return Ok(()) };
    let allowed =
        sched_getaffinity(None).map_err(|error| StartError::system("sched_getaffinity", error))?;
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    if !usable.contains(&cpu) {
        return Err(StartError::cpu(cpu, &usable));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).map_err(|error| StartError::system("sched_setaffinity", error))
}
