//! The messages of Ring control (`CTL-*`): [`ControlRequest`] to `ring.requests`, [`ControlReply`] from
//! `ring.replies`. Writer and reader as for every message (`types.rs`): each is read once, of a slot that
//! is delivered, and every id in it is an allegation.

use crate::layout::assert_layout;

/// Layout text of [`ControlRequest`].
pub const CONTROL_LAYOUT: &str = "oro.ring.v1{correlation:u64,operation:u32,flags:u32,ring:u64,from:u64,to:u64,\
    port:u64,image:u64,address:u64,size_bytes:u64,heap_bytes:u64,memory_bytes:u64,port_count:u32,\
    thread_count:u32,slot_count:u32,slot_size_bytes:u32,from_element:u32,to_element:u32,restart:u32,\
    restart_max:u32,restart_within_ns:u64,restart_backoff_ns:u64,name:u8[32],module:u8[32],\
    from_port:u8[32],to_port:u8[32],text_length:u32,reserved0:u32,text:u8[192],reserved1:u64[6],}";
/// Layout text of [`ControlReply`].
pub const CONTROL_REPLY_LAYOUT: &str = "oro.ring.reply.v1{correlation:u64,operation:u32,code:u32,id:u64,\
    memory_bytes:u64,memory_limit_bytes:u64,port_count:u32,port_limit:u32,thread_count:u32,\
    thread_limit:u32,text_length:u32,reserved0:u32,text:u8[192],}";

/// Most bytes of an image that [`CONTROL_LOAD`] takes (`CTL-5`).
pub const MAX_LOADED_IMAGE_BYTES: u32 = 16 << 20;

/// [`ControlRequest::operation`]: make a child Ring of `ring`, with `name` and quotas (`CTL-4`).
pub const CONTROL_CREATE: u32 = 1;
/// [`ControlRequest::operation`]: remount `from`, or the built-in instance `module`, onto `ring` (`CTL-4`).
pub const CONTROL_REMOUNT: u32 = 2;
/// [`ControlRequest::operation`]: take an image from the holder's memory (`CTL-5`).
pub const CONTROL_LOAD: u32 = 3;
/// [`ControlRequest::operation`]: make an instance (`CTL-6`).
pub const CONTROL_MOUNT: u32 = 4;
/// [`ControlRequest::operation`]: give `from` the parameter `name` with the value `text` (`CTL-6`).
pub const CONTROL_PARAM: u32 = 5;
/// [`ControlRequest::operation`]: make a Port (`CTL-6`, `CTL-8`).
pub const CONTROL_WIRE: u32 = 6;
/// [`ControlRequest::operation`]: start `from`, or all that is mounted in `ring` (`CTL-7`).
pub const CONTROL_START: u32 = 7;
/// [`ControlRequest::operation`]: end `from`, or all of `ring` (`CTL-9`).
pub const CONTROL_END: u32 = 8;
/// [`ControlRequest::operation`]: replace `from` by itself, new (`CTL-9`).
pub const CONTROL_RESTART: u32 = 9;
/// [`ControlRequest::operation`]: replace `from` by `image` or `module` (`CTL-9`).
pub const CONTROL_REPLACE: u32 = 10;
/// [`ControlRequest::operation`]: forget `from`, or `ring`, which have ended (`CTL-10`).
pub const CONTROL_FORGET: u32 = 11;
/// [`ControlRequest::operation`]: force `port` synchronous (`CTL-11`).
pub const CONTROL_FORCE: u32 = 12;
/// [`ControlRequest::operation`]: take that back (`CTL-11`).
pub const CONTROL_ALLOW: u32 = 13;
/// [`ControlRequest::operation`]: take `port` from both ends (`CTL-11`).
pub const CONTROL_REVOKE: u32 = 14;
/// [`ControlRequest::operation`]: give `from`'s end of `port` to its port `to_port` (`CTL-11`).
pub const CONTROL_TRANSFER: u32 = 15;
/// [`ControlRequest::operation`]: say what `ring` has and may have (`CTL-12`).
pub const CONTROL_DESCRIBE: u32 = 16;

/// [`ControlReply::code`]: it is done.
pub const CONTROL_DONE: u32 = 0;
/// [`ControlReply::code`]: no such operation, or a field that is not what the operation wants.
pub const CONTROL_BAD_REQUEST: u32 = 1;
/// [`ControlReply::code`]: an id that is nothing in the holder's tables.
pub const CONTROL_UNKNOWN: u32 = 2;
/// [`ControlReply::code`]: the holder sees it and has no power over it (`CTL-3`), or lacks a grant.
pub const CONTROL_DENIED: u32 = 3;
/// [`ControlReply::code`]: a name that is none, or is taken.
pub const CONTROL_NAME: u32 = 4;
/// [`ControlReply::code`]: no image that can run here.
pub const CONTROL_IMAGE: u32 = 5;
/// [`ControlReply::code`]: no such port, element or parameter, or of the other direction.
pub const CONTROL_PORT: u32 = 6;
/// [`ControlReply::code`]: types or slot sizes that do not fit.
pub const CONTROL_TYPE: u32 = 7;
/// [`ControlReply::code`]: wired already, and not over.
pub const CONTROL_BUSY: u32 = 8;
/// [`ControlReply::code`]: a quota or a limit.
pub const CONTROL_QUOTA: u32 = 9;
/// [`ControlReply::code`]: not in the state that the operation needs.
pub const CONTROL_STATE: u32 = 10;
/// [`ControlReply::code`]: this kernel cannot.
pub const CONTROL_UNSUPPORTED: u32 = 11;
/// [`ControlReply::code`]: the machine has failed: out of memory, say.
pub const CONTROL_SYSTEM: u32 = 12;

/// [`ControlRequest::restart`]: never restarted.
pub const CONTROL_RESTART_NEVER: u32 = 0;
/// [`ControlRequest::restart`]: after a fault.
pub const CONTROL_RESTART_FAULT: u32 = 1;
/// [`ControlRequest::restart`]: after every end but one on purpose.
pub const CONTROL_RESTART_ALWAYS: u32 = 2;

/// `oro.ring.v1`: what is wanted of Ring control. Fields that the operation does not name are zero.
/// Texts are UTF-8, padded with zeros.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRequest {
    /// The holder's own number, which the reply repeats.
    pub correlation: u64,
    /// `CONTROL_CREATE` and so on.
    pub operation: u32,
    /// Zero.
    pub flags: u32,
    /// A Ring's id in the holder's tables.
    pub ring: u64,
    /// An instance's id: the one that is meant, or a Port's producer. 0: a built-in one.
    pub from: u64,
    /// Id of a Port's consumer. 0: a built-in one.
    pub to: u64,
    /// A Port's id.
    pub port: u64,
    /// Id of an image, from the reply to [`CONTROL_LOAD`]; 0: `module` says it.
    pub image: u64,
    /// Address of an image in the holder's memory.
    pub address: u64,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Bytes of heap of a new instance.
    pub heap_bytes: u64,
    /// Quota in bytes of a new Ring or instance; 0: none of its own.
    pub memory_bytes: u64,
    /// Quota of Ports of a new Ring; 0: none of its own.
    pub port_count: u32,
    /// Quota of threads of a new Ring; 0: none of its own.
    pub thread_count: u32,
    /// Slots of a new Port, a power of two; 0: 16.
    pub slot_count: u32,
    /// Bytes of its slots, for types with a flexible tail; 0: as the ports' notes say.
    pub slot_size_bytes: u32,
    /// Element of the producer's port array; else 0.
    pub from_element: u32,
    /// Element of the consumer's port array; else 0.
    pub to_element: u32,
    /// `CONTROL_RESTART_NEVER` and so on.
    pub restart: u32,
    /// Restarts in a row (`SYS-10`).
    pub restart_max: u32,
    /// How long a row lasts, in nanoseconds.
    pub restart_within_ns: u64,
    /// Delay of a row's first restart, in nanoseconds.
    pub restart_backoff_ns: u64,
    /// Name of what is made, or of a parameter.
    pub name: [u8; 32],
    /// Name of a granted module, or of a built-in instance to be remounted.
    pub module: [u8; 32],
    /// Name of the producer's port.
    pub from_port: [u8; 32],
    /// Name of the consumer's port.
    pub to_port: [u8; 32],
    /// Bytes of `text` in use, at most 192.
    pub text_length: u32,
    /// Zero.
    pub reserved0: u32,
    /// A parameter's value.
    pub text: [u8; 192],
    /// Zero.
    pub reserved1: [u64; 6],
}

/// `oro.ring.reply.v1`: what came of a request.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlReply {
    /// The request's.
    pub correlation: u64,
    /// The request's.
    pub operation: u32,
    /// [`CONTROL_DONE`], or why not.
    pub code: u32,
    /// What was made: a Ring, instance, Port or image; else 0.
    pub id: u64,
    /// [`CONTROL_DESCRIBE`]: bytes of memory that are taken, the descendants' included.
    pub memory_bytes: u64,
    /// [`CONTROL_DESCRIBE`]: bytes that there may be; 0: no limit of its own.
    pub memory_limit_bytes: u64,
    /// [`CONTROL_DESCRIBE`]: Ports.
    pub port_count: u32,
    /// [`CONTROL_DESCRIBE`]: Ports that there may be; 0: no limit of its own.
    pub port_limit: u32,
    /// [`CONTROL_DESCRIBE`]: threads.
    pub thread_count: u32,
    /// [`CONTROL_DESCRIBE`]: threads that there may be; 0: no limit of its own.
    pub thread_limit: u32,
    /// Bytes of `text` in use, at most 192.
    pub text_length: u32,
    /// Zero.
    pub reserved0: u32,
    /// A sentence, if `code` is not [`CONTROL_DONE`]; UTF-8, cut where it is too long.
    pub text: [u8; 192],
}

assert_layout!(ControlRequest, size 512, align 8; correlation 0, operation 8, flags 12, ring 16, from 24,
    to 32, port 40, image 48, address 56, size_bytes 64, heap_bytes 72, memory_bytes 80, port_count 88,
    thread_count 92, slot_count 96, slot_size_bytes 100, from_element 104, to_element 108, restart 112,
    restart_max 116, restart_within_ns 120, restart_backoff_ns 128, name 136, module 168, from_port 200,
    to_port 232, text_length 264, reserved0 268, text 272, reserved1 464);
assert_layout!(ControlReply, size 256, align 8; correlation 0, operation 8, code 12, id 16,
    memory_bytes 24, memory_limit_bytes 32, port_count 40, port_limit 44, thread_count 48,
    thread_limit 52, text_length 56, reserved0 60, text 64);
