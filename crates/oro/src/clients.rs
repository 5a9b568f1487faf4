//! [`Clients`]: a server whose callers come and go, over two port arrays. It does not know what the requests
//! mean; one caller that stays has a [`Server`](crate::Server).

use core::ops::ControlFlow;

use crate::call::Correlated;
use crate::managed::Look;
use crate::wait::{Interest, Sealed, Source, holds};
use crate::{Consumer, PortArray, Producer};

/// What has happened to a server of [`Clients`]. A client is told by its element, which another one has
/// later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// A client is there: both of its Ports are wired.
    Joined(usize),
    /// A request of it was answered.
    Served(usize),
    /// It has ended, or misbehaved; its element is free for the next one.
    Left(usize),
}

/// The side that answers the requests of up to `N` callers: element `i` of one array has the requests, of the
/// other the replies of the same client. A client that does not take its replies holds up nobody but itself.
///
/// As a [`Source`] of [`wait`](crate::wait()) it is ready when [`try_serve_one`](Self::try_serve_one) has something
/// to do. A wait has at most 128 conditions, and each client takes two.
///
/// ```no_run
/// # oro::message! { "demo.ask.v1" pub struct Ask { correlation: u64, key: u64 } }
/// # oro::message! { "demo.tell.v1" pub struct Tell { correlation: u64, value: u64 } }
/// # oro::correlated!(Ask, Tell);
/// use oro::{ClientEvent, Clients, Consumer, PortArray, Producer};
///
/// fn run(asks: PortArray<Consumer<Ask>, 8>, tells: PortArray<Producer<Tell>, 8>) {
///     let (mut clients, mut counts) = (Clients::new(asks, tells), [0; 8]);
///     loop {
///         let answer = |_client, ask: Ask| Tell { correlation: 0, value: 2 * ask.key };
///         match clients.serve_one(answer) {
///             ClientEvent::Joined(client) => counts[client] = 0,
///             ClientEvent::Served(client) => counts[client] += 1,
///             ClientEvent::Left(client) => { /* ... */ }
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Clients<Q, R, const N: usize> {
    requests: PortArray<Consumer<Q>, N>,
    replies: PortArray<Producer<R>, N>,
    presences: [Presence; N],
    /// Who is looked at first: the one after the last that was served.
    next: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// There is no client, or not both of its Ports.
    Absent,
    /// There is one.
    Present,
    /// There was one, and a Port of another is there.
    Replaced,
}

impl<Q: Correlated, R: Correlated, const N: usize> Clients<Q, R, N> {
    /// A server by these two arrays.
    #[must_use]
    pub fn new(requests: PortArray<Consumer<Q>, N>, replies: PortArray<Producer<R>, N>) -> Self {
        Self { requests, replies, presences: [Presence::Absent; N], next: 0 }
    }

    /// How many clients there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.presences.iter().filter(|presence| **presence == Presence::Present).count()
    }

    /// Waits until a client joins, asks or leaves. A request is answered with what `answer` makes of it, and
    /// released only when the reply has been sent, so that a server that ends in the middle leaves it to its
    /// replacement (`END-7`). Clients have their turns one after the other.
    pub fn serve_one(&mut self, answer: impl FnOnce(usize, Q) -> R) -> ClientEvent {
        loop {
            match self.look() {
                ControlFlow::Break(event) => return event,
                ControlFlow::Continue(Some(client)) => return self.serve(client, answer),
                ControlFlow::Continue(None) => {}
            }
            crate::wait(self.requests.thread(), &[&*self], None);
        }
    }

    /// Likewise, without waiting; `None`: there is nothing to do.
    pub fn try_serve_one(&mut self, answer: impl FnOnce(usize, Q) -> R) -> Option<ClientEvent> {
        match self.look() {
            ControlFlow::Break(event) => Some(event),
            ControlFlow::Continue(client) => client.map(|client| self.serve(client, answer)),
        }
    }

    /// Sends a client away: it is told nothing, and nothing that it sends is looked at any more. Its element
    /// is free once it has ended.
    pub fn dismiss(&mut self, client: usize) {
        self.requests.close(client);
        self.replies.close(client);
        if let Some(presence) = self.presences.get_mut(client) {
            *presence = Presence::Absent;
        }
    }

    /// Who has come or gone; else a client that has asked, and has room for the reply.
    fn look(&mut self) -> ControlFlow<ClientEvent, Option<usize>> {
        while let Some(client) = self.requests.accept().or_else(|| self.replies.accept()) {
            if self.presences[client] == Presence::Present {
                self.presences[client] = Presence::Replaced;
            }
        }
        for client in 0..N {
            self.look_for_change(client)?;
        }
        for turn in 0..N {
            let client = (self.next + turn) % N;
            if self.can_serve(client) {
                return ControlFlow::Continue(Some(client));
            }
        }
        ControlFlow::Continue(None)
    }

    fn look_for_change(&mut self, client: usize) -> ControlFlow<ClientEvent> {
        let is_gone = [self.look_at_request(client), self.look_at_room(client)].contains(&None);
        match (self.presences[client], is_gone) {
            (Presence::Present, false) => ControlFlow::Continue(()),
            (Presence::Present, true) => {
                self.dismiss(client);
                ControlFlow::Break(ClientEvent::Left(client))
            }
            (Presence::Replaced, _) => {
                self.presences[client] = Presence::Absent;
                ControlFlow::Break(ClientEvent::Left(client))
            }
            (Presence::Absent, false) => {
                self.presences[client] = Presence::Present;
                ControlFlow::Break(ClientEvent::Joined(client))
            }
            (Presence::Absent, true) => {
                // One that has ended before anybody looked, or misbehaves from the start, is gone without a
                // word; half of one is closed when its peer has ended.
                if self.requests.get(client).is_some() && self.replies.get(client).is_some() {
                    self.dismiss(client);
                } else if self.requests.is_over(client) {
                    self.requests.close(client);
                }
                if self.replies.is_over(client) {
                    self.replies.close(client);
                }
                ControlFlow::Continue(())
            }
        }
    }

    /// Whether a client has asked; `None` if it never will.
    fn look_at_request(&mut self, client: usize) -> Option<bool> {
        match self.requests.get_mut(client)?.end.look() {
            Ok(Look::Ready) => Some(true),
            Ok(Look::NotYet) => Some(false),
            Ok(Look::Closed) | Err(_) => None,
        }
    }

    /// Whether a reply to it would be sent at once; `None` if it never would.
    fn look_at_room(&mut self, client: usize) -> Option<bool> {
        match self.replies.get_mut(client)?.end.look() {
            Ok(Look::Ready) => Some(true),
            Ok(Look::NotYet) => Some(false),
            Ok(Look::Closed) | Err(_) => None,
        }
    }

    fn can_serve(&mut self, client: usize) -> bool {
        self.look_at_request(client) == Some(true) && self.look_at_room(client) == Some(true)
    }

    /// Answers the request that is there, for whose reply there is room.
    fn serve(&mut self, client: usize, answer: impl FnOnce(usize, Q) -> R) -> ClientEvent {
        self.next = (client + 1) % N;
        if let Some(requests) = self.requests.get_mut(client) {
            let request = requests.copy();
            let mut reply = answer(client, request);
            reply.set_correlation(request.correlation());
            if let Some(replies) = self.replies.get_mut(client) {
                // Who has ended meanwhile is seen by the next look.
                let _ = replies.try_send(reply);
            }
            if let Some(requests) = self.requests.get_mut(client) {
                requests.end.hand_over(1);
            }
        }
        ClientEvent::Served(client)
    }
}

impl<Q: Correlated, R: Correlated, const N: usize> Source for Clients<Q, R, N> {}
impl<Q: Correlated, R: Correlated, const N: usize> Sealed for Clients<Q, R, N> {
    fn visit_interests(&self, visit: &mut dyn FnMut(Interest)) {
        for (client, presence) in self.presences.iter().enumerate() {
            let ends = (self.requests.get(client), self.replies.get(client));
            let (Presence::Present, (Some(requests), Some(replies))) = (presence, ends) else {
                // Whose two Ports are there is one that has joined.
                let is_due = *presence != Presence::Absent || matches!(ends, (Some(_), Some(_)));
                visit(if is_due { Interest::Now } else { self.requests.binding_interest(client) });
                visit(self.replies.binding_interest(client));
                continue;
            };
            let (request, room) = (requests.interest(), replies.interest());
            // Who has asked, and has no room for the reply, has nothing to be done until it has.
            visit(if is_there(self, request) { room } else { request });
            visit(self.replies.binding_interest(client));
        }
    }
}

/// Whether there is something now.
fn is_there<Q: Correlated, R: Correlated, const N: usize>(
    clients: &Clients<Q, R, N>,
    interest: Interest,
) -> bool {
    let thread = clients.requests.thread();
    let mut conditions = interest.conditions().iter();
    interest == Interest::Now || conditions.any(|condition| holds(thread, condition))
}
