//! Restarts: an instance is built anew on the same Ports, in the same memory and by the same mappings
//! (`END-7`). Whether and when is the core's decision.

use oro_kernel::{EndpointId, Event, InstanceEnd, InstanceId};

use crate::diagnose::FaultDetail;
use crate::metadata;
use crate::supervisor::{Supervisor, thread_id};
use crate::userfault::PageFault;
use crate::{InstanceReport, RestartReport, StartError};

/// What is told of an instance's restarts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Restarts {
    count: u64,
    /// How it ended, while its replacement is awaited.
    pub(crate) awaited: Option<InstanceReport>,
    /// How the incarnation before the present one ended.
    last: Option<Box<InstanceReport>>,
    failure: Option<String>,
}

/// A replacement that the core has asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awaited {
    pub(crate) instance: InstanceId,
    /// So much of the instance's memory is zero again.
    cleared_bytes: u64,
}

impl Awaited {
    pub(crate) fn new(instance: InstanceId) -> Self {
        Self { instance, cleared_bytes: 0 }
    }
}

impl Restarts {
    /// What was written down when it ended, if its replacement is no longer awaited but this end is its
    /// last.
    pub(crate) fn take_awaited(&mut self, end: InstanceEnd) -> Option<InstanceReport> {
        let report = self.awaited.take()?;
        if end == InstanceEnd::Killed {
            self.last = Some(Box::new(report));
            return None;
        }
        Some(report)
    }

    /// For the report, if there is anything to be said.
    pub(crate) fn summarize(&self) -> Option<RestartReport> {
        let has_restarted = self.count > 0 || self.failure.is_some() || self.last.is_some();
        has_restarted.then(|| RestartReport {
            count: self.count,
            last: self.last.clone(),
            failure: self.failure.clone(),
        })
    }
}

impl Supervisor<'_> {
    /// One turn of work at a replacement that is awaited: a part of its memory is cleared, or it is built.
    pub(crate) fn work_at_replacement(&mut self, instance: InstanceId) {
        let is_it = |awaited: &&mut Awaited| awaited.instance == instance;
        let Some(awaited) = self.to_replace.iter_mut().find(is_it) else { return };
        if !self.kernel.instance(instance).is_restarting {
            // Killed meanwhile: its memory may be another one's.
            return self.replace_instance(instance);
        }
        let memory = &self.world.instances[instance.0 as usize];
        match memory.clear_part(awaited.cleared_bytes) {
            Ok(Some(cleared_bytes)) => awaited.cleared_bytes = cleared_bytes,
            // What has failed fails again where it is reported.
            Ok(None) | Err(_) => self.replace_instance(instance),
        }
    }

    /// What [`Effect::ReplaceInstance`](oro_kernel::Effect::ReplaceInstance) has asked for, and the answer.
    /// Never amid a step, nor between the steps of one fault: whoever serves a thread finds it gone when
    /// it has ended, and not another one in its place.
    pub(crate) fn replace_instance(&mut self, instance: InstanceId) {
        assert!(!self.is_stepping, "kernel bug: a replacement amid an event's effects");
        self.to_replace.retain(|awaited| awaited.instance != instance);
        if !self.kernel.instance(instance).is_restarting {
            return; // It was killed meanwhile.
        }
        let restarts = instance.0 as usize;
        let event = match self.build_replacement(instance) {
            Ok(()) => {
                let restarts = &mut self.restarts[restarts];
                restarts.count += 1;
                restarts.last = restarts.awaited.take().map(Box::new);
                Event::InstanceRestarted { instance }
            }
            Err(error) => {
                // Some of its threads may have been built.
                for thread in self.world.list_threads(instance) {
                    self.take_down(thread_id(thread));
                }
                self.restarts[restarts].failure = Some(error.to_string());
                Event::RestartFailed { instance }
            }
        };
        self.step(event);
    }

    /// A built-in at the other end may have something to say to the replacement.
    fn begin_anew(&mut self, end: EndpointId) {
        if let Some(index) = self.find_built_in(end)
            && let Some(built_in) = &mut self.built_ins[index]
            && built_in.begin_anew()
        {
            self.postpone(index);
        }
    }

    /// Everything as before the instance first ran, each thread stopped at its start gate.
    fn build_replacement(&mut self, instance: InstanceId) -> Result<(), StartError> {
        let memory = |error| StartError::system("instance memory", error);
        let index = instance.0 as usize;
        let planned = &self.plan.instances[index];
        let name = self.plan.path(index);
        self.world.instances[index].reset(&self.images[planned.module as usize]).map_err(memory)?;
        for index in self.world.list_threads(instance) {
            self.world.reset_thread(index).map_err(memory)?;
        }
        let mut sealer = self.sealer();
        let mut processes = Vec::new();
        for index in self.world.list_threads(instance) {
            metadata::write_thread(&self.world, &self.plan, &self.images, &self.facts, index)
                .map_err(|error| StartError::system("getrandom", error))?;
            processes.push((index, sealer.seal(&self.world.threads[index], &name)?));
        }
        for (index, process) in processes {
            let ends: Vec<_> = self.world.threads[index].list_ends().collect();
            for end in ends {
                self.opened_queues[end.port.0 as usize][end.side as usize] = false;
                self.begin_anew(end.peer());
            }
            self.last_fault[index] = PageFault::default();
            self.details[index] = FaultDetail::default();
            self.processes[index] = Some(process);
            self.watch_process(index).map_err(|error| StartError::system("epoll_ctl", error))?;
            debug_assert!(!self.kernel.is_live(thread_id(index)));
        }
        Ok(())
    }
}
