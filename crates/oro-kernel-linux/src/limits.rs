//! What the supervisor asks of its own process before it starts others.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Options;

/// Raises the limit on descriptors as far as it may, and pins to one CPU if asked to.
pub(crate) fn prepare(options: &Options) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    if let Some(cpu) = options.pin_to_cpu {
        let mut set = rustix::thread::CpuSet::new();
        if cpu >= rustix::thread::CpuSet::MAX_CPU {
            return Err(io::Error::other(format!("there is no CPU {cpu}")));
        }
        set.set(cpu);
        rustix::thread::sched_setaffinity(None, &set)?;
    }
    Ok(())
}
