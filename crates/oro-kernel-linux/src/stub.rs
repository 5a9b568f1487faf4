//! The few instructions that run in a sealed process before its module does, and the ELF file that
//! carries them.
//!
//! The stub is an interpreter of [`Call`]s: the supervisor writes down every system call that builds
//! the process's address space, the stub makes them one after the other and checks each result. The
//! trampoline then unmaps the stub, installs the seccomp filter, and stops at the start gate; after
//! that the process can make no system call. Code for return addresses is in the same page.
//!
//! Key items: [`Call`], [`list_calls`], [`build_stub`], [`code_page`]. Nothing here runs in the supervisor.

use crate::addresses::{CODE, EXIT_THREAD_GATE, REQUEST, START_GATE};
use crate::memory::PAGE;

/// Where the stub's ELF file lies: above everything that a plan maps.
pub(crate) const STUB: u64 = 0x7f_8000_0000;
const STUB_DATA: u64 = STUB + PAGE;
/// First address after what a process of this architecture can have mapped.
const USER_END: u64 = 0x7fff_ffff_f000;

// Offsets in the stub's data.
const SOCKET_WORD: usize = 0;
const FAILURE: usize = 8;
const MESSAGE: usize = 0x40;
const VECTOR: usize = 0x80;
const CONTROL: usize = 0x90;
const BUFFER: usize = 0xb0;
const XSAVE_AREA: usize = 0x100;
const FINAL_STACK: usize = 0x380;
const FINAL_ROOT: usize = 0x388;
const FINAL_FILTER: usize = 0x390;
const FINAL_SIZE: usize = 0x398;
const CALLS: usize = 0x400;
const CALL_SIZE: usize = 80;
/// Number field of the record that ends the list.
const END_OF_CALLS: u64 = u64::MAX;

// Offsets in the code page.
const RETURN_OFFSET: u64 = 0x400;
const FILTER_KILL: u64 = 0x800;
const FILTER_TRAP: u64 = 0x840;
/// Address that an entry point returns to (`END-1`).
pub(crate) const RETURN_ADDRESS: u64 = CODE + RETURN_OFFSET;
/// Offset from the Root page's start of the word that holds the entry point's address.
pub(crate) const ENTRY_WORD: u64 = 0xf80;

core::arch::global_asm!(
    ".pushsection .rodata.oro_stub,\"a\",@progbits",
    ".balign 16",
    ".globl oro_stub_begin, oro_stub_end, oro_trampoline_begin, oro_trampoline_end",
    ".globl oro_return_begin, oro_return_end",
    "oro_stub_begin:",
    "movabs rbx, {data}",
    "lea r12, [rbx + {calls}]",
    "xor r13d, r13d",
    "2:",
    "mov rax, [r12]",
    "cmp rax, -1",
    "je 5f",
    "mov rdi, [r12 + 8]",
    "mov rsi, [r12 + 16]",
    "mov rdx, [r12 + 24]",
    "mov r10, [r12 + 32]",
    "mov r8, [r12 + 40]",
    "mov r9, [r12 + 48]",
    "syscall",
    "cmp qword ptr [r12 + 56], 0",
    "jne 3f",
    "cmp rax, -4096", // check 0: any result that is no error
    "ja 4f",
    "jmp 6f",
    "3: cmp rax, [r12 + 64]", // check 1: exactly this result
    "jne 4f",
    "6: mov rcx, [r12 + 72]", // where to keep the result, if anywhere
    "test rcx, rcx",
    "jz 7f",
    "mov [rcx], eax",
    "7: add r12, {call_size}",
    "inc r13",
    "jmp 2b",
    "4:", // tell the supervisor which call failed and how, then end
    "mov [rbx + {failure}], r13",
    "mov [rbx + {failure} + 8], rax",
    "mov eax, 1",
    "mov rdi, [rbx + {socket}]",
    "lea rsi, [rbx + {failure}]",
    "mov edx, 16",
    "syscall",
    "mov eax, 231",
    "mov edi, 1",
    "syscall",
    "ud2",
    "5:", // all vector and floating-point state back to its reset values (ENTRY-2)
    "lea rcx, [rbx + {xsave}]",
    "mov eax, -1",
    "mov edx, -1",
    "xrstor64 [rcx]",
    "mov rsp, [rbx + {stack}]",
    "mov r8, [rbx + {root}]",
    "mov r10, [rbx + {filter}]",
    "mov r13, [rbx + {size}]",
    "movabs r12, {stub}",
    "movabs r9, {start_gate}",
    "movabs rax, {code}",
    "jmp rax",
    "oro_stub_end:",
    // The trampoline: in the code page, which stays. r12, r13: the stub; r8: Root; r10: filter.
    "oro_trampoline_begin:",
    "mov eax, 11", // munmap
    "mov rdi, r12",
    "mov rsi, r13",
    "syscall",
    "test rax, rax",
    "jnz 8f",
    "mov eax, 317", // seccomp(SECCOMP_SET_MODE_FILTER)
    "mov edi, 1",
    "xor esi, esi",
    "mov rdx, r10",
    "syscall",
    "test rax, rax",
    "jnz 8f",
    "mov byte ptr [r9], 0", // the start gate: waits for the supervisor's check (KRN-7)
    "mov rdi, r8",
    "xor eax, eax",
    "xor ebx, ebx",
    "xor ecx, ecx",
    "xor edx, edx",
    "xor esi, esi",
    "xor ebp, ebp",
    "xor r8d, r8d",
    "xor r9d, r9d",
    "xor r10d, r10d",
    "xor r11d, r11d",
    "xor r12d, r12d",
    "xor r13d, r13d",
    "xor r14d, r14d",
    "xor r15d, r15d",
    "sahf", // the flags that the zeroing has set: from ah, which is zero
    "cld",
    "jmp qword ptr [rdi + {entry_word}]",
    "8: ud2",
    "oro_trampoline_end:",
    // Where an entry point returns to: leave the result, touch the exit gate (END-1).
    "oro_return_begin:",
    "movabs rcx, {exit_status}",
    "mov [rcx], rax",
    "movabs rcx, {exit_gate}",
    "9: mov byte ptr [rcx], 0",
    "jmp 9b",
    "oro_return_end:",
    ".popsection",
    data = const STUB_DATA,
    calls = const CALLS,
    call_size = const CALL_SIZE,
    failure = const FAILURE,
    socket = const SOCKET_WORD,
    xsave = const XSAVE_AREA,
    stack = const FINAL_STACK,
    root = const FINAL_ROOT,
    filter = const FINAL_FILTER,
    size = const FINAL_SIZE,
    stub = const STUB,
    start_gate = const START_GATE,
    code = const CODE,
    entry_word = const ENTRY_WORD,
    exit_status = const REQUEST + 24,
    exit_gate = const EXIT_THREAD_GATE,
);
const _: () = assert!(core::mem::offset_of!(oro_sysabi::Request, exit_status) == 24);

// SAFETY: these are the labels above; only their addresses are used.
unsafe extern "C" {
    static oro_stub_begin: u8;
    static oro_stub_end: u8;
    static oro_trampoline_begin: u8;
    static oro_trampoline_end: u8;
    static oro_return_begin: u8;
    static oro_return_end: u8;
}

/// The bytes between two labels.
fn code_between(begin: *const u8, end: *const u8) -> &'static [u8] {
    let size = end.addr() - begin.addr();
    // SAFETY: both labels are in one read-only section of this program, `begin` first, and nobody
    // writes there.
    unsafe { core::slice::from_raw_parts(begin, size) }
}

/// What a result of a [`Call`] must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// No error.
    Success,
    /// Exactly this.
    Exactly(u64),
}

/// A system call for the stub to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) number: i64,
    pub(crate) arguments: [u64; 6],
    pub(crate) expect: Expect,
    /// Address at which the stub keeps the low half of the result.
    keep_at: u64,
}

impl Call {
    /// A call that must succeed.
    pub(crate) fn new(name: &'static str, number: i64, arguments: [u64; 6]) -> Self {
        Self { name, number, arguments, expect: Expect::Success, keep_at: 0 }
    }

    /// A call with one right result.
    pub(crate) fn exactly(mut self, result: u64) -> Self {
        self.expect = Expect::Exactly(result);
        self
    }

    fn encode(&self) -> [u64; 10] {
        let [a, b, c, d, e, f] = self.arguments;
        let (check, result) = match self.expect {
            Expect::Success => (0, 0),
            Expect::Exactly(result) => (1, result),
        };
        [self.number.cast_unsigned(), a, b, c, d, e, f, check, result, self.keep_at]
    }
}

/// What the stub does once the mappings are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finish {
    /// Descriptor of the stub's end of the socket to the supervisor.
    pub(crate) socket: i32,
    /// Address of the Root page.
    pub(crate) root: u64,
    /// Initial stack pointer.
    pub(crate) stack_pointer: u64,
    /// Raise a signal that a tracer sees, instead of killing at once.
    pub(crate) is_traced: bool,
    /// Value for the thread pointer.
    pub(crate) thread_pointer: u64,
    /// The supervisor's process id.
    pub(crate) supervisor: i32,
}

/// All calls of a stub, in order; kept to explain a failure.
pub(crate) fn list_calls(mappings: impl Iterator<Item = Call>, finish: &Finish) -> Vec<Call> {
    let mut calls = Vec::new();
    push_guards(&mut calls, finish.supervisor);
    let unmap_above = calls.len();
    calls.push(Call::new("munmap(above)", libc::SYS_munmap, [0; 6]));
    calls.extend(mappings);
    calls.push(Call::new(
        "arch_prctl(ARCH_SET_FS)",
        libc::SYS_arch_prctl,
        [ARCH_SET_FS, finish.thread_pointer, 0, 0, 0, 0],
    ));
    push_userfaultfd(&mut calls, u64::from(finish.socket.cast_unsigned()));
    let end = STUB_DATA + data_size(calls.len());
    calls[unmap_above].arguments = [end, USER_END - end, 0, 0, 0, 0];
    calls
}

/// It dies with its supervisor, gains no rights, dumps no core, and keeps nothing that lies below.
fn push_guards(calls: &mut Vec<Call>, supervisor: i32) {
    let buffer = STUB_DATA + BUFFER as u64;
    let death_signal = u64::from(libc::SIGKILL.cast_unsigned());
    let set_death_signal = u64::from(libc::PR_SET_PDEATHSIG.cast_unsigned());
    let set_no_new_privileges = u64::from(libc::PR_SET_NO_NEW_PRIVS.cast_unsigned());
    let core_limit = u64::from(libc::RLIMIT_CORE);
    calls.extend([
        Call::new(
            "prctl(PR_SET_PDEATHSIG)",
            libc::SYS_prctl,
            [set_death_signal, death_signal, 0, 0, 0, 0],
        ),
        // The supervisor may have died before the call above.
        Call::new("getppid", libc::SYS_getppid, [0; 6])
            .exactly(u64::from(supervisor.cast_unsigned())),
        Call::new(
            "prctl(PR_SET_NO_NEW_PRIVS)",
            libc::SYS_prctl,
            [set_no_new_privileges, 1, 0, 0, 0, 0],
        ),
        Call::new("prlimit(RLIMIT_CORE)", libc::SYS_prlimit64, [0, core_limit, buffer, 0, 0, 0]),
        Call::new("munmap(below)", libc::SYS_munmap, [0, STUB, 0, 0, 0, 0]),
    ]);
}

/// Its userfaultfd goes to the supervisor and stays open here, as descriptor 0 and the only one:
/// while it is open, faults stay unserved when the supervisor dies, instead of being served with
/// zeros by Linux (`KRN-6`).
fn push_userfaultfd(calls: &mut Vec<Call>, socket: u64) {
    let buffer = STUB_DATA + BUFFER as u64;
    let close_on_exec = u64::from(libc::O_CLOEXEC.cast_unsigned());
    let flags = close_on_exec | u64::from(libc::O_NONBLOCK.cast_unsigned()) | USER_MODE_ONLY;
    let mut create = Call::new("userfaultfd", libc::SYS_userfaultfd, [flags, 0, 0, 0, 0, 0]);
    // The new descriptor's number becomes the first argument of the next call.
    create.keep_at = STUB_DATA + (CALLS + (calls.len() + 1) * CALL_SIZE + 8) as u64;
    calls.extend([
        create,
        Call::new("dup3(userfaultfd)", libc::SYS_dup3, [0, 0, close_on_exec, 0, 0, 0]).exactly(0),
        Call::new(
            "sendmsg(userfaultfd)",
            libc::SYS_sendmsg,
            [socket, STUB_DATA + MESSAGE as u64, 0, 0, 0, 0],
        )
        .exactly(1),
        // The supervisor registers what it serves, then says go.
        Call::new("read(go)", libc::SYS_read, [socket, buffer, 1, 0, 0, 0]).exactly(1),
        Call::new("close_range", libc::SYS_close_range, [1, u64::from(u32::MAX), 0, 0, 0, 0]),
    ]);
}

/// Whole pages of data for that many calls.
fn data_size(call_count: usize) -> u64 {
    ((CALLS + (call_count + 1) * CALL_SIZE) as u64).div_ceil(PAGE) * PAGE
}

/// The stub's ELF file.
pub(crate) fn build_stub(calls: &[Call], finish: &Finish) -> Vec<u8> {
    let code = code_between(&raw const oro_stub_begin, &raw const oro_stub_end);
    let size = data_size(calls.len());
    let mut file = Vec::new();
    push_elf_headers(&mut file, code.len() as u64, size);
    file.resize(page(1), 0);
    file.extend_from_slice(code);
    assert!(file.len() <= page(2), "kernel bug: the stub's code has outgrown its page");
    file.resize(page(2) + CALLS + (calls.len() + 1) * CALL_SIZE, 0);

    let data = &mut file[page(2)..];
    put(data, SOCKET_WORD, &[u64::from(finish.socket.cast_unsigned())]);
    // struct msghdr: one byte of data, one control message with one descriptor.
    let at = |offset: usize| STUB_DATA + offset as u64;
    put(data, MESSAGE, &[0, 0, at(VECTOR), 1, at(CONTROL), 24, 0]);
    put(data, VECTOR, &[at(BUFFER), 1]);
    put(data, CONTROL, &[20, SCM_RIGHTS_OF_SOL_SOCKET, 0]);
    // An XSAVE area with an empty XSTATE_BV gives the reset state; MXCSR is taken from it.
    data[XSAVE_AREA + 24..XSAVE_AREA + 28].copy_from_slice(&0x1f80_u32.to_le_bytes());
    let filter = CODE + if finish.is_traced { FILTER_TRAP } else { FILTER_KILL };
    put(data, FINAL_STACK, &[finish.stack_pointer, finish.root, filter, PAGE + size]);
    for (index, call) in calls.iter().enumerate() {
        put(data, CALLS + index * CALL_SIZE, &call.encode());
    }
    put(data, CALLS + calls.len() * CALL_SIZE, &[END_OF_CALLS]);
    file
}

const ARCH_SET_FS: u64 = 0x1002;
const USER_MODE_ONLY: u64 = 1;
/// `cmsg_level` and `cmsg_type` as one word.
const SCM_RIGHTS_OF_SOL_SOCKET: u64 = 1 | 1 << 32;

fn page(number: usize) -> usize {
    number * 4096
}

fn put(data: &mut [u8], offset: usize, words: &[u64]) {
    for (index, word) in words.iter().enumerate() {
        let at = offset + index * 8;
        data[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
}

/// An ELF header and three program headers: code, data, and a stack that is not executable.
fn push_elf_headers(file: &mut Vec<u8>, code_size: u64, data_size: u64) {
    file.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    // Type EXEC, machine x86_64, version 1.
    file.extend_from_slice(&[2, 0, 62, 0, 1, 0, 0, 0]);
    for word in [STUB, 64, 0] {
        file.extend_from_slice(&word.to_le_bytes()); // entry, program headers, section headers
    }
    // Flags; sizes and counts of headers.
    for half in [0_u16, 0, 64, 56, 3, 0, 0, 0] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    let (load, stack) = (1_u64, 0x6474_e551_u64);
    let (read_execute, read_write) = (5_u64 << 32, 6_u64 << 32);
    let segments = [
        [load | read_execute, PAGE, STUB, STUB, code_size, code_size, PAGE],
        [load | read_write, 2 * PAGE, STUB_DATA, STUB_DATA, data_size, data_size, PAGE],
        [stack | read_write, 0, 0, 0, 0, 0, 16],
    ];
    for word in segments.iter().flatten() {
        file.extend_from_slice(&word.to_le_bytes());
    }
}

/// The page of kernel-provided code that every sealed process has: trampoline, return address,
/// seccomp filters.
pub(crate) fn code_page() -> Vec<u8> {
    let trampoline = code_between(&raw const oro_trampoline_begin, &raw const oro_trampoline_end);
    let return_code = code_between(&raw const oro_return_begin, &raw const oro_return_end);
    let mut bytes = vec![0xcc; page(1)]; // int3 where there is nothing
    bytes[..trampoline.len()].copy_from_slice(trampoline);
    let at = page(0) + 0x400;
    bytes[at..at + return_code.len()].copy_from_slice(return_code);
    for (offset, action) in [(FILTER_KILL, 0x8000_0000_u64), (FILTER_TRAP, 0x0003_0000)] {
        // struct sock_fprog {1 instruction, its address}; BPF_RET | BPF_K with the action: it
        // answers every system call, by whatever entry it is made (KRN-8).
        let words = [1, CODE + offset + 16, 6 | action << 32];
        for (index, word) in words.iter().enumerate() {
            let at = 0x800 + usize::from(offset == FILTER_TRAP) * 0x40 + index * 8;
            bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_fits_where_it_is_put() {
        let trampoline =
            code_between(&raw const oro_trampoline_begin, &raw const oro_trampoline_end);
        assert!(trampoline.len() < 0x400);
        let code = code_page();
        assert_eq!(code.len(), 4096);
        assert_eq!(code[0x800], 1, "one instruction");
        assert_eq!(code[0x810..0x818], [6, 0, 0, 0, 0, 0, 0, 0x80]);
        assert_eq!(code[0x850..0x858], [6, 0, 0, 0, 0, 0, 3, 0]);
    }
}
