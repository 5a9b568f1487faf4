//! A page fault of a sealed process: what it means by its address, and what the core is told.

use oro_kernel::Event;

use crate::StartError;
use crate::diagnose::{FaultDetail, read_instruction};
use crate::memory::PAGE;
use crate::supervisor::{Supervisor, thread_id};
use crate::userfault::PageFault;
use crate::world::{Meaning, Presence, Region};

impl Supervisor<'_> {
    /// Serves one fault of a thread.
    pub(crate) fn handle_fault(&mut self, index: usize) {
        let Some(process) = &self.processes[index] else { return };
        let fault = match process.faults.next_fault() {
            Ok(Some(fault)) => fault,
            Ok(None) => return,
            Err(error) => return self.fail(StartError::system("read(userfaultfd)", error)),
        };
        self.report.fault_count += 1;
        self.last_fault[index] = fault;
        let page = fault.address & !(PAGE - 1);
        let Some(region) = self.world.threads[index].find_region(fault.address).copied() else {
            return self.resume(thread_id(index));
        };
        // The thread has touched nothing that it may not: no event, so nothing is looked at before it.
        if let Some(is_protected) = self.find_vanished(index, &region, fault) {
            return match region.meaning {
                Meaning::Queue { end } => self.map_queue_part(index, end, page),
                _ => self.map_again(index, page, is_protected),
            };
        }
        let at = match region.meaning {
            Meaning::Cursor { end } => Some(end),
            _ => None,
        };
        if !self.look_before(index, at) {
            return;
        }
        match region.meaning {
            Meaning::Gate => self.touch_gate(index, page),
            Meaning::Cell { end, cell } => {
                self.look(end.peer());
                self.step(Event::CellTouched { end, cell });
            }
            Meaning::Word { end } => {
                self.look(end.peer());
                self.step(Event::WordTouched { end });
            }
            Meaning::Queue { end } => self.step(Event::QueueTouched { end }),
            Meaning::Cursor { end } => self.step(Event::CursorTouched { end }),
            Meaning::Foreign { end } => {
                self.step(Event::ForeignTouched { thread: thread_id(index), end });
            }
            Meaning::Reserved { .. } => {
                let process = self.processes[index].as_ref();
                let instruction = process.and_then(|process| read_instruction(process.process_id));
                self.fault_thread(index, FaultDetail::from_touch(fault.address, instruction));
            }
        }
    }

    /// Whether a page that is to be there has been taken away by Linux, which may do so when memory is
    /// short; and if so, whether it is to be protected when it is mapped again. Too much protection
    /// costs another fault and nothing else.
    fn find_vanished(&self, index: usize, region: &Region, fault: PageFault) -> Option<bool> {
        let page = fault.address & !(PAGE - 1);
        match region.presence() {
            Presence::Snapshot => fault.is_minor.then_some(false),
            // Protected for a moment, perhaps, while the other end was given away.
            Presence::Queue => match region.meaning {
                Meaning::Queue { end } => self.kernel.has_queue(end).then_some(false),
                _ => None,
            },
            Presence::Never => None,
            Presence::Always if fault.is_protection => None,
            Presence::Always => match region.meaning {
                Meaning::Gate => Some(self.is_armed(thread_id(index), page)),
                _ => Some(true),
            },
        }
    }
}
