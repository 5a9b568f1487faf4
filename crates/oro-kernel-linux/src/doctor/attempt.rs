//! The calls that the probes try: each makes one thing happen and says how it went.
//!
//! What cannot be undone (a filter, a fixed mapping, another program) happens in a forked child,
//! [`run_in_child`]. It does *not* judge: that is the business of the probes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

const PAGE_BYTES: usize = 4096;
/// Twice a huge page, so that one lies within it whole.
const WINDOW_BYTES: usize = 4 << 20;

const UFFD_USER_MODE_ONLY: i32 = 1;
/// `_IOWR(0xAA, 0x3f, struct uffdio_api)`.
const UFFDIO_API: libc::c_ulong = 0xc018_aa3f;
/// `_IOWR(0xAA, 0x00, struct uffdio_register)`.
const UFFDIO_REGISTER: libc::c_ulong = 0xc020_aa00;
const UFFD_API: u64 = 0xaa;
const REGISTER_MISSING_WP_MINOR: u64 = 1 | 2 | 4;

/// Bits of `uffdio_api.features` that the kernel relies on.
pub(super) const REQUIRED_FEATURES: [(u64, &str); 7] = [
    (1 << 0, "PAGEFAULT_FLAG_WP"),
    (1 << 5, "MISSING_SHMEM"),
    (1 << 8, "THREAD_ID"),
    (1 << 10, "MINOR_SHMEM"),
    (1 << 11, "EXACT_ADDRESS"),
    (1 << 12, "WP_HUGETLBFS_SHMEM"),
    (1 << 13, "WP_UNPOPULATED"),
];

/// Makes a memory object.
pub(super) fn create_memfd(flags: libc::c_uint) -> io::Result<File> {
    // SAFETY: the name is a terminated string; nothing else is passed.
    let descriptor = unsafe { libc::memfd_create(c"oro-doctor".as_ptr(), flags) };
    Ok(File::from(own_descriptor(descriptor.into())?))
}

/// Makes a memory object that may be executed; kernels before 6.3 know no flag for it.
pub(super) fn create_executable_memfd() -> io::Result<File> {
    match create_memfd(libc::MFD_CLOEXEC | libc::MFD_EXEC) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => create_memfd(libc::MFD_CLOEXEC),
        result => result,
    }
}

/// Executes a program that ends with `status` from a memory object, in a child.
pub(super) fn execute_memfd(status: u8) -> io::Result<ExitStatus> {
    let mut file = create_executable_memfd()?;
    file.write_all(&build_tiny_program(status))?;
    let descriptor = file.as_raw_fd();
    let arguments = [c"oro-doctor".as_ptr(), std::ptr::null()];
    let environment: [*const libc::c_char; 1] = [std::ptr::null()];
    let body = || {
        // SAFETY: the path is a terminated string; both lists end with null and outlive the call.
        unsafe {
            libc::execveat(
                descriptor,
                c"".as_ptr(),
                arguments.as_ptr().cast(),
                environment.as_ptr().cast(),
                libc::AT_EMPTY_PATH,
            )
        };
        last_errno()
    };
    // SAFETY: `body` makes one system call and reads errno.
    unsafe { run_in_child(body) }
}

/// Filters a child so that every call kills it, then makes a call.
pub(super) fn break_filter() -> io::Result<ExitStatus> {
    let kill_all = [libc::sock_filter {
        code: 0x06, // BPF_RET | BPF_K
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_KILL_PROCESS,
    }];
    let body = || {
        if let Err(error) = install_filter(&kill_all) {
            return error;
        }
        // SAFETY: takes nothing and changes nothing.
        unsafe { libc::syscall(libc::SYS_getppid) };
        0
    };
    // SAFETY: `body` makes system calls only; the filter lives in this frame.
    unsafe { run_in_child(body) }
}

/// Installs a filter for the calling thread for good; the error is an errno.
pub(super) fn install_filter(filter: &[libc::sock_filter]) -> Result<(), i32> {
    let length = libc::c_ushort::try_from(filter.len()).map_err(|_| libc::EINVAL)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    // SAFETY: takes plain numbers.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(last_errno());
    }
    // SAFETY: `program` points to `len` instructions, which the kernel reads and never writes.
    let result =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Maps a page at `address`, which is free, in a child.
pub(super) fn map_low_page(address: u64) -> io::Result<ExitStatus> {
    let hint = address as *mut libc::c_void;
    let body = || {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        // SAFETY: NOREPLACE takes no mapping away, and the page is never accessed.
        let result = unsafe { libc::mmap(hint, PAGE_BYTES, libc::PROT_READ, flags, -1, 0) };
        if result == hint { 0 } else { last_errno() }
    };
    // SAFETY: `body` makes one system call and reads errno.
    unsafe { run_in_child(body) }
}

/// Blocks of a memory object before and after one of its pages is given back.
pub(super) fn count_blocks_around_punch() -> io::Result<(u64, u64)> {
    let file = create_memfd(libc::MFD_CLOEXEC)?;
    let window = Window::map(&file)?;
    // SAFETY: the mapping is writable, of WINDOW_BYTES, and this thread's own.
    unsafe { window.0.cast::<u8>().write_volatile(1) };
    let before = file.metadata()?.blocks();
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // SAFETY: takes plain numbers; what it discards is this function's own.
    if unsafe { libc::fallocate(file.as_raw_fd(), mode, 0, 4096) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((before, file.metadata()?.blocks()))
}

/// Makes a userfaultfd as an unprivileged user may.
pub(super) fn open_userfaultfd() -> io::Result<OwnedFd> {
    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY;
    // SAFETY: takes plain numbers.
    own_descriptor(unsafe { libc::syscall(libc::SYS_userfaultfd, flags) })
}

/// The features that a fresh userfaultfd offers; it can be used from then on.
pub(super) fn ask_features(userfaultfd: &OwnedFd) -> io::Result<u64> {
    let mut api = [UFFD_API, 0, 0];
    // SAFETY: the request reads and writes three u64, which `api` is.
    let result = unsafe { libc::ioctl(userfaultfd.as_raw_fd(), UFFDIO_API, api.as_mut_ptr()) };
    if result == 0 { Ok(api[1]) } else { Err(io::Error::last_os_error()) }
}

/// Registers a window of a memory object for all three kinds of fault.
pub(super) fn register_window() -> io::Result<()> {
    let file = create_memfd(libc::MFD_CLOEXEC)?;
    let window = Window::map(&file)?;
    let wanted = REQUIRED_FEATURES.iter().fold(0, |bits, (bit, _)| bits | bit);
    let userfaultfd = open_userfaultfd()?;
    let mut api = [UFFD_API, wanted, 0];
    // SAFETY: the request reads and writes three u64, which `api` is.
    if unsafe { libc::ioctl(userfaultfd.as_raw_fd(), UFFDIO_API, api.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut range = [window.0 as u64, WINDOW_BYTES as u64, REGISTER_MISSING_WP_MINOR, 0];
    // SAFETY: the request reads and writes four u64; the range is a mapping that nobody touches
    // before `userfaultfd` is closed, which is before `window` goes.
    let result =
        unsafe { libc::ioctl(userfaultfd.as_raw_fd(), UFFDIO_REGISTER, range.as_mut_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes a range of descriptors that holds none.
pub(super) fn close_empty_range() -> io::Result<()> {
    // SAFETY: it begins at the largest number, which no descriptor has: nothing is closed.
    let result = unsafe { libc::syscall(libc::SYS_close_range, u32::MAX, u32::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ends an idle child through a pidfd.
pub(super) fn kill_by_pidfd() -> io::Result<()> {
    let child = Child::fork_idle()?;
    // SAFETY: takes plain numbers; the child has not been reaped, so the id is its own.
    let pidfd = own_descriptor(unsafe { libc::syscall(libc::SYS_pidfd_open, child.0, 0) })?;
    let no_information = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the pidfd is open; no information means that the kernel fills it in.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            libc::SIGKILL,
            no_information,
            0,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes an idle child under ptrace, as supervisors do.
pub(super) fn seize_child() -> io::Result<()> {
    let child = Child::fork_idle()?;
    let no_address = std::ptr::null_mut::<libc::c_void>();
    let options = libc::PTRACE_O_EXITKILL as *mut libc::c_void;
    // SAFETY: SEIZE takes a child's id, a null address and option bits; it accesses no memory.
    let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, child.0, no_address, options) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The soft limit of a resource.
pub(super) fn read_limit(resource: libc::__rlimit_resource_t) -> io::Result<u64> {
    crate::limits::read_limit(resource).map(|limit| limit.rlim_cur)
}

/// A shared mapping of a memory object.
struct Window(*mut libc::c_void);

impl Window {
    fn map(file: &File) -> io::Result<Self> {
        file.set_len(WINDOW_BYTES as u64)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let none = std::ptr::null_mut();
        let descriptor = file.as_raw_fd();
        // SAFETY: a new mapping at an address of the system's choice touches no other.
        let address =
            unsafe { libc::mmap(none, WINDOW_BYTES, protection, libc::MAP_SHARED, descriptor, 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(address))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own and nobody keeps its address.
        unsafe { libc::munmap(self.0, WINDOW_BYTES) };
    }
}

/// A child that does nothing until it is killed, at the latest when this is dropped.
struct Child(libc::pid_t);

impl Child {
    fn fork_idle() -> io::Result<Self> {
        // SAFETY: the child only waits for its death, in system calls.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(io::Error::last_os_error()),
            0 => loop {
                // SAFETY: takes nothing.
                unsafe { libc::pause() };
            },
            _ => Ok(Self(pid)),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: the child has not been reaped, so the id is its own.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        // It has been killed, so this ends, and there is nobody to tell of an error.
        let _ = wait_for(self.0);
    }
}

/// Runs `body` in a forked child, which ends with its result as status, and waits for it.
///
/// # Safety
///
/// `body` makes system calls only: no allocation, no lock, no return by unwinding.
unsafe fn run_in_child(body: impl FnOnce() -> i32) -> io::Result<ExitStatus> {
    // SAFETY: the child does nothing but what the caller vouches for, and calls that are
    // async-signal-safe.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: `none` is a valid structure; a death by design leaves no core file.
            unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
            let status = body();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(status) }
        }
        _ => wait_for(pid),
    }
}

fn wait_for(pid: libc::pid_t) -> io::Result<ExitStatus> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a word that the call fills; the child is this process's own.
        if unsafe { libc::waitpid(pid, &raw mut status, 0) } == pid {
            return Ok(ExitStatus::from_raw(status));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn own_descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(result) {
        // SAFETY: a call that makes descriptors has just given this one, and nobody else has it.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The calling thread's errno, without allocating.
fn last_errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// A static x86_64 ELF file of one segment that ends with `status`.
fn build_tiny_program(status: u8) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const CODE_OFFSET: u64 = 64 + 56;
    // mov edi, status; mov eax, 60 (exit); syscall
    let code = [0xbf, status, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let put = |file: &mut Vec<u8>, value: u64, size: usize| {
        file.extend_from_slice(&value.to_le_bytes()[..size]);
    };
    // e_type, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize,
    // e_phnum, e_shentsize, e_shnum, e_shstrndx
    let header = [2, 62, 1, BASE + CODE_OFFSET, 64, 0, 0, 64, 56, 1, 0, 0, 0];
    for (value, size) in header.into_iter().zip([2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2]) {
        put(&mut file, value, size);
    }
    // p_type PT_LOAD, p_flags read and execute, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz,
    // p_align
    let size = CODE_OFFSET + code.len() as u64;
    let segment = [1, 5, 0, BASE, BASE, size, size, 0x1000];
    for (value, size) in segment.into_iter().zip([4, 4, 8, 8, 8, 8, 8, 8]) {
        put(&mut file, value, size);
    }
    file.extend(code);
    file
}
