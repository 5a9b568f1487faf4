//! What this machine has of what the kernel needs, found by trying it.
//!
//! [`examine_machine`] gives a [`Probe`] for each thing, with the line that mends what is missing.
//! Nothing is concluded from version numbers: each probe makes the calls that the kernel makes, the
//! irreversible ones in a child. It does *not* look for compilers; those are the business of `oro`.

mod attempt;

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use attempt::REQUIRED_FEATURES;

/// How a probe came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Systems run, but something is poorer or tighter than it could be.
    Limited,
    /// No system can run.
    Missing,
}

/// The outcome of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Name, stable for tools.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
    /// The line that mends it; `None` if all is well.
    pub mend: Option<String>,
}

/// Tries everything that a run needs of this machine, in the order in which a run needs it.
///
/// # Examples
///
/// ```
/// for probe in oro_kernel_linux::examine_machine() {
///     assert_eq!(probe.mend.is_none(), probe.verdict == oro_kernel_linux::Verdict::Ok);
/// }
/// ```
#[must_use]
pub fn examine_machine() -> Vec<Probe> {
    vec![
        probe_architecture(),
        probe_kernel(),
        probe_memfd(),
        probe_memfd_execution(),
        probe_hole_punching(),
        probe_userfaultfd(),
        probe_userfaultfd_on_memfd(),
        probe_seccomp(),
        probe_pidfd(),
        probe_close_range(),
        probe_low_addresses(),
        probe_proc(),
        probe_ptrace(),
        probe_open_files(),
        probe_process_count(),
        probe_address_space(),
    ]
}

const FORK_MEND: &str = "ulimit -u 4096";

fn pass(name: &'static str, detail: impl Into<String>) -> Probe {
    Probe { name, verdict: Verdict::Ok, detail: detail.into(), mend: None }
}

fn lack(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Probe {
    Probe { name, verdict: Verdict::Missing, detail: detail.into(), mend: Some(mend.into()) }
}

fn limit(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Probe {
    Probe { name, verdict: Verdict::Limited, detail: detail.into(), mend: Some(mend.into()) }
}

fn probe_architecture() -> Probe {
    let found = std::env::consts::ARCH;
    if found == "x86_64" {
        return pass("architecture", found);
    }
    lack("architecture", found, "use an x86_64 machine: this kernel is not written for others yet")
}

fn probe_kernel() -> Probe {
    match fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(release) => pass("kernel", format!("Linux {}", release.trim())),
        Err(error) => limit(
            "kernel",
            format!("its release cannot be read: {error}"),
            "mount -t proc proc /proc",
        ),
    }
}

fn probe_memfd() -> Probe {
    match attempt::create_memfd(libc::MFD_CLOEXEC) {
        Ok(_) => pass("memfd", "memory objects can be made"),
        Err(error) => {
            lack("memfd", format!("memfd_create: {error}"), container_mend("memfd_create"))
        }
    }
}

fn probe_memfd_execution() -> Probe {
    const NAME: &str = "memfd-execution";
    const STATUS: u8 = 42;
    let mend = "sysctl -w vm.memfd_noexec=0";
    match attempt::execute_memfd(STATUS) {
        Ok(status) if status.code() == Some(STATUS.into()) => {
            pass(NAME, "a program in a memory object can be executed")
        }
        Ok(status) => lack(NAME, format!("execveat: {}", explain_status(status)), mend),
        Err(error) => lack(NAME, error.to_string(), mend),
    }
}

fn probe_hole_punching() -> Probe {
    const NAME: &str = "shmem";
    let mend = "echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled";
    let setting = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
        .ok()
        .and_then(|text| Some(text.split_once('[')?.1.split_once(']')?.0.to_owned()))
        .unwrap_or_else(|| "unknown".to_owned());
    match attempt::count_blocks_around_punch() {
        Ok((before, after)) if after < before => {
            pass(NAME, format!("single pages can be given back (shmem_enabled={setting})"))
        }
        Ok((before, after)) => lack(
            NAME,
            format!(
                "a page stays after it is given back: {before} blocks before, {after} after \
                 (shmem_enabled={setting})"
            ),
            mend,
        ),
        Err(error) => lack(NAME, format!("giving a page back: {error}"), mend),
    }
}

fn probe_userfaultfd() -> Probe {
    const NAME: &str = "userfaultfd";
    match attempt::open_userfaultfd().and_then(|file| attempt::ask_features(&file)) {
        Ok(features) => {
            let absent: Vec<&str> = REQUIRED_FEATURES
                .iter()
                .filter(|(bit, _)| features & bit == 0)
                .map(|(_, name)| *name)
                .collect();
            if absent.is_empty() {
                return pass(NAME, format!("page faults can be served, features {features:#x}"));
            }
            lack(
                NAME,
                format!("features {} are absent of {features:#x}", absent.join(", ")),
                "boot Linux 5.19 or newer for x86_64",
            )
        }
        Err(error) => {
            let mend = if error.raw_os_error() == Some(libc::ENOSYS) {
                "boot a kernel with CONFIG_USERFAULTFD=y".to_owned()
            } else {
                container_mend("userfaultfd")
            };
            lack(NAME, format!("userfaultfd(UFFD_USER_MODE_ONLY): {error}"), mend)
        }
    }
}

fn probe_userfaultfd_on_memfd() -> Probe {
    const NAME: &str = "userfaultfd-memfd";
    match attempt::register_window() {
        Ok(()) => pass(NAME, "missing, minor and write-protect faults together"),
        Err(error) => lack(
            NAME,
            format!("registering a window: {error}"),
            "boot Linux 5.19 or newer with CONFIG_PTE_MARKER_UFFD_WP=y",
        ),
    }
}

fn probe_seccomp() -> Probe {
    const NAME: &str = "seccomp";
    let mend = "boot a kernel with CONFIG_SECCOMP_FILTER=y";
    match attempt::break_filter() {
        Ok(status) if status.signal() == Some(libc::SIGSYS) => {
            pass(NAME, "a filtered process dies at its first system call")
        }
        Ok(status) if status.code() == Some(0) => {
            lack(NAME, "a filtered process could go on making system calls", mend)
        }
        Ok(status) => lack(NAME, format!("filter: {}", explain_status(status)), mend),
        Err(error) => lack(NAME, format!("fork: {error}"), FORK_MEND),
    }
}

fn probe_pidfd() -> Probe {
    match attempt::kill_by_pidfd() {
        Ok(()) => pass("pidfd", "processes can be held and ended without a race"),
        Err(error) => lack(
            "pidfd",
            format!("pidfd_open, pidfd_send_signal: {error}"),
            container_mend("pidfd_open, pidfd_send_signal"),
        ),
    }
}

fn probe_close_range() -> Probe {
    match attempt::close_empty_range() {
        Ok(()) => pass("close-range", "descriptors can be closed at once"),
        Err(error) => {
            lack("close-range", format!("close_range: {error}"), container_mend("close_range"))
        }
    }
}

fn probe_low_addresses() -> Probe {
    const NAME: &str = "low-addresses";
    let start = oro_sysabi::IMAGE_START;
    match attempt::map_low_page(start) {
        Ok(status) if status.code() == Some(0) => {
            pass(NAME, format!("memory can be mapped at {start:#x}"))
        }
        Ok(status) => lack(
            NAME,
            format!("mapping memory at {start:#x}: {}", explain_status(status)),
            format!("sysctl -w vm.mmap_min_addr={start}"),
        ),
        Err(error) => lack(NAME, format!("fork: {error}"), FORK_MEND),
    }
}

fn probe_proc() -> Probe {
    match fs::read_to_string("/proc/self/maps") {
        Ok(maps) if !maps.is_empty() => {
            pass("proc", "what a sealed process has mapped can be checked")
        }
        Ok(_) => lack("proc", "/proc/self/maps is empty", "mount -t proc proc /proc"),
        Err(error) => lack("proc", format!("/proc/self/maps: {error}"), "mount -t proc proc /proc"),
    }
}

fn probe_ptrace() -> Probe {
    const NAME: &str = "ptrace";
    match attempt::seize_child() {
        Ok(()) => pass(NAME, "faults can be diagnosed in full"),
        Err(error) => {
            let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope")
                .map_or_else(|_| String::new(), |text| format!(", yama {}", text.trim()));
            let mend = if scope.is_empty() {
                container_mend("ptrace")
            } else {
                "sysctl -w kernel.yama.ptrace_scope=1".to_owned()
            };
            let detail = format!("PTRACE_SEIZE: {error}{scope}; reports of faults are poorer");
            limit(NAME, detail, mend)
        }
    }
}

fn probe_open_files() -> Probe {
    const NAME: &str = "open-files";
    const WANTED: u64 = 1024;
    match attempt::read_limit(libc::RLIMIT_NOFILE) {
        Ok(count) if count >= WANTED => pass(NAME, format!("at most {}", show_limit(count))),
        Ok(count) => limit(
            NAME,
            format!("at most {count}: a module thread takes several"),
            format!("ulimit -n {WANTED}"),
        ),
        Err(error) => limit(NAME, format!("getrlimit: {error}"), format!("ulimit -n {WANTED}")),
    }
}

fn probe_process_count() -> Probe {
    const NAME: &str = "processes";
    const WANTED: u64 = 256;
    let by_user = attempt::read_limit(libc::RLIMIT_NPROC).unwrap_or(libc::RLIM_INFINITY);
    let by_group = read_group_process_limit().unwrap_or(libc::RLIM_INFINITY);
    let detail = format!(
        "at most {} for the user, {} for the control group; a module thread is a process",
        show_limit(by_user),
        show_limit(by_group)
    );
    if by_user < WANTED {
        return limit(NAME, detail, format!("ulimit -u {WANTED}"));
    }
    if by_group < WANTED {
        let mend = format!("in a container: docker run --pids-limit {WANTED} ...; else pids.max");
        return limit(NAME, detail, mend);
    }
    pass(NAME, detail)
}

fn probe_address_space() -> Probe {
    const NAME: &str = "address-space";
    match attempt::read_limit(libc::RLIMIT_AS) {
        Ok(libc::RLIM_INFINITY) => pass(NAME, "unlimited"),
        Ok(size_bytes) => limit(
            NAME,
            format!("at most {size_bytes} bytes: large windows may not fit"),
            "ulimit -v unlimited",
        ),
        Err(error) => limit(NAME, format!("getrlimit: {error}"), "ulimit -v unlimited"),
    }
}

/// What the control group of this process allows; `None` without one or without a limit.
fn read_group_process_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let limit = fs::read_to_string(format!("/sys/fs/cgroup{group}/pids.max")).ok()?;
    limit.trim().parse().ok()
}

fn container_mend(calls: &str) -> String {
    format!(
        "in a container: docker run --security-opt seccomp=unconfined ... (or a profile that \
         allows {calls})"
    )
}

fn explain_status(status: ExitStatus) -> String {
    match status.code() {
        Some(errno) if errno > 0 => io::Error::from_raw_os_error(errno).to_string(),
        _ => status.to_string(),
    }
}

fn show_limit(count: u64) -> String {
    if count == libc::RLIM_INFINITY { "unlimited".to_owned() } else { count.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Run = fn() -> Probe;

    /// Runs a probe in a thread in which one system call fails with `errno`, as containers do it.
    fn probe_without(call: libc::c_long, errno: i32, probe: fn() -> Probe) -> Probe {
        let call = u32::try_from(call).unwrap();
        let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let filter = [
            instruction(0x20, 0, 0, 0), // BPF_LD | BPF_W | BPF_ABS: the call's number
            instruction(0x15, 0, 1, call), // BPF_JMP | BPF_JEQ | BPF_K
            instruction(0x06, 0, 0, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()),
            instruction(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
        ];
        let thread = std::thread::spawn(move || {
            attempt::install_filter(&filter).unwrap();
            probe()
        });
        thread.join().unwrap()
    }

    #[test]
    fn what_is_forbidden_is_missing_and_can_be_mended() {
        let cases: [(libc::c_long, Run, &str); 8] = [
            (libc::SYS_memfd_create, probe_memfd, "memfd_create"),
            (libc::SYS_memfd_create, probe_memfd_execution, "vm.memfd_noexec"),
            (libc::SYS_execveat, probe_memfd_execution, "vm.memfd_noexec"),
            (libc::SYS_userfaultfd, probe_userfaultfd, "seccomp=unconfined"),
            (libc::SYS_userfaultfd, probe_userfaultfd_on_memfd, "Linux"),
            (libc::SYS_pidfd_open, probe_pidfd, "pidfd_open"),
            (libc::SYS_close_range, probe_close_range, "close_range"),
            (libc::SYS_fallocate, probe_hole_punching, "shmem_enabled"),
        ];
        for (call, run, words) in cases {
            let probe = probe_without(call, libc::EPERM, run);
            assert_eq!(probe.verdict, Verdict::Missing, "{probe:?}");
            assert!(probe.detail.contains("Operation not permitted"), "{probe:?}");
            assert!(probe.mend.as_ref().is_some_and(|mend| mend.contains(words)), "{probe:?}");
        }
    }

    #[test]
    fn an_old_kernel_is_told_apart_from_a_container() {
        let probe = probe_without(libc::SYS_userfaultfd, libc::ENOSYS, probe_userfaultfd);
        assert_eq!(probe.verdict, Verdict::Missing);
        assert!(probe.mend.is_some_and(|mend| mend.contains("CONFIG_USERFAULTFD")));
    }

    #[test]
    fn without_ptrace_systems_still_run() {
        let probe = probe_without(libc::SYS_ptrace, libc::EPERM, probe_ptrace);
        assert_eq!(probe.verdict, Verdict::Limited, "{probe:?}");
        assert!(probe.mend.is_some());
    }

    #[test]
    fn probes_have_names_of_their_own() {
        let mut names: Vec<_> = examine_machine().iter().map(|probe| probe.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
