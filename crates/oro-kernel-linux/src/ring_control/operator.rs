//! Requests of operators (`CTL-14`): an image that one brings along, and whether the system was started so that
//! it can be changed. They are received and answered by `control.rs`.

use std::os::fd::OwnedFd;

use oro_sysabi as abi;
use oro_system::RestartOn;
use oro_system::control::{Action, Answer, Asker, Operation, Refusal, Request};
use rustix::fs::SealFlags;

use super::take::{Asked, Done, From};
use crate::supervisor::Supervisor;

/// Under what an operator's request names the image that comes along with it.
pub(crate) const BROUGHT_IMAGE: u64 = 1 << 32;

/// Bytes of a request.
pub(crate) const MESSAGE_BYTES: usize = size_of::<abi::ControlRequest>();

/// What an operator has sent.
#[derive(Debug)]
pub(crate) struct OperatorRequest {
    pub(crate) message: Box<[u8; MESSAGE_BYTES]>,
    /// A sealed memfd.
    pub(crate) image: Option<OwnedFd>,
}

impl Supervisor<'_> {
    /// Carries a request out. `None`: the answer is not known yet, and goes to the connection when it is.
    pub(crate) fn serve_operator(
        &mut self,
        connection: u64,
        request: &OperatorRequest,
    ) -> Option<Answer> {
        let what = self.carry_out_for_operator(request).unwrap_or_else(Done::refused);
        let from = From::Operator(connection);
        match self.find_answer(Asked { from, correlation: 0, operation: 0, what }) {
            Ok(answer) => Some(answer),
            Err(awaited) => {
                self.holders.awaited.push(awaited);
                None
            }
        }
    }

    /// Sends what has become known amid the effects of an event, once the tables say so too.
    pub(crate) fn send_known_answers(&mut self) {
        for (connection, answer) in std::mem::take(&mut self.holders.known) {
            self.send_answer(connection, &answer);
        }
    }

    fn carry_out_for_operator(&mut self, request: &OperatorRequest) -> Result<Done, Refusal> {
        let OperatorRequest { message, image } = request;
        if self.has_finished {
            return Err(Refusal::new(
                abi::CONTROL_STATE,
                "all instances have ended, and so does the system",
            ));
        }
        let request = Request::decode(message)?;
        let Some(image) = image else { return self.answer(Asker::Operator, &request) };
        if !matches!(request.operation, Operation::Mount { .. } | Operation::Replace { .. }) {
            let text = "an image comes along with MOUNT and REPLACE alone (CTL-14)";
            return Err(Refusal::new(abi::CONTROL_BAD_REQUEST, text));
        }
        self.plan.check_more_modules()?;
        let bytes = read_sealed(image)?;
        self.add_image(Asker::Operator, &bytes)?;
        let result = self.answer(Asker::Operator, &request);
        self.holders.images.retain(|(owner, _)| *owner != Asker::Operator);
        // That one, if nothing has it.
        self.forget_modules();
        result
    }

    /// Refuses what needs room, or what building a process anew needs, in a system that has neither.
    pub(super) fn check_can_change(&self, action: &Action) -> Result<(), Refusal> {
        let needs_room = match action {
            Action::End(_)
            | Action::ForgetInstance(_)
            | Action::ForgetRing(_)
            | Action::Force(_)
            | Action::Allow(_)
            | Action::Revoke(_)
            | Action::Describe(_) => false,
            Action::Restart(instance) => {
                self.plan.instances[*instance as usize].restart.on == RestartOn::Never
            }
            Action::CreateRing(_)
            | Action::Grant { .. }
            | Action::Load { .. }
            | Action::Mount(_)
            | Action::SetParam { .. }
            | Action::Wire { .. }
            | Action::Start { .. }
            | Action::Replace { .. }
            | Action::Transfer { .. } => true,
        };
        if !needs_room || self.world.grows() {
            return Ok(());
        }
        let text = "the system was not started so that it can be changed: start it with `oro run --growable` \
                    (CTL-14)";
        Err(Refusal::new(abi::CONTROL_STATE, text))
    }
}

/// What a memfd holds that nobody can change or shorten any more, so that reading it waits for nobody.
fn read_sealed(fd: &OwnedFd) -> Result<Vec<u8>, Refusal> {
    let refuse = |text: &str| Refusal::new(abi::CONTROL_IMAGE, text);
    let needed = SealFlags::WRITE | SealFlags::SHRINK;
    if !rustix::fs::fcntl_get_seals(fd).is_ok_and(|seals| seals.contains(needed)) {
        return Err(refuse(
            "an image comes in a memfd that is sealed against writing and shrinking",
        ));
    }
    let size_bytes = rustix::fs::fstat(fd).map_or(u64::MAX, |facts| facts.st_size.unsigned_abs());
    let most = u64::from(abi::MAX_LOADED_IMAGE_BYTES);
    if size_bytes > most {
        let text = format!("the image has {size_bytes} bytes: at most {most} (CTL-5)");
        return Err(Refusal::new(abi::CONTROL_QUOTA, text));
    }
    let mut bytes = vec![0; usize::try_from(size_bytes).unwrap_or(0)];
    let mut read = 0;
    while read < bytes.len() {
        match rustix::io::retry_on_intr(|| rustix::io::pread(fd, &mut bytes[read..], read as u64)) {
            Ok(count) if count > 0 => read += count,
            Ok(_) | Err(_) => return Err(refuse("the image cannot be read")),
        }
    }
    Ok(bytes)
}
