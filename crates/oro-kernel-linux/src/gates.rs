//! Gates: pages at which a thread starts, ends, or waits (`END-*`, `GATE-*`).
//!
//! What a thread asks for at a gate is copied once, decoded by the core's own rules, and then only
//! the copy counts. Whether it waits, and for how long, is the core's decision.

use core::mem::{MaybeUninit, offset_of};

use oro_kernel::{
    BindingOwner, Condition, Effect, Event, GateRequest, RequestProblem, ThreadId, decode_request,
};
use oro_sysabi as abi;

use crate::addresses::{
    EXIT_INSTANCE_GATE, EXIT_THREAD_GATE, RESPONSE_OFFSET, START_GATE, WAIT_GATES,
};
use crate::memory::PAGE;
use crate::supervisor::{Supervisor, thread_id};
use crate::userfault::Wake;
use crate::world::PRIVATE_REQUEST;

/// Which of the two pages at which a thread waits this is, if it is one.
pub(crate) fn find_wait_gate(page: u64) -> Option<u32> {
    match page.checked_sub(WAIT_GATES)? / PAGE {
        0 => Some(0),
        1 => Some(1),
        _ => None,
    }
}

fn wait_gate_page(gate: u32) -> u64 {
    WAIT_GATES + u64::from(gate) * PAGE
}

impl Supervisor<'_> {
    /// A store to a protected gate page.
    pub(crate) fn touch_gate(&mut self, index: usize, page: u64) {
        let thread = thread_id(index);
        let memory = &self.world.threads[index];
        let offset = offset_of!(abi::Request, exit_status) as u64;
        if let Some(gate) = find_wait_gate(page) {
            self.touch_wait_gate(index, gate);
        } else if page == EXIT_THREAD_GATE {
            let given = memory.private.load_u64(PRIVATE_REQUEST + offset);
            // END-2
            let status = match (memory.returns_status, memory.has_short_status) {
                (false, _) => 0,
                (true, true) => given & u64::from(u32::MAX),
                (true, false) => given,
            };
            self.step(Event::ThreadExited { thread, status });
        } else if page == EXIT_INSTANCE_GATE {
            let status = memory.private.load_u64(PRIVATE_REQUEST + offset);
            self.step(Event::InstanceExited { thread, status });
        } else {
            // The start gate, after the start: Linux had reclaimed its page before it was opened.
            debug_assert_eq!(page, START_GATE);
            self.start(thread);
        }
    }

    /// Whether a page of gates that Linux has taken away is to be protected when it is mapped again.
    pub(crate) fn is_armed(&self, thread: ThreadId, page: u64) -> bool {
        match (find_wait_gate(page), self.kernel.armed_gate(thread)) {
            (Some(gate), Some(armed)) => gate == armed,
            // It waits there, or it is a gate of another kind.
            _ => true,
        }
    }

    fn touch_wait_gate(&mut self, index: usize, gate: u32) {
        let thread = thread_id(index);
        let request = match self.kernel.armed_gate(thread) {
            Some(armed) if armed == gate => self.read_request(index),
            Some(_) => {
                // A store to the gate that is not armed does nothing (GATE-1).
                self.open_wait_gate(thread, gate, Wake::No);
                Ok(GateRequest::default())
            }
            // Reported again.
            None => Ok(GateRequest::default()),
        };
        if let Ok(request) = &request {
            for condition in &request.conditions {
                if let Condition::Peer { end, .. } = condition {
                    self.look(end.peer());
                }
            }
            if self.processes[index].is_none() {
                return;
            }
        }
        let built_ins = self.list_built_in_peers(&request);
        self.step(Event::GateTouched { thread, gate, request });
        // One that fills its slots only when somebody waits for them has something to do now.
        for index in built_ins {
            self.postpone(index);
        }
    }

    /// The built-in ends whose cursors a request waits for.
    fn list_built_in_peers(&self, request: &Result<GateRequest, RequestProblem>) -> Vec<usize> {
        let conditions = request.as_ref().map_or(&[][..], |request| &request.conditions);
        let peers = conditions.iter().filter_map(|condition| match condition {
            Condition::Peer { end, .. } => Some(end.peer()),
            _ => None,
        });
        peers.filter_map(|peer| self.find_built_in(peer)).collect()
    }

    /// A thread's request, copied once and understood (`GATE-2`, `GATE-3`).
    fn read_request(&self, index: usize) -> Result<GateRequest, RequestProblem> {
        let memory = &self.world.threads[index];
        let instance = memory.instance.0 as usize;
        let module = self.plan.instances[instance].module;
        let ports = &self.images[module as usize].interface.ports;
        let is_own = |binding: u32| {
            ports.iter().any(|port| {
                port.entry == memory.entry && (port.index..port.index + port.max).contains(&binding)
            })
        };
        let find_binding = |binding| match memory.find_end(binding) {
            Some(end) => BindingOwner::Own(end),
            None if is_own(binding) => BindingOwner::Unwired,
            None => BindingOwner::Nobody,
        };
        let mut request = MaybeUninit::<abi::Request>::zeroed();
        // SAFETY: the structure's bytes, all initialised, borrowed for the copy alone.
        let bytes = unsafe {
            core::slice::from_raw_parts_mut(
                request.as_mut_ptr().cast::<u8>(),
                size_of::<abi::Request>(),
            )
        };
        memory.private.read(PRIVATE_REQUEST, bytes);
        // SAFETY: plain integers, for which every pattern of bits is valid.
        let request = unsafe { request.assume_init() };
        decode_request(&request, find_binding, |address| {
            self.world.instances[instance].load_word(address)
        })
    }

    /// [`Effect::OpenGate`]: the response first, then the gate. True if that also resumed `next`.
    pub(crate) fn open_gate(&mut self, effect: &Effect, next: Option<ThreadId>) -> bool {
        let &Effect::OpenGate { thread, gate, cause, ready } = effect else { return false };
        let index = thread.0 as usize;
        let armed = 1 - gate;
        if let Some(process) = &self.processes[index] {
            let result = process.faults.protect(wait_gate_page(armed), PAGE);
            self.check("UFFDIO_WRITEPROTECT", result);
        }
        let root = &self.world.threads[index].root;
        let at = |offset: usize| RESPONSE_OFFSET + offset as u64;
        let now_ns = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let low_word = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(u64::MAX);
        root.store_u32(at(offset_of!(abi::Response, cause)), cause);
        root.store_u64(at(offset_of!(abi::Response, ready)), low_word(ready));
        root.store_u64(at(offset_of!(abi::Response, ready) + 8), low_word(ready >> 64));
        root.store_u64(at(offset_of!(abi::Response, now_ns)), now_ns);
        root.store_u32(at(offset_of!(abi::Response, armed)), armed);
        let resumes = next == Some(thread);
        self.open_wait_gate(thread, gate, if resumes { Wake::Yes } else { Wake::No });
        resumes && self.processes[index].is_some()
    }

    fn open_wait_gate(&mut self, thread: ThreadId, gate: u32, wake: Wake) {
        if let Some(process) = &self.processes[thread.0 as usize] {
            let result = process.faults.open_pages(wait_gate_page(gate), PAGE, wake);
            self.check("UFFDIO_WRITEPROTECT", result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gate_1_there_are_two_gates_to_wait_at() {
        // GATE-1
        assert_eq!(find_wait_gate(WAIT_GATES), Some(0));
        assert_eq!(find_wait_gate(WAIT_GATES + PAGE), Some(1));
        assert_eq!(find_wait_gate(WAIT_GATES + 2 * PAGE), None);
        assert_eq!(find_wait_gate(EXIT_INSTANCE_GATE), None);
    }
}
