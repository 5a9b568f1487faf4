/* The Oro ABI: every structure that a kernel and a module instance share in memory.
 *
 * Generated from the Rust crate oro-sysabi by `cargo xtask header`: change that, not this.
 * The clauses that the comments name (META-3) are in docs/spec/. Compiles as C11, C23, C++17 and
 * C++20 with gcc and clang. Helpers and the macros that declare a module are in oro.h.
 */
#ifndef ORO_SYSABI_H
#define ORO_SYSABI_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__GNUC__)
#error "oro/sysabi.h needs a compiler with GNU attributes: gcc or clang"
#endif

/* Alignment of a structure. */
#define ORO_ALIGNED(bytes) __attribute__((aligned(bytes)))

/* A check when compiled, in C and in C++; takes a semicolon. */
#ifdef __cplusplus
#define ORO_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define ORO_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

#ifdef __cplusplus
extern "C" {
#endif


// ABI major version. A kernel refuses a module whose note states another one (`VER-1`).
#define ORO_ABI_MAJOR UINT32_C(0)

// ABI minor version. While the major is 0 it must be equal, later at least the module's (`VER-2`).
#define ORO_ABI_MINOR UINT32_C(2)

// Largest slot of a Port, in bytes (`LIM-1`).
#define ORO_MAX_SLOT_SIZE UINT32_C(0x1000000)

// Largest queue of a Port (slot count times stride), in bytes (`LIM-2`).
#define ORO_MAX_QUEUE_SIZE UINT64_C(0x10000000)

// Most slots of a Port; a slot count is a power of two from 1 to this (`LIM-3`).
#define ORO_MAX_SLOT_COUNT UINT32_C(0x100000)

// Largest alignment of a message type, in bytes; a power of two (`LIM-4`).
#define ORO_MAX_SLOT_ALIGN UINT32_C(4096)

// Most endpoints of a thread (`LIM-5`).
#define ORO_MAX_ENDPOINTS_PER_THREAD UINT32_C(256)

// Most bytes of address space for the windows of one thread (`LIM-6`).
#define ORO_MAX_WINDOW_BYTES_PER_THREAD UINT64_C(0x1000000000)

// Most entry points of a module (`LIM-7`).
#define ORO_MAX_ENTRIES UINT32_C(64)

// Size of a name field, in bytes, with at least one terminating zero: names have at most 31 (`LIM-8`).
#define ORO_NAME_SIZE UINT32_C(32)

// Longest layout text of a message type, in bytes without its terminating zero (`LIM-9`).
#define ORO_MAX_LAYOUT_TEXT UINT32_C(4095)

// Every address that the ABI hands out is below this one: 512 GiB (`LIM-10`).
#define ORO_ADDRESS_END UINT64_C(0x8000000000)

// An image that is not relocatable must lie at or above this address (`LIM-11`).
#define ORO_IMAGE_START UINT64_C(0x10000)

// An image must end at or below this address; above it the kernel places what the ABI needs (`LIM-11`).
#define ORO_IMAGE_END UINT64_C(0x1000000000)

// Cells of an endpoint in synchronous mode (`PORT-4`).
#define ORO_CELL_COUNT UINT32_C(2)

// Largest stack that an entry may ask for, in bytes (`LIM-12`).
#define ORO_MAX_STACK_SIZE UINT32_C(0x40000000)

// Stack size where an entry's note asks for none, in bytes (`LIM-12`).
#define ORO_DEFAULT_STACK_SIZE UINT32_C(0x10000)

// How long, in nanoseconds, an end of a revoked Port may go on before it ends with its instance
// (`END-13`): 100 ms.
#define ORO_REVOCATION_GRACE_NS UINT64_C(0x5f5e100)

// The first eight bytes of `oro_root`: `"OROROOT1"`, little-endian.
#define ORO_ROOT_MAGIC UINT64_C(0x31544f4f524f524f)

// Root flag: the counter of `oro_root.counter_frequency_hz` may be read from the program.
#define ORO_ROOT_COUNTER_GRANTED UINT32_C(1)

// ELF machine number of x86_64, in `oro_root.machine`.
#define ORO_MACHINE_X86_64 UINT32_C(62)

// ELF machine number of AArch64, in `oro_root.machine`.
#define ORO_MACHINE_AARCH64 UINT32_C(183)

// `oro_binding.direction`: the thread produces messages.
#define ORO_DIRECTION_PRODUCER UINT32_C(1)

// `oro_binding.direction`: the thread consumes messages.
#define ORO_DIRECTION_CONSUMER UINT32_C(2)

// `oro_binding.mode` and `oro_end.mode`: every touch of a slot is a page fault (`PORT-3`).
#define ORO_MODE_SYNCHRONOUS UINT32_C(0)

// `oro_binding.mode` and `oro_end.mode`: plain shared memory (`PORT-3`).
#define ORO_MODE_ASYNCHRONOUS UINT32_C(1)

// `oro_binding.state`: this port has no peer (an optional port, or not wired yet). It has no window.
#define ORO_STATE_UNWIRED UINT32_C(0)

// `oro_binding.state`: wired, and the peer lives.
#define ORO_STATE_WIRED UINT32_C(1)

// `oro_binding.state`: the peer has ended well; what it committed stays readable.
#define ORO_STATE_CLOSED UINT32_C(2)

// `oro_binding.state`: the peer has ended by a violation, a trap or a kill; what it committed stays readable.
#define ORO_STATE_FAULTED UINT32_C(3)

// `oro_binding.state`: this endpoint was taken away by revocation or transfer.
#define ORO_STATE_REVOKED UINT32_C(4)

// `oro_binding.state`: the port belongs to another thread of the instance. It has no window here.
#define ORO_STATE_FOREIGN UINT32_C(5)

// `oro_binding.flags`: the endpoint belongs to a managed thread.
#define ORO_BINDING_MANAGED UINT32_C(1)

// `oro_binding.flags`: the Port is forced synchronous and never upgrades.
#define ORO_BINDING_FORCED_SYNCHRONOUS UINT32_C(2)

// `oro_ring.magic`: `"ORORING1"`, little-endian.
#define ORO_RING_MAGIC UINT64_C(0x31474e49524f524f)

// `oro_instance.state`: mounted and perhaps wired, not started.
#define ORO_INSTANCE_MOUNTED UINT32_C(0)

// `oro_instance.state`: at least one thread has not ended.
#define ORO_INSTANCE_RUNNING UINT32_C(1)

// `oro_instance.state`: every thread has ended by itself.
#define ORO_INSTANCE_ENDED UINT32_C(2)

// `oro_instance.state`: ended by a violation, a trap or a kill.
#define ORO_INSTANCE_FAULTED UINT32_C(3)

// `oro_instance.reason`: no end yet, or a normal one.
#define ORO_REASON_NONE UINT32_C(0)

// `oro_instance.reason`: a rule of a Port was broken.
#define ORO_REASON_VIOLATION UINT32_C(1)

// `oro_instance.reason`: a processor trap that is not a Port's, a gate's or a lazily mapped page.
#define ORO_REASON_TRAP UINT32_C(2)

// `oro_instance.reason`: it tried to make a system call.
#define ORO_REASON_SYSTEM_CALL UINT32_C(3)

// `oro_instance.reason`: ended from outside (time limit, operator).
#define ORO_REASON_KILLED UINT32_C(4)

// `oro_instance.reason`: an endpoint or the instance was revoked.
#define ORO_REASON_REVOKED UINT32_C(5)

// `oro_instance.reason`: the module panicked and said so in its last words.
#define ORO_REASON_PANIC UINT32_C(6)

// `oro_port.state`: both ends live.
#define ORO_PORT_OPEN UINT32_C(1)

// `oro_port.state`: the producer has ended; messages may remain.
#define ORO_PORT_PRODUCER_ENDED UINT32_C(2)

// `oro_port.state`: the consumer has ended.
#define ORO_PORT_CONSUMER_ENDED UINT32_C(3)

// `oro_port.state`: both ends have ended.
#define ORO_PORT_ENDED UINT32_C(4)

// `oro_port.flags`: forced synchronous.
#define ORO_PORT_FORCED_SYNCHRONOUS UINT32_C(1)

// `oro_end.mode_reason`: the Port is forced synchronous.
#define ORO_MODE_REASON_FORCED UINT32_C(1)

// `oro_end.mode_reason`: this end's thread is naive.
#define ORO_MODE_REASON_NAIVE UINT32_C(2)

// `oro_end.mode_reason`: the streak is below the threshold.
#define ORO_MODE_REASON_STREAK UINT32_C(3)

// `oro_end.mode_reason`: this end qualifies, its peer does not.
#define ORO_MODE_REASON_PEER UINT32_C(4)

// `oro_end.mode_reason`: this kernel, or this end of a built-in instance, has no asynchronous mode.
#define ORO_MODE_REASON_UNSUPPORTED UINT32_C(5)

// `oro_end.mode_reason`: both ends qualify, and this one becomes asynchronous at its next cursor store.
#define ORO_MODE_REASON_QUALIFIED UINT32_C(6)

// `oro_end.mode_reason`: asynchronous, since both ends have earned it.
#define ORO_MODE_REASON_EARNED UINT32_C(7)

// `oro_end.mode_reason`: asynchronous still, and synchronous after this end's next cursor store.
#define ORO_MODE_REASON_LEAVING UINT32_C(8)

// `oro_end.mode_reason`: the Port, or an end of it, has ended; the mode changes no more.
#define ORO_MODE_REASON_ENDED UINT32_C(9)

// `oro_condition.kind`: the peer's cursor of binding `index` is greater than `value`, or the peer has
// ended. The binding is the thread's own and wired.
#define ORO_WAIT_PEER UINT32_C(1)

// `oro_condition.kind`: the Ring's generation is not `value`.
#define ORO_WAIT_RING UINT32_C(2)

// `oro_condition.kind`: state or epoch of binding `index` are not what `value` says, which is
// `state | epoch << 32`. The binding is the thread's own.
#define ORO_WAIT_BINDING UINT32_C(3)

// `oro_condition.kind`: the u32 at address `value` is not `index`. The address is a multiple of 4 in
// the instance's own writable data, heap or stacks.
#define ORO_WAIT_WORD UINT32_C(4)

// `oro_condition.kind`: wake the instance's threads that wait for the u32 at address `value`; `index`
// is 0. It holds by itself, so that a request with it never blocks.
#define ORO_WAKE_WORD UINT32_C(5)

// `oro_request.deadline_ns`: no deadline.
#define ORO_NO_DEADLINE UINT64_C(0xffffffffffffffff)

// `oro_response.cause`: woken without a cause; waking so is always allowed.
#define ORO_CAUSE_NONE UINT32_C(0)

// `oro_response.cause`: at least one condition holds.
#define ORO_CAUSE_CONDITION UINT32_C(1)

// `oro_response.cause`: the deadline has passed.
#define ORO_CAUSE_DEADLINE UINT32_C(2)

// `oro_request.last_words_kind`: there are none.
#define ORO_LAST_WORDS_NONE UINT32_C(0)

// `oro_request.last_words_kind`: a panic's message; the instance ends as panicked.
#define ORO_LAST_WORDS_PANIC UINT32_C(1)

// `oro_request.last_words_kind`: a remark for the end report.
#define ORO_LAST_WORDS_REMARK UINT32_C(2)

// Conditions that one request may name.
#define ORO_CONDITION_COUNT UINT32_C(128)

// Bytes of last words.
#define ORO_LAST_WORDS_SIZE UINT32_C(1016)

// Note type of `oro_module_note`; exactly one in an image.
#define ORO_NOTE_MODULE UINT32_C(1)

// Note type of `oro_entry_note`.
#define ORO_NOTE_ENTRY UINT32_C(2)

// Note type of `oro_port_note`, followed by the layout text.
#define ORO_NOTE_PORT UINT32_C(3)

// Note type of `oro_param_note`, followed by the default value's and the help's text.
#define ORO_NOTE_PARAM UINT32_C(4)

// `oro_entry_note.flags`: the thread is managed (`MAN-1`); else it is naive.
#define ORO_ENTRY_MANAGED UINT32_C(1)

// `oro_entry_note.flags`: the entry's return value is the thread's status; else the status is 0.
#define ORO_ENTRY_RETURNS_STATUS UINT32_C(2)

// `oro_port_note.flags`: the port may stay unwired.
#define ORO_NOTE_PORT_OPTIONAL UINT32_C(1)

// `oro_param_note.kind`: any UTF-8 text.
#define ORO_PARAM_TEXT UINT32_C(1)

// `oro_param_note.kind`: a decimal integer from 0 to 2^64-1.
#define ORO_PARAM_UNSIGNED UINT32_C(2)

// `oro_param_note.kind`: a decimal integer from -2^63 to 2^63-1.
#define ORO_PARAM_SIGNED UINT32_C(3)

// `oro_param_note.kind`: `true` or `false`.
#define ORO_PARAM_BOOLEAN UINT32_C(4)

// `oro_param_note.flags`: there is no default; the system must give a value.
#define ORO_PARAM_REQUIRED UINT32_C(1)

// `oro_bytes_head.flags`: the stream ends after this message's data.
#define ORO_BYTES_END UINT32_C(1)

// `oro_param.flags`: the last message; its key may be empty.
#define ORO_PARAMS_END UINT32_C(1)

// `oro_log.level`: something failed.
#define ORO_LOG_ERROR UINT32_C(1)

// `oro_log.level`: something is odd.
#define ORO_LOG_WARN UINT32_C(2)

// `oro_log.level`: what a user wants to know.
#define ORO_LOG_INFO UINT32_C(3)

// `oro_log.level`: what an author wants to know.
#define ORO_LOG_DEBUG UINT32_C(4)

// Most bytes of an image that `ORO_CONTROL_LOAD` takes (`CTL-5`).
#define ORO_MAX_LOADED_IMAGE_BYTES UINT32_C(0x1000000)

// `oro_control_request.operation`: make a child Ring of `ring`, with `name` and quotas (`CTL-4`).
#define ORO_CONTROL_CREATE UINT32_C(1)

// `oro_control_request.operation`: remount `from`, or the built-in instance `module`, onto `ring` (`CTL-4`).
#define ORO_CONTROL_REMOUNT UINT32_C(2)

// `oro_control_request.operation`: take an image from the holder's memory (`CTL-5`).
#define ORO_CONTROL_LOAD UINT32_C(3)

// `oro_control_request.operation`: make an instance (`CTL-6`).
#define ORO_CONTROL_MOUNT UINT32_C(4)

// `oro_control_request.operation`: give `from` the parameter `name` with the value `text` (`CTL-6`).
#define ORO_CONTROL_PARAM UINT32_C(5)

// `oro_control_request.operation`: make a Port (`CTL-6`, `CTL-8`).
#define ORO_CONTROL_WIRE UINT32_C(6)

// `oro_control_request.operation`: start `from`, or all that is mounted in `ring` (`CTL-7`).
#define ORO_CONTROL_START UINT32_C(7)

// `oro_control_request.operation`: end `from`, or all of `ring` (`CTL-9`).
#define ORO_CONTROL_END UINT32_C(8)

// `oro_control_request.operation`: replace `from` by itself, new (`CTL-9`).
#define ORO_CONTROL_RESTART UINT32_C(9)

// `oro_control_request.operation`: replace `from` by `image` or `module` (`CTL-9`).
#define ORO_CONTROL_REPLACE UINT32_C(10)

// `oro_control_request.operation`: forget `from`, or `ring`, which have ended (`CTL-10`).
#define ORO_CONTROL_FORGET UINT32_C(11)

// `oro_control_request.operation`: force `port` synchronous (`CTL-11`).
#define ORO_CONTROL_FORCE UINT32_C(12)

// `oro_control_request.operation`: take that back (`CTL-11`).
#define ORO_CONTROL_ALLOW UINT32_C(13)

// `oro_control_request.operation`: take `port` from both ends (`CTL-11`).
#define ORO_CONTROL_REVOKE UINT32_C(14)

// `oro_control_request.operation`: give `from`'s end of `port` to its port `to_port` (`CTL-11`).
#define ORO_CONTROL_TRANSFER UINT32_C(15)

// `oro_control_request.operation`: say what `ring` has and may have (`CTL-12`).
#define ORO_CONTROL_DESCRIBE UINT32_C(16)

// `oro_control_reply.code`: it is done.
#define ORO_CONTROL_DONE UINT32_C(0)

// `oro_control_reply.code`: no such operation, or a field that is not what the operation wants.
#define ORO_CONTROL_BAD_REQUEST UINT32_C(1)

// `oro_control_reply.code`: an id that is nothing in the holder's tables.
#define ORO_CONTROL_UNKNOWN UINT32_C(2)

// `oro_control_reply.code`: the holder sees it and has no power over it (`CTL-3`), or lacks a grant.
#define ORO_CONTROL_DENIED UINT32_C(3)

// `oro_control_reply.code`: a name that is none, or is taken.
#define ORO_CONTROL_NAME UINT32_C(4)

// `oro_control_reply.code`: no image that can run here.
#define ORO_CONTROL_IMAGE UINT32_C(5)

// `oro_control_reply.code`: no such port, element or parameter, or of the other direction.
#define ORO_CONTROL_PORT UINT32_C(6)

// `oro_control_reply.code`: types or slot sizes that do not fit.
#define ORO_CONTROL_TYPE UINT32_C(7)

// `oro_control_reply.code`: wired already, and not over.
#define ORO_CONTROL_BUSY UINT32_C(8)

// `oro_control_reply.code`: a quota or a limit.
#define ORO_CONTROL_QUOTA UINT32_C(9)

// `oro_control_reply.code`: not in the state that the operation needs.
#define ORO_CONTROL_STATE UINT32_C(10)

// `oro_control_reply.code`: this kernel cannot.
#define ORO_CONTROL_UNSUPPORTED UINT32_C(11)

// `oro_control_reply.code`: the machine has failed: out of memory, say.
#define ORO_CONTROL_SYSTEM UINT32_C(12)

// `oro_control_request.restart`: never restarted.
#define ORO_CONTROL_RESTART_NEVER UINT32_C(0)

// `oro_control_request.restart`: after a fault.
#define ORO_CONTROL_RESTART_FAULT UINT32_C(1)

// `oro_control_request.restart`: after every end but one on purpose.
#define ORO_CONTROL_RESTART_ALWAYS UINT32_C(2)

// The page that a thread starts from (`ENTRY-1`, `META-1`).
//
// One for each thread, page-aligned. Writer: the kernel, before the thread starts and never again.
// Readers: the instance's threads, with plain loads of any field; they cannot write. Addresses are
// virtual addresses of the instance, below `ORO_ADDRESS_END`; 0 stands for "not
// offered by this kernel", and only where a field says so.
struct oro_root {
    // `ORO_ROOT_MAGIC`.
    uint64_t magic;
    // `ORO_ABI_MAJOR` of the kernel; equal to the module's (`VER-1`).
    uint32_t abi_major;
    // `ORO_ABI_MINOR` of the kernel (`VER-2`).
    uint32_t abi_minor;
    // Size of this structure in bytes as the kernel knows it, at least 256; check it before newer
    // fields (`META-2`).
    uint32_t size_bytes;
    // ELF machine number: `ORO_MACHINE_X86_64` or `ORO_MACHINE_AARCH64`.
    uint32_t machine;
    // Page size in bytes: 4096, 16384 or 65536.
    uint32_t page_size_bytes;
    // CPUs that the instance's threads may run on, at least 1. A hint for spinning.
    uint32_t cpu_count;
    // Ring-local id of the instance: index in the lower half, generation in the upper.
    uint64_t instance_id;
    // Ring-local id of this thread, built likewise.
    uint64_t thread_id;
    // Index of the entry point that this thread runs, as in its ENTRY note; 0 without notes.
    uint32_t entry_index;
    // `ORO_ROOT_COUNTER_GRANTED` or 0; ignore bits that you do not know.
    uint32_t flags;
    // Hardware capabilities, as Linux' auxiliary vector states them in AT_HWCAP and AT_HWCAP2; 0
    // where the kernel does not know.
    uint64_t hardware_capabilities[2];
    // Bytes that the full vector state needs when saved; 0 where the kernel does not know.
    uint32_t vector_state_bytes;
    // Distance between two bindings in bytes: at least 128, a multiple of 128.
    uint32_t binding_stride_bytes;
    // Address of this thread's first `oro_binding`, 128-byte aligned; 0 where
    // `binding_count` is.
    uint64_t bindings;
    // Count of bindings: one more than the highest port index that the module declares, at most
    // `ORO_MAX_ENDPOINTS_PER_THREAD`.
    uint32_t binding_count;
    // Zero.
    uint32_t reserved0;
    // Address of this instance's `oro_ring`.
    uint64_t ring;
    // Address of the first of two consecutive gate pages (`GATE-1`).
    uint64_t gates;
    // Address of this thread's `oro_request` page, the only kernel page it may write.
    uint64_t request;
    // Address of this thread's `oro_response` page.
    uint64_t response;
    // A store to this address ends the thread with `oro_request.exit_status` (`END-2`). Aligned for a
    // store of any width; what is stored does not matter.
    uint64_t exit_thread;
    // A store to this address ends the instance with `oro_request.exit_status` (`END-3`). Likewise.
    uint64_t exit_instance;
    // First address of the heap, page-aligned, zeroed; shared by the instance's threads.
    uint64_t heap_start;
    // First address after the heap, page-aligned; equal to `heap_start` if there is none.
    uint64_t heap_end;
    // Lowest address of this thread's stack, page-aligned; the page below it is never mapped.
    uint64_t stack_start;
    // First address after this thread's stack, page-aligned.
    uint64_t stack_end;
    // Frequency in Hz of the granted counter (x86_64 `rdtsc`, AArch64 `cntvct_el0`); 0: none granted.
    uint64_t counter_frequency_hz;
    // Counter value at the system's start; meaningless where the frequency is 0.
    uint64_t counter_zero;
    // Zero.
    uint64_t reserved1[8];
};

// The block that the thread pointer (x86_64: FS base, AArch64: TPIDR_EL0) points to (`ENTRY-4`).
//
// Writer: the kernel, before the thread starts and never again. Readers: the thread, and code that
// compilers generate, with plain loads.
struct oro_thread_block {
    // The block's own address, as the x86_64 TLS ABI wants it at offset 0.
    uint64_t self_address;
    // Address of the thread's `oro_root`.
    uint64_t root;
    // Zero.
    uint64_t reserved0[3];
    // Random stack-protector canary, at the offset that compilers load it from (`%fs:0x28`);
    // its lowest byte is zero.
    uint64_t canary;
    // Zero.
    uint64_t reserved1[2];
};

// One declared port of the module, as its thread sees it (`BIND-1`).
//
// The binding of the port with index `k` in the PORT notes is at
// `oro_root.bindings + k * Root::binding_stride_bytes`. The first cache line is all that a transfer
// reads. Writer: the kernel. Reader: the thread; it cannot write.
//
// The address of slot `n` is `window + (n & mask) * stride_bytes` in both modes (`BIND-2`).
// `window`, `stride_bytes`, `mask`, `own_cursor`, `peer_cursor` and `mode` change only while the
// owning thread is inside a fault of its own, so plain loads suffice (a compiler barrier between
// slots included). `state` and `epoch` may change at any time, stored with release: load them with
// acquire, then reread the peer's cursor (`BIND-3`). The other fields do not change while the port is
// wired.
struct ORO_ALIGNED(128) oro_binding {
    // Address of the live window, aligned for the message type; 0 where `state` is unwired or
    // foreign. Changes inside own faults only.
    uint64_t window;
    // Distance between two slots of the live window, in bytes; at least `slot_size_bytes`. Changes
    // inside own faults only.
    uint32_t stride_bytes;
    // Synchronous: cell count - 1, so 1. Asynchronous: slot count - 1. Changes inside own faults only.
    uint32_t mask;
    // Address of the thread's own cursor, a u64: messages committed or released. The thread stores
    // it with release, its peer and the kernel load it with acquire. Synchronous: the commit word
    // (`MAN-5`). 0 in a naive thread, and without a window. Changes inside own faults only.
    uint64_t own_cursor;
    // Address of the peer's cursor, a u64, read-only. The peer or the kernel stores it with release;
    // load it with acquire. The value is an allegation to be validated (`PORT-8`). 0 without a
    // window. Changes inside own faults only.
    uint64_t peer_cursor;
    // `ORO_MODE_SYNCHRONOUS` or `ORO_MODE_ASYNCHRONOUS`. For people and tests; a transfer need not read
    // it. Changes inside own faults only.
    uint32_t mode;
    // `STATE_*` of the peer. Atomic: the kernel stores the peer's last cursor first, then this, with
    // release; load with acquire, then reread the cursor. Take an unknown value for revoked.
    uint32_t state;
    // Size of a slot in bytes, 1 to `ORO_MAX_SLOT_SIZE`; 0 where the port was
    // never wired.
    uint32_t slot_size_bytes;
    // Count of slots of the queue, a power of two, 1 to `ORO_MAX_SLOT_COUNT`; in
    // synchronous mode too. 0 where the port was never wired.
    uint32_t slot_count;
    // The cursor value at which this endpoint starts: 0, or where its predecessor stopped (`END-7`).
    uint64_t first;
    // How many peers this endpoint has had before its present one (`END-7`). Atomic: stored with
    // release, load with acquire.
    uint32_t epoch;
    // `ORO_DIRECTION_PRODUCER` or `ORO_DIRECTION_CONSUMER`; never changes.
    uint32_t direction;
    // Ring-local id of the Port; 0 where it is not wired.
    uint64_t port_id;
    // Id of the message type (`TYPE-3`), see `type_id`.
    uint64_t type_id;
    // Index of the declared port in the PORT notes.
    uint32_t port_index;
    // Element of a port array, 0 for a plain port.
    uint32_t element;
    // Index of the Port's entry in `oro_ring.ports`; meaningless where `port_id` is 0.
    uint32_t table_index;
    // `ORO_BINDING_MANAGED`, `ORO_BINDING_FORCED_SYNCHRONOUS`; ignore bits that you do not know.
    uint32_t flags;
    // Zero.
    uint64_t reserved[4];
};

// An array of equally sized entries (`META-4`).
//
// Writer: the kernel. Readers: the Ring's instances, with plain loads of what never changes and of
// `count` under `read_consistent`.
struct oro_table {
    // Address of the first entry; 0 where `capacity` is. Never changes.
    uint64_t entries;
    // Distance between two entries in bytes, a multiple of 8; at least the size of the entry that the
    // reader knows. Never changes.
    uint32_t stride_bytes;
    // Entries in use, at most `capacity`. Structural: changes under the Ring's generation, upwards.
    uint32_t count;
    // Entries that there is room for. Never changes.
    uint32_t capacity;
    // Zero.
    uint32_t reserved0;
    // Zero.
    uint64_t reserved1;
};

// A Ring, as its own instances see it (`META-3`).
//
// Writer: the kernel. Readers: the Ring's instances, which share it and cannot write. `generation`
// is odd while the kernel changes structural fields of the Ring or of its tables' entries; read those
// with `read_consistent`. Fields marked atomic are independent of it: the
// kernel stores them with relaxed unless they say otherwise, load them with relaxed at least.
struct oro_ring {
    // `ORO_RING_MAGIC`.
    uint64_t magic;
    // Size of this structure in bytes as the kernel knows it, at least 256 (`META-2`).
    uint32_t size_bytes;
    // Zero.
    uint32_t reserved0;
    // Count of structural changes, times two; odd while one is being written. Atomic: made odd, then
    // a release fence; made even with release. Load with acquire (`META-7`).
    uint64_t generation;
    // The Ring's id in the tables that the reader has. Never changes.
    uint64_t id;
    // Name, UTF-8, padded with zeros.
    uint8_t name[32];
    // `oro_instance` entries.
    struct oro_table instances;
    // `oro_ring` entries, one for each child Ring, with tables of their own (`RING-2`).
    struct oro_table children;
    // `oro_port` entries.
    struct oro_table ports;
    // Zero.
    uint64_t reserved1[12];
};

// A module instance of a Ring (`META-5`). Writer: the kernel. Readers: the Ring's instances, with
// `read_consistent`, but for the fields marked atomic.
struct oro_instance {
    // Ring-local id: index in the lower half, generation in the upper. 0: a built-in instance.
    uint64_t id;
    // `INSTANCE_*`. Atomic: stored with release after `status` and `reason`, load with acquire before
    // them.
    uint32_t state;
    // Threads that have not ended. Atomic.
    uint32_t thread_count;
    // Status, valid once `state` says that it ended (`END-4`). Atomic.
    uint64_t status;
    // `REASON_*`, valid likewise. Atomic.
    uint32_t reason;
    // How often it was restarted. Atomic.
    uint32_t restarts;
    // Name, UTF-8, padded with zeros.
    uint8_t name[32];
    // Name of its module, UTF-8, padded with zeros; of a built-in instance all zero.
    uint8_t module[32];
    // Zero.
    uint64_t reserved[4];
};

// One end of a Port, in the Port's table entry (`META-6`).
//
// Writer: the kernel. Readers: the Ring's instances, with `read_consistent`,
// but for the fields marked atomic. For an end outside the reader's subtree every field but `cursor`
// is zero.
struct oro_end {
    // Ring-local id of the owner; 0: a built-in instance, or an end that the reader may not see.
    uint64_t instance_id;
    // Ring-local id of the owning thread; 0 likewise.
    uint64_t thread_id;
    // Address of the window of the cells in the owner's address space; 0 for a built-in's end.
    uint64_t synchronous_window;
    // Address that the window of the queue has, or would have, there; 0 where the end can never be
    // asynchronous.
    uint64_t asynchronous_window;
    // Messages committed (producer) or released (consumer). Atomic; in asynchronous mode as of
    // the kernel's last look.
    uint64_t cursor;
    // `MODE_*`. Atomic.
    uint32_t mode;
    // Index of the declared port in the owner's PORT notes; 0 for a built-in's end.
    uint32_t port_index;
    // Operations in a row that would let this end qualify for the asynchronous mode. Atomic.
    uint32_t streak;
    // Why the mode is what it is, `MODE_REASON_*`; 0: no reason is given. Atomic.
    uint32_t mode_reason;
    // Faults that the kernel has served at this end. Atomic.
    uint64_t fault_count;
};

// A Port, in the Ring's Port table (`META-6`). Writer: the kernel. Readers: the Ring's instances, with
// `read_consistent`, but for the fields marked atomic.
struct oro_port {
    // Ring-local id: index in the lower half, generation in the upper.
    uint64_t id;
    // Id of the message type (`TYPE-3`).
    uint64_t type_id;
    // Size of a slot in bytes, 1 to `ORO_MAX_SLOT_SIZE`.
    uint32_t slot_size_bytes;
    // Count of slots, a power of two, 1 to `ORO_MAX_SLOT_COUNT`.
    uint32_t slot_count;
    // `ORO_PORT_FORCED_SYNCHRONOUS` or 0, as an operator may change it while the system runs; ignore bits
    // that you do not know. Atomic.
    uint32_t flags;
    // `ORO_PORT_OPEN`, `ORO_PORT_PRODUCER_ENDED`, `ORO_PORT_CONSUMER_ENDED` or `ORO_PORT_ENDED`. Atomic:
    // stored with release after the cursors, load with acquire before them.
    uint32_t state;
    // The producing end.
    struct oro_end producer;
    // The consuming end.
    struct oro_end consumer;
    // Streak that an end needs to qualify; 0 where this kernel has no asynchronous mode. Atomic.
    uint32_t threshold;
    // Times the Port became asynchronous. Atomic.
    uint32_t upgrade_count;
    // Times the Port became synchronous again. Atomic.
    uint32_t downgrade_count;
    // Times an upgrade was wanted by one end only. Atomic.
    uint32_t refusal_count;
    // Doorbells rung: stores to a cursor that found it protected, since its peer slept. Atomic.
    uint64_t doorbell_count;
    // Id of the Ring that the producing end's owner is in, as the reader's tables have it; 0: a built-in
    // instance, or an end that the reader may not see.
    uint64_t producer_ring;
    // Likewise of the consuming end's owner.
    uint64_t consumer_ring;
    // Zero.
    uint64_t reserved[7];
};

// One thing to wait for (`GATE-3`), part of `oro_request`: the thread writes, the kernel reads.
struct oro_condition {
    // `WAIT_*` or `ORO_WAKE_WORD`; another value makes the request a violation.
    uint32_t kind;
    // A binding's index or a word's value, as the kind says.
    uint32_t index;
    // A cursor, a generation, a state or an address, as the kind says.
    uint64_t value;
};

// A thread's request page (`GATE-2`, `END-2`, `END-8`), zero at the start.
//
// Writer: the thread, with plain stores, for the touch of a gate orders them. Reader: the kernel, each
// field once, into a copy, when the thread touches a gate or has ended; what it reads are allegations.
struct oro_request {
    // Zero.
    uint64_t reserved0;
    // Zero; no flag is defined.
    uint32_t flags;
    // Conditions in use, from the first on, at most `ORO_CONDITION_COUNT`.
    uint32_t count;
    // Nanoseconds from the touch of the gate, or `ORO_NO_DEADLINE`.
    uint64_t deadline_ns;
    // Status of the thread or the instance, any value, read when an exit gate is touched; a return
    // stores it (`END-1`).
    uint64_t exit_status;
    // Zero.
    uint64_t reserved1[4];
    // The conditions; those from `count` on are not read.
    struct oro_condition conditions[ORO_CONDITION_COUNT];
    // Zero.
    uint64_t reserved2[120];
    // Bytes of last words in use, at most `ORO_LAST_WORDS_SIZE`; more counts as that many.
    uint32_t last_words_length;
    // `ORO_LAST_WORDS_NONE`, `ORO_LAST_WORDS_PANIC` or `ORO_LAST_WORDS_REMARK`; another value counts as a
    // remark. Store it last.
    uint32_t last_words_kind;
    // UTF-8 text; what is not is shown escaped.
    uint8_t last_words[ORO_LAST_WORDS_SIZE];
};

// A thread's response page (`GATE-4`). Writer: the kernel, only while the thread is inside a gate.
// Reader: the thread, with loads that the compiler does not move across the touch; it cannot write.
struct oro_response {
    // Which of the two gate pages is armed: 0 or 1.
    uint32_t armed;
    // `ORO_CAUSE_NONE`, `ORO_CAUSE_CONDITION` or `ORO_CAUSE_DEADLINE`: of the last return.
    uint32_t cause;
    // Bit `i % 64` of word `i / 64` says that condition `i` held at the last return.
    uint64_t ready[2];
    // Nanoseconds since the system's start, at the last return.
    uint64_t now_ns;
    // Zero.
    uint64_t reserved[4];
};

// Descriptor of the MODULE note (`NOTE-2`).
struct oro_module_note {
    // Size of this descriptor in bytes: 48.
    uint32_t size_bytes;
    // ABI major version that the module was built for (`VER-1`).
    uint32_t abi_major;
    // Least ABI minor version that it needs (`VER-2`).
    uint32_t abi_minor;
    // Zero; no flag is defined.
    uint32_t flags;
    // Name, UTF-8, padded with zeros, not empty.
    uint8_t name[32];
};

// Descriptor of an ENTRY note (`NOTE-3`).
struct oro_entry_note {
    // Size of this descriptor in bytes: 64.
    uint32_t size_bytes;
    // Index of the entry point; the indices of an image are 0, 1, 2 and so on, at most
    // `ORO_MAX_ENTRIES` of them.
    uint32_t index;
    // `ORO_ENTRY_MANAGED`, `ORO_ENTRY_RETURNS_STATUS`; other bits are refused.
    uint32_t flags;
    // Stack size in bytes, at most `ORO_MAX_STACK_SIZE`; 0:
    // `ORO_DEFAULT_STACK_SIZE`.
    uint32_t stack_size_bytes;
    // Address of the entry point less the address of this field, since an absolute one would
    // need a relocation inside the note.
    int32_t address_offset;
    // Zero.
    uint32_t reserved[3];
    // Name, UTF-8, padded with zeros, not empty.
    uint8_t name[32];
};

// Descriptor of a PORT note (`NOTE-4`), followed by the layout text of the message type, ended by
// a zero and padded with zeros to a multiple of 4 bytes.
struct oro_port_note {
    // Size of this descriptor with the text and its padding, in bytes.
    uint32_t size_bytes;
    // Index of the port in its module. An array of `max` elements takes `max` indices from here.
    uint32_t index;
    // Index of the entry point whose thread owns the port; it has an ENTRY note.
    uint32_t entry;
    // `ORO_DIRECTION_PRODUCER` or `ORO_DIRECTION_CONSUMER`.
    uint32_t direction;
    // Size of the message type in bytes; for a type with a flexible tail, of the part before it.
    uint32_t slot_size_bytes;
    // Alignment of the message type in bytes, a power of two.
    uint32_t slot_align_bytes;
    // Elements, at least 1: 1 for a plain port.
    uint32_t max;
    // `ORO_NOTE_PORT_OPTIONAL` or 0; other bits are refused.
    uint32_t flags;
    // Name, UTF-8, padded with zeros, not empty.
    uint8_t name[32];
};

// Descriptor of a PARAM note (`NOTE-5`), followed by the text of the default value and the text of
// the help, each ended by a zero, padded with zeros to a multiple of 4 bytes.
struct oro_param_note {
    // Size of this descriptor with the texts and their padding, in bytes.
    uint32_t size_bytes;
    // `ORO_PARAM_TEXT`, `ORO_PARAM_UNSIGNED`, `ORO_PARAM_SIGNED` or `ORO_PARAM_BOOLEAN`.
    uint32_t kind;
    // `ORO_PARAM_REQUIRED` or 0; other bits are refused.
    uint32_t flags;
    // Index of the port of type `oro.params.v1` through which the value comes.
    uint32_t port;
    // Name, UTF-8, padded with zeros, not empty.
    uint8_t name[32];
};

// The fixed part of `oro.bytes.v1`, a stream of bytes (`TYPE-10`). The data follow it and fill the slot.
struct oro_bytes_head {
    // Data bytes in this message: at most slot size - 8; an allegation of the producer.
    uint32_t length;
    // `ORO_BYTES_END` or 0; ignore bits that you do not know.
    uint32_t flags;
};

// `oro.params.v1`: one parameter (`TYPE-11`). The key's bytes come first in `text`, then the value's.
struct oro_param {
    // Bytes of the key, 1 to 31; 0 only in the last message.
    uint16_t key_length;
    // Bytes of the value; key and value together have at most 248.
    uint16_t value_length;
    // `ORO_PARAMS_END` or 0; ignore bits that you do not know.
    uint32_t flags;
    // Key, then value, UTF-8, then zeros.
    uint8_t text[248];
};

// `oro.log.v1`: one line of a log (`TYPE-12`).
struct oro_log {
    // Bytes of `text` in use, at most 248.
    uint32_t length;
    // `ORO_LOG_ERROR` to `ORO_LOG_DEBUG`; another value counts as `ORO_LOG_INFO`.
    uint32_t level;
    // UTF-8 without a line end, then zeros.
    uint8_t text[248];
};

// `oro.time.v1`: the time at which the kernel filled the slot (`TYPE-13`).
struct oro_time {
    // Nanoseconds since the system's start; never goes back.
    uint64_t monotonic_ns;
    // Nanoseconds since 1970-01-01 00:00 UTC, as the host believes.
    uint64_t realtime_ns;
};

// `oro.ring.v1`: what is wanted of Ring control. Fields that the operation does not name are zero.
// Texts are UTF-8, padded with zeros.
struct oro_control_request {
    // The holder's own number, which the reply repeats.
    uint64_t correlation;
    // `ORO_CONTROL_CREATE` and so on.
    uint32_t operation;
    // Zero.
    uint32_t flags;
    // A Ring's id in the holder's tables.
    uint64_t ring;
    // An instance's id: the one that is meant, or a Port's producer. 0: a built-in one.
    uint64_t from;
    // Id of a Port's consumer. 0: a built-in one.
    uint64_t to;
    // A Port's id.
    uint64_t port;
    // Id of an image, from the reply to `ORO_CONTROL_LOAD`; 0: `module` says it.
    uint64_t image;
    // Address of an image in the holder's memory.
    uint64_t address;
    // Its size in bytes.
    uint64_t size_bytes;
    // Bytes of heap of a new instance.
    uint64_t heap_bytes;
    // Quota in bytes of a new Ring or instance; 0: none of its own.
    uint64_t memory_bytes;
    // Quota of Ports of a new Ring; 0: none of its own.
    uint32_t port_count;
    // Quota of threads of a new Ring; 0: none of its own.
    uint32_t thread_count;
    // Slots of a new Port, a power of two; 0: 16.
    uint32_t slot_count;
    // Bytes of its slots, for types with a flexible tail; 0: as the ports' notes say.
    uint32_t slot_size_bytes;
    // Element of the producer's port array; else 0.
    uint32_t from_element;
    // Element of the consumer's port array; else 0.
    uint32_t to_element;
    // `ORO_CONTROL_RESTART_NEVER` and so on.
    uint32_t restart;
    // Restarts in a row (`SYS-10`).
    uint32_t restart_max;
    // How long a row lasts, in nanoseconds.
    uint64_t restart_within_ns;
    // Delay of a row's first restart, in nanoseconds.
    uint64_t restart_backoff_ns;
    // Name of what is made, or of a parameter.
    uint8_t name[32];
    // Name of a granted module, or of a built-in instance to be remounted.
    uint8_t module[32];
    // Name of the producer's port.
    uint8_t from_port[32];
    // Name of the consumer's port.
    uint8_t to_port[32];
    // Bytes of `text` in use, at most 192.
    uint32_t text_length;
    // Zero.
    uint32_t reserved0;
    // A parameter's value.
    uint8_t text[192];
    // Zero.
    uint64_t reserved1[6];
};

// `oro.ring.reply.v1`: what came of a request.
struct oro_control_reply {
    // The request's.
    uint64_t correlation;
    // The request's.
    uint32_t operation;
    // `ORO_CONTROL_DONE`, or why not.
    uint32_t code;
    // What was made: a Ring, instance, Port or image; else 0.
    uint64_t id;
    // `ORO_CONTROL_DESCRIBE`: bytes of memory that are taken, the descendants' included.
    uint64_t memory_bytes;
    // `ORO_CONTROL_DESCRIBE`: bytes that there may be; 0: no limit of its own.
    uint64_t memory_limit_bytes;
    // `ORO_CONTROL_DESCRIBE`: Ports.
    uint32_t port_count;
    // `ORO_CONTROL_DESCRIBE`: Ports that there may be; 0: no limit of its own.
    uint32_t port_limit;
    // `ORO_CONTROL_DESCRIBE`: threads.
    uint32_t thread_count;
    // `ORO_CONTROL_DESCRIBE`: threads that there may be; 0: no limit of its own.
    uint32_t thread_limit;
    // Bytes of `text` in use, at most 192.
    uint32_t text_length;
    // Zero.
    uint32_t reserved0;
    // A sentence, if `code` is not `ORO_CONTROL_DONE`; UTF-8, cut where it is too long.
    uint8_t text[192];
};

// The owner field of every Oro note: `"Oro"` and a terminating zero.
#define ORO_NOTE_OWNER "Oro"

// Layout text of `oro_bytes_head` and its flexible tail.
#define ORO_BYTES_LAYOUT "oro.bytes.v1{length:u32,flags:u32,data:u8[],}"

// Layout text of `oro_param`.
#define ORO_PARAMS_LAYOUT "oro.params.v1{key_length:u16,value_length:u16,flags:u32,text:u8[248],}"

// Layout text of `oro_log`.
#define ORO_LOG_LAYOUT "oro.log.v1{length:u32,level:u32,text:u8[248],}"

// Layout text of `oro_time`.
#define ORO_TIME_LAYOUT "oro.time.v1{monotonic_ns:u64,realtime_ns:u64,}"

// Layout text of `oro_control_request`.
#define ORO_CONTROL_LAYOUT "oro.ring.v1{correlation:u64,operation:u32,flags:u32,ring:u64,from:u64,to:u64,port:u64,image:u64,address:u64,size_bytes:u64,heap_bytes:u64,memory_bytes:u64,port_count:u32,thread_count:u32,slot_count:u32,slot_size_bytes:u32,from_element:u32,to_element:u32,restart:u32,restart_max:u32,restart_within_ns:u64,restart_backoff_ns:u64,name:u8[32],module:u8[32],from_port:u8[32],to_port:u8[32],text_length:u32,reserved0:u32,text:u8[192],reserved1:u64[6],}"

// Layout text of `oro_control_reply`.
#define ORO_CONTROL_REPLY_LAYOUT "oro.ring.reply.v1{correlation:u64,operation:u32,code:u32,id:u64,memory_bytes:u64,memory_limit_bytes:u64,port_count:u32,port_limit:u32,thread_count:u32,thread_limit:u32,text_length:u32,reserved0:u32,text:u8[192],}"

/* Sizes, alignments and offsets, as Rust has them. */
#ifdef __cplusplus
#define ORO_ALIGNOF(type) alignof(type)
#else
#define ORO_ALIGNOF(type) _Alignof(type)
#endif
ORO_STATIC_ASSERT(sizeof(struct oro_root) == 256, "oro_root size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_root) == 8, "oro_root alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_root, magic) == 0, "oro_root.magic");
ORO_STATIC_ASSERT(offsetof(struct oro_root, abi_major) == 8, "oro_root.abi_major");
ORO_STATIC_ASSERT(offsetof(struct oro_root, abi_minor) == 12, "oro_root.abi_minor");
ORO_STATIC_ASSERT(offsetof(struct oro_root, size_bytes) == 16, "oro_root.size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_root, machine) == 20, "oro_root.machine");
ORO_STATIC_ASSERT(offsetof(struct oro_root, page_size_bytes) == 24, "oro_root.page_size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_root, cpu_count) == 28, "oro_root.cpu_count");
ORO_STATIC_ASSERT(offsetof(struct oro_root, instance_id) == 32, "oro_root.instance_id");
ORO_STATIC_ASSERT(offsetof(struct oro_root, thread_id) == 40, "oro_root.thread_id");
ORO_STATIC_ASSERT(offsetof(struct oro_root, entry_index) == 48, "oro_root.entry_index");
ORO_STATIC_ASSERT(offsetof(struct oro_root, flags) == 52, "oro_root.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_root, hardware_capabilities) == 56, "oro_root.hardware_capabilities");
ORO_STATIC_ASSERT(offsetof(struct oro_root, vector_state_bytes) == 72, "oro_root.vector_state_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_root, binding_stride_bytes) == 76, "oro_root.binding_stride_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_root, bindings) == 80, "oro_root.bindings");
ORO_STATIC_ASSERT(offsetof(struct oro_root, binding_count) == 88, "oro_root.binding_count");
ORO_STATIC_ASSERT(offsetof(struct oro_root, reserved0) == 92, "oro_root.reserved0");
ORO_STATIC_ASSERT(offsetof(struct oro_root, ring) == 96, "oro_root.ring");
ORO_STATIC_ASSERT(offsetof(struct oro_root, gates) == 104, "oro_root.gates");
ORO_STATIC_ASSERT(offsetof(struct oro_root, request) == 112, "oro_root.request");
ORO_STATIC_ASSERT(offsetof(struct oro_root, response) == 120, "oro_root.response");
ORO_STATIC_ASSERT(offsetof(struct oro_root, exit_thread) == 128, "oro_root.exit_thread");
ORO_STATIC_ASSERT(offsetof(struct oro_root, exit_instance) == 136, "oro_root.exit_instance");
ORO_STATIC_ASSERT(offsetof(struct oro_root, heap_start) == 144, "oro_root.heap_start");
ORO_STATIC_ASSERT(offsetof(struct oro_root, heap_end) == 152, "oro_root.heap_end");
ORO_STATIC_ASSERT(offsetof(struct oro_root, stack_start) == 160, "oro_root.stack_start");
ORO_STATIC_ASSERT(offsetof(struct oro_root, stack_end) == 168, "oro_root.stack_end");
ORO_STATIC_ASSERT(offsetof(struct oro_root, counter_frequency_hz) == 176, "oro_root.counter_frequency_hz");
ORO_STATIC_ASSERT(offsetof(struct oro_root, counter_zero) == 184, "oro_root.counter_zero");
ORO_STATIC_ASSERT(offsetof(struct oro_root, reserved1) == 192, "oro_root.reserved1");
ORO_STATIC_ASSERT(sizeof(struct oro_thread_block) == 64, "oro_thread_block size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_thread_block) == 8, "oro_thread_block alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_thread_block, self_address) == 0, "oro_thread_block.self_address");
ORO_STATIC_ASSERT(offsetof(struct oro_thread_block, root) == 8, "oro_thread_block.root");
ORO_STATIC_ASSERT(offsetof(struct oro_thread_block, reserved0) == 16, "oro_thread_block.reserved0");
ORO_STATIC_ASSERT(offsetof(struct oro_thread_block, canary) == 40, "oro_thread_block.canary");
ORO_STATIC_ASSERT(offsetof(struct oro_thread_block, reserved1) == 48, "oro_thread_block.reserved1");
ORO_STATIC_ASSERT(sizeof(struct oro_binding) == 128, "oro_binding size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_binding) == 128, "oro_binding alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, window) == 0, "oro_binding.window");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, stride_bytes) == 8, "oro_binding.stride_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, mask) == 12, "oro_binding.mask");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, own_cursor) == 16, "oro_binding.own_cursor");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, peer_cursor) == 24, "oro_binding.peer_cursor");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, mode) == 32, "oro_binding.mode");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, state) == 36, "oro_binding.state");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, slot_size_bytes) == 40, "oro_binding.slot_size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, slot_count) == 44, "oro_binding.slot_count");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, first) == 48, "oro_binding.first");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, epoch) == 56, "oro_binding.epoch");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, direction) == 60, "oro_binding.direction");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, port_id) == 64, "oro_binding.port_id");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, type_id) == 72, "oro_binding.type_id");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, port_index) == 80, "oro_binding.port_index");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, element) == 84, "oro_binding.element");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, table_index) == 88, "oro_binding.table_index");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, flags) == 92, "oro_binding.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_binding, reserved) == 96, "oro_binding.reserved");
ORO_STATIC_ASSERT(sizeof(struct oro_table) == 32, "oro_table size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_table) == 8, "oro_table alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_table, entries) == 0, "oro_table.entries");
ORO_STATIC_ASSERT(offsetof(struct oro_table, stride_bytes) == 8, "oro_table.stride_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_table, count) == 12, "oro_table.count");
ORO_STATIC_ASSERT(offsetof(struct oro_table, capacity) == 16, "oro_table.capacity");
ORO_STATIC_ASSERT(offsetof(struct oro_table, reserved0) == 20, "oro_table.reserved0");
ORO_STATIC_ASSERT(offsetof(struct oro_table, reserved1) == 24, "oro_table.reserved1");
ORO_STATIC_ASSERT(sizeof(struct oro_ring) == 256, "oro_ring size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_ring) == 8, "oro_ring alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, magic) == 0, "oro_ring.magic");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, size_bytes) == 8, "oro_ring.size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, reserved0) == 12, "oro_ring.reserved0");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, generation) == 16, "oro_ring.generation");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, id) == 24, "oro_ring.id");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, name) == 32, "oro_ring.name");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, instances) == 64, "oro_ring.instances");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, children) == 96, "oro_ring.children");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, ports) == 128, "oro_ring.ports");
ORO_STATIC_ASSERT(offsetof(struct oro_ring, reserved1) == 160, "oro_ring.reserved1");
ORO_STATIC_ASSERT(sizeof(struct oro_instance) == 128, "oro_instance size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_instance) == 8, "oro_instance alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, id) == 0, "oro_instance.id");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, state) == 8, "oro_instance.state");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, thread_count) == 12, "oro_instance.thread_count");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, status) == 16, "oro_instance.status");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, reason) == 24, "oro_instance.reason");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, restarts) == 28, "oro_instance.restarts");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, name) == 32, "oro_instance.name");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, module) == 64, "oro_instance.module");
ORO_STATIC_ASSERT(offsetof(struct oro_instance, reserved) == 96, "oro_instance.reserved");
ORO_STATIC_ASSERT(sizeof(struct oro_end) == 64, "oro_end size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_end) == 8, "oro_end alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_end, instance_id) == 0, "oro_end.instance_id");
ORO_STATIC_ASSERT(offsetof(struct oro_end, thread_id) == 8, "oro_end.thread_id");
ORO_STATIC_ASSERT(offsetof(struct oro_end, synchronous_window) == 16, "oro_end.synchronous_window");
ORO_STATIC_ASSERT(offsetof(struct oro_end, asynchronous_window) == 24, "oro_end.asynchronous_window");
ORO_STATIC_ASSERT(offsetof(struct oro_end, cursor) == 32, "oro_end.cursor");
ORO_STATIC_ASSERT(offsetof(struct oro_end, mode) == 40, "oro_end.mode");
ORO_STATIC_ASSERT(offsetof(struct oro_end, port_index) == 44, "oro_end.port_index");
ORO_STATIC_ASSERT(offsetof(struct oro_end, streak) == 48, "oro_end.streak");
ORO_STATIC_ASSERT(offsetof(struct oro_end, mode_reason) == 52, "oro_end.mode_reason");
ORO_STATIC_ASSERT(offsetof(struct oro_end, fault_count) == 56, "oro_end.fault_count");
ORO_STATIC_ASSERT(sizeof(struct oro_port) == 256, "oro_port size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_port) == 8, "oro_port alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_port, id) == 0, "oro_port.id");
ORO_STATIC_ASSERT(offsetof(struct oro_port, type_id) == 8, "oro_port.type_id");
ORO_STATIC_ASSERT(offsetof(struct oro_port, slot_size_bytes) == 16, "oro_port.slot_size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_port, slot_count) == 20, "oro_port.slot_count");
ORO_STATIC_ASSERT(offsetof(struct oro_port, flags) == 24, "oro_port.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_port, state) == 28, "oro_port.state");
ORO_STATIC_ASSERT(offsetof(struct oro_port, producer) == 32, "oro_port.producer");
ORO_STATIC_ASSERT(offsetof(struct oro_port, consumer) == 96, "oro_port.consumer");
ORO_STATIC_ASSERT(offsetof(struct oro_port, threshold) == 160, "oro_port.threshold");
ORO_STATIC_ASSERT(offsetof(struct oro_port, upgrade_count) == 164, "oro_port.upgrade_count");
ORO_STATIC_ASSERT(offsetof(struct oro_port, downgrade_count) == 168, "oro_port.downgrade_count");
ORO_STATIC_ASSERT(offsetof(struct oro_port, refusal_count) == 172, "oro_port.refusal_count");
ORO_STATIC_ASSERT(offsetof(struct oro_port, doorbell_count) == 176, "oro_port.doorbell_count");
ORO_STATIC_ASSERT(offsetof(struct oro_port, producer_ring) == 184, "oro_port.producer_ring");
ORO_STATIC_ASSERT(offsetof(struct oro_port, consumer_ring) == 192, "oro_port.consumer_ring");
ORO_STATIC_ASSERT(offsetof(struct oro_port, reserved) == 200, "oro_port.reserved");
ORO_STATIC_ASSERT(sizeof(struct oro_condition) == 16, "oro_condition size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_condition) == 8, "oro_condition alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_condition, kind) == 0, "oro_condition.kind");
ORO_STATIC_ASSERT(offsetof(struct oro_condition, index) == 4, "oro_condition.index");
ORO_STATIC_ASSERT(offsetof(struct oro_condition, value) == 8, "oro_condition.value");
ORO_STATIC_ASSERT(sizeof(struct oro_request) == 4096, "oro_request size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_request) == 8, "oro_request alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_request, reserved0) == 0, "oro_request.reserved0");
ORO_STATIC_ASSERT(offsetof(struct oro_request, flags) == 8, "oro_request.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_request, count) == 12, "oro_request.count");
ORO_STATIC_ASSERT(offsetof(struct oro_request, deadline_ns) == 16, "oro_request.deadline_ns");
ORO_STATIC_ASSERT(offsetof(struct oro_request, exit_status) == 24, "oro_request.exit_status");
ORO_STATIC_ASSERT(offsetof(struct oro_request, reserved1) == 32, "oro_request.reserved1");
ORO_STATIC_ASSERT(offsetof(struct oro_request, conditions) == 64, "oro_request.conditions");
ORO_STATIC_ASSERT(offsetof(struct oro_request, reserved2) == 2112, "oro_request.reserved2");
ORO_STATIC_ASSERT(offsetof(struct oro_request, last_words_length) == 3072, "oro_request.last_words_length");
ORO_STATIC_ASSERT(offsetof(struct oro_request, last_words_kind) == 3076, "oro_request.last_words_kind");
ORO_STATIC_ASSERT(offsetof(struct oro_request, last_words) == 3080, "oro_request.last_words");
ORO_STATIC_ASSERT(sizeof(struct oro_response) == 64, "oro_response size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_response) == 8, "oro_response alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_response, armed) == 0, "oro_response.armed");
ORO_STATIC_ASSERT(offsetof(struct oro_response, cause) == 4, "oro_response.cause");
ORO_STATIC_ASSERT(offsetof(struct oro_response, ready) == 8, "oro_response.ready");
ORO_STATIC_ASSERT(offsetof(struct oro_response, now_ns) == 24, "oro_response.now_ns");
ORO_STATIC_ASSERT(offsetof(struct oro_response, reserved) == 32, "oro_response.reserved");
ORO_STATIC_ASSERT(sizeof(struct oro_module_note) == 48, "oro_module_note size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_module_note) == 4, "oro_module_note alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_module_note, size_bytes) == 0, "oro_module_note.size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_module_note, abi_major) == 4, "oro_module_note.abi_major");
ORO_STATIC_ASSERT(offsetof(struct oro_module_note, abi_minor) == 8, "oro_module_note.abi_minor");
ORO_STATIC_ASSERT(offsetof(struct oro_module_note, flags) == 12, "oro_module_note.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_module_note, name) == 16, "oro_module_note.name");
ORO_STATIC_ASSERT(sizeof(struct oro_entry_note) == 64, "oro_entry_note size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_entry_note) == 4, "oro_entry_note alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_entry_note, size_bytes) == 0, "oro_entry_note.size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_entry_note, index) == 4, "oro_entry_note.index");
ORO_STATIC_ASSERT(offsetof(struct oro_entry_note, flags) == 8, "oro_entry_note.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_entry_note, stack_size_bytes) == 12, "oro_entry_note.stack_size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_entry_note, address_offset) == 16, "oro_entry_note.address_offset");
ORO_STATIC_ASSERT(offsetof(struct oro_entry_note, reserved) == 20, "oro_entry_note.reserved");
ORO_STATIC_ASSERT(offsetof(struct oro_entry_note, name) == 32, "oro_entry_note.name");
ORO_STATIC_ASSERT(sizeof(struct oro_port_note) == 64, "oro_port_note size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_port_note) == 4, "oro_port_note alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, size_bytes) == 0, "oro_port_note.size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, index) == 4, "oro_port_note.index");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, entry) == 8, "oro_port_note.entry");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, direction) == 12, "oro_port_note.direction");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, slot_size_bytes) == 16, "oro_port_note.slot_size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, slot_align_bytes) == 20, "oro_port_note.slot_align_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, max) == 24, "oro_port_note.max");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, flags) == 28, "oro_port_note.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_port_note, name) == 32, "oro_port_note.name");
ORO_STATIC_ASSERT(sizeof(struct oro_param_note) == 48, "oro_param_note size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_param_note) == 4, "oro_param_note alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_param_note, size_bytes) == 0, "oro_param_note.size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_param_note, kind) == 4, "oro_param_note.kind");
ORO_STATIC_ASSERT(offsetof(struct oro_param_note, flags) == 8, "oro_param_note.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_param_note, port) == 12, "oro_param_note.port");
ORO_STATIC_ASSERT(offsetof(struct oro_param_note, name) == 16, "oro_param_note.name");
ORO_STATIC_ASSERT(sizeof(struct oro_bytes_head) == 8, "oro_bytes_head size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_bytes_head) == 4, "oro_bytes_head alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_bytes_head, length) == 0, "oro_bytes_head.length");
ORO_STATIC_ASSERT(offsetof(struct oro_bytes_head, flags) == 4, "oro_bytes_head.flags");
ORO_STATIC_ASSERT(sizeof(struct oro_param) == 256, "oro_param size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_param) == 4, "oro_param alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_param, key_length) == 0, "oro_param.key_length");
ORO_STATIC_ASSERT(offsetof(struct oro_param, value_length) == 2, "oro_param.value_length");
ORO_STATIC_ASSERT(offsetof(struct oro_param, flags) == 4, "oro_param.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_param, text) == 8, "oro_param.text");
ORO_STATIC_ASSERT(sizeof(struct oro_log) == 256, "oro_log size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_log) == 4, "oro_log alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_log, length) == 0, "oro_log.length");
ORO_STATIC_ASSERT(offsetof(struct oro_log, level) == 4, "oro_log.level");
ORO_STATIC_ASSERT(offsetof(struct oro_log, text) == 8, "oro_log.text");
ORO_STATIC_ASSERT(sizeof(struct oro_time) == 16, "oro_time size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_time) == 8, "oro_time alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_time, monotonic_ns) == 0, "oro_time.monotonic_ns");
ORO_STATIC_ASSERT(offsetof(struct oro_time, realtime_ns) == 8, "oro_time.realtime_ns");
ORO_STATIC_ASSERT(sizeof(struct oro_control_request) == 512, "oro_control_request size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_control_request) == 8, "oro_control_request alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, correlation) == 0, "oro_control_request.correlation");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, operation) == 8, "oro_control_request.operation");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, flags) == 12, "oro_control_request.flags");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, ring) == 16, "oro_control_request.ring");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, from) == 24, "oro_control_request.from");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, to) == 32, "oro_control_request.to");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, port) == 40, "oro_control_request.port");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, image) == 48, "oro_control_request.image");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, address) == 56, "oro_control_request.address");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, size_bytes) == 64, "oro_control_request.size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, heap_bytes) == 72, "oro_control_request.heap_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, memory_bytes) == 80, "oro_control_request.memory_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, port_count) == 88, "oro_control_request.port_count");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, thread_count) == 92, "oro_control_request.thread_count");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, slot_count) == 96, "oro_control_request.slot_count");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, slot_size_bytes) == 100, "oro_control_request.slot_size_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, from_element) == 104, "oro_control_request.from_element");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, to_element) == 108, "oro_control_request.to_element");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, restart) == 112, "oro_control_request.restart");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, restart_max) == 116, "oro_control_request.restart_max");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, restart_within_ns) == 120, "oro_control_request.restart_within_ns");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, restart_backoff_ns) == 128, "oro_control_request.restart_backoff_ns");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, name) == 136, "oro_control_request.name");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, module) == 168, "oro_control_request.module");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, from_port) == 200, "oro_control_request.from_port");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, to_port) == 232, "oro_control_request.to_port");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, text_length) == 264, "oro_control_request.text_length");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, reserved0) == 268, "oro_control_request.reserved0");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, text) == 272, "oro_control_request.text");
ORO_STATIC_ASSERT(offsetof(struct oro_control_request, reserved1) == 464, "oro_control_request.reserved1");
ORO_STATIC_ASSERT(sizeof(struct oro_control_reply) == 256, "oro_control_reply size");
ORO_STATIC_ASSERT(ORO_ALIGNOF(struct oro_control_reply) == 8, "oro_control_reply alignment");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, correlation) == 0, "oro_control_reply.correlation");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, operation) == 8, "oro_control_reply.operation");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, code) == 12, "oro_control_reply.code");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, id) == 16, "oro_control_reply.id");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, memory_bytes) == 24, "oro_control_reply.memory_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, memory_limit_bytes) == 32, "oro_control_reply.memory_limit_bytes");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, port_count) == 40, "oro_control_reply.port_count");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, port_limit) == 44, "oro_control_reply.port_limit");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, thread_count) == 48, "oro_control_reply.thread_count");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, thread_limit) == 52, "oro_control_reply.thread_limit");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, text_length) == 56, "oro_control_reply.text_length");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, reserved0) == 60, "oro_control_reply.reserved0");
ORO_STATIC_ASSERT(offsetof(struct oro_control_reply, text) == 64, "oro_control_reply.text");

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ORO_SYSABI_H */
