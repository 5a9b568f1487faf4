//! Requests and replies for the tasks of `executor.rs`. What a request and a reply are is in `call.rs`.

use core::future::poll_fn;
use core::task::{Context, Poll};

use crate::call::as_recv_error;
use crate::managed::Look;
use crate::reactor::Reactor;
use crate::wait::Sealed as _;
use crate::{CallError, Caller, Correlated, RecvError, Server, Ticket};

impl<Q: Correlated, R: Correlated, const N: usize> Caller<Q, R, N> {
    /// [`call`](Self::call) for a task. Dropped before it is done, it gives the request up.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn call_async(&mut self, request: Q) -> Result<R, CallError> {
        let ticket = poll_fn(|context| self.poll_begin(request, context)).await?;
        let mut call = Call { caller: self, ticket };
        poll_fn(|context| call.poll(context)).await
    }

    fn poll_begin(&mut self, request: Q, context: &Context<'_>) -> Poll<Result<Ticket, CallError>> {
        let reactor = Reactor::of(context, self.thread());
        if !reactor.take_turn() {
            return Poll::Pending;
        }
        if let Ok(ticket) = self.try_begin(request)? {
            return Poll::Ready(Ok(ticket));
        }
        for interest in self.room_interests() {
            reactor.add(interest);
        }
        Poll::Pending
    }
}

/// A request that is on its way, and is given up with this.
struct Call<'caller, Q: Correlated, R: Correlated, const N: usize> {
    caller: &'caller mut Caller<Q, R, N>,
    ticket: Ticket,
}

impl<Q: Correlated, R: Correlated, const N: usize> Call<'_, Q, R, N> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<R, CallError>> {
        let reactor = Reactor::of(context, self.caller.thread());
        if !reactor.take_turn() {
            return Poll::Pending;
        }
        match self.caller.poll(&self.ticket) {
            Ok(result) => Poll::Ready(result),
            Err(interest) => {
                reactor.add(interest);
                Poll::Pending
            }
        }
    }
}

impl<Q: Correlated, R: Correlated, const N: usize> Drop for Call<'_, Q, R, N> {
    fn drop(&mut self) {
        self.caller.free_place(&self.ticket);
    }
}

impl<Q: Correlated, R: Correlated> Server<Q, R> {
    /// [`serve_one`](Self::serve_one) for a task. Dropped before it is done, it leaves the request to the
    /// next call, also if `answer` was called.
    ///
    /// # Errors
    ///
    /// As [`serve_one`](Self::serve_one).
    pub async fn serve_one_async(&mut self, answer: impl FnOnce(Q) -> R) -> Result<(), RecvError> {
        poll_fn(|context| self.poll_request(context)).await?;
        let reply = self.make_reply(answer);
        let sent = self.replies.send_async(reply).await;
        sent.map_err(|error| as_recv_error(error.kind))?;
        self.requests.end.hand_over(1);
        Ok(())
    }

    /// Whether a request is there.
    fn poll_request(&mut self, context: &Context<'_>) -> Poll<Result<(), RecvError>> {
        let reactor = Reactor::of(context, self.requests.end.thread());
        if !reactor.take_turn() {
            return Poll::Pending;
        }
        match self.requests.end.look()? {
            Look::Ready => Poll::Ready(Ok(())),
            Look::Closed => Poll::Ready(Err(RecvError::Closed)),
            Look::NotYet => {
                reactor.add(self.interest());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::tests::{ask, open_caller, open_server, tell};
    use crate::executor::{First, block_on, join, race, yield_now};
    use crate::test_memory::TestThread;
    use crate::{CallError, RecvError};
    use core::sync::atomic::Ordering::Relaxed;
    use oro_sysabi::STATE_CLOSED;

    #[test]
    fn tasks_call_and_serve() {
        // Queues of one slot: each side waits for room as well as for messages.
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 1);
        let mut server = open_server(&memory, &ports, 1);
        let call = async {
            let mut sum = 0;
            for key in 0..100 {
                let _dropped = caller.begin(ask(1000)).map(|ticket| caller.cancel(ticket));
                sum += caller.call_async(ask(key)).await.unwrap().value;
            }
            sum
        };
        let serve = async {
            for _ in 0..200 {
                server.serve_one_async(tell).await.unwrap();
            }
        };
        assert_eq!(block_on(memory.thread(), join(call, serve)), (4950, ()));
    }

    #[test]
    fn a_call_that_is_dropped_gives_its_request_up() {
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 8);
        let mut server = open_server(&memory, &ports, 8);
        for _ in 0..3 {
            let quick = async {
                yield_now().await;
                yield_now().await;
            };
            let late = race(caller.call_async(ask(1)), quick);
            assert_eq!(block_on(memory.thread(), late), First::B(()));
        }
        // Its places are free, and the late replies are dropped.
        (0..3).for_each(|_| server.serve_one(tell).unwrap());
        let both = join(caller.call_async(ask(5)), server.serve_one_async(tell));
        let (told, served) = block_on(memory.thread(), both);
        assert_eq!((told.unwrap().value, served), (5, Ok(())));
    }

    #[test]
    fn a_request_whose_answer_was_dropped_is_served_again() {
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 1);
        let mut server = open_server(&memory, &ports, 1);
        let first = caller.begin(ask(1)).unwrap();
        server.serve_one(tell).unwrap();
        let second = caller.begin(ask(2)).unwrap();
        // There is no room for the reply.
        let late = race(server.serve_one_async(tell), yield_now());
        assert_eq!(block_on(memory.thread(), late), First::B(()));
        assert_eq!(caller.finish(first).unwrap().value, 1);
        block_on(memory.thread(), server.serve_one_async(tell)).unwrap();
        assert_eq!(caller.finish(second).unwrap().value, 2);
    }

    #[test]
    fn end_6_end_7_tasks_hear_of_an_end_and_of_a_restart() {
        // END-6, END-7
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 8);
        let mut server = open_server(&memory, &ports, 8);
        let restart = async {
            yield_now().await;
            crate::executor::sleep(memory.thread(), core::time::Duration::ZERO).await;
            memory.set(1, |binding| binding.epoch = 1);
        };
        let (told, ()) = block_on(memory.thread(), join(caller.call_async(ask(1)), restart));
        assert_eq!(told, Err(CallError::Restarted));
        memory.set(1, |binding| binding.state = STATE_CLOSED);
        let told = block_on(memory.thread(), caller.call_async(ask(1)));
        assert_eq!(told, Err(CallError::Closed));
        memory.set(2, |binding| binding.state = STATE_CLOSED);
        ports[0].consumed.store(ports[0].produced.load(Relaxed), Relaxed);
        let mut serve = || block_on(memory.thread(), server.serve_one_async(tell));
        while serve() == Ok(()) {}
        assert_eq!(serve(), Err(RecvError::Closed));
    }
}
