//! Processes as Linux shows them: what a sealed one has mapped and open, and who is left.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

/// Longest wait for something that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tries until there is a result.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(start.elapsed() < PATIENCE, "waited for {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Children of a process, in no order; none if it has gone.
pub(crate) fn list_children(process_id: u32) -> Vec<u32> {
    let path = format!("/proc/{process_id}/task/{process_id}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// A field of `/proc/PID/status`.
pub(crate) fn read_status(process_id: u32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Children that run under a filter: the sealed ones.
pub(crate) fn list_sealed(process_id: u32) -> Vec<u32> {
    let mut children = list_children(process_id);
    children.retain(|child| read_status(*child, "Seccomp").as_deref() == Some("2"));
    children
}

/// The guardian of a running `oro`.
pub(crate) fn find_guardian(process_id: u32) -> u32 {
    let is_guardian = |id: &u32| read_status(*id, "Name").as_deref() == Some("oro-guardian");
    wait_for("a guardian", || list_children(process_id).into_iter().find(is_guardian))
}

/// Bytes of memory of a process that are resident, shared ones included.
pub(crate) fn read_resident_bytes(process_id: u32) -> u64 {
    let text = read_status(process_id, "VmRSS").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Bytes of memory of a process's own.
pub(crate) fn read_private_bytes(process_id: u32) -> u64 {
    let text = read_status(process_id, "RssAnon").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Bytes of all memfds that it has open.
pub(crate) fn read_memfd_bytes(process_id: u32) -> u64 {
    let Ok(folder) = fs::read_dir(format!("/proc/{process_id}/fd")) else { return 0 };
    let is_memfd = |entry: &fs::DirEntry| {
        fs::read_link(entry.path()).is_ok_and(|name| name.to_string_lossy().starts_with("/memfd:"))
    };
    let files = folder.flatten().filter(is_memfd);
    files.filter_map(|entry| fs::metadata(entry.path()).ok()).map(|file| file.blocks() * 512).sum()
}

/// How many files a process has open.
pub(crate) fn count_descriptors(process_id: u32) -> usize {
    fs::read_dir(format!("/proc/{process_id}/fd")).map_or(0, Iterator::count)
}

/// A line of `/proc/PID/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MapLine {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) rights: String,
    pub(crate) offset: u64,
    pub(crate) inode: u64,
    pub(crate) name: String,
}

/// What a process has mapped, without the page of vsyscalls, which Linux shows in every process.
pub(crate) fn read_maps(process_id: u32) -> Vec<MapLine> {
    let text = fs::read_to_string(format!("/proc/{process_id}/maps")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.ends_with("[vsyscall]"));
    lines.map(|line| parse_line(line).unwrap_or_else(|| panic!("a strange line: {line}"))).collect()
}

fn parse_line(line: &str) -> Option<MapLine> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let rights = words.next()?.to_owned();
    let number = |text| u64::from_str_radix(text, 16).ok();
    let offset = number(words.next()?)?;
    let inode = words.nth(1)?.parse().ok()?;
    let name = words.collect::<Vec<_>>().join(" ");
    Some(MapLine { start: number(start)?, end: number(end)?, rights, offset, inode, name })
}

/// A page of an object: the object's name and inode, and where in it.
pub(crate) type Page = (String, u64, u64);

impl MapLine {
    /// Its pages.
    pub(crate) fn pages(&self) -> impl Iterator<Item = Page> + '_ {
        let offsets = (self.offset..self.offset + (self.end - self.start)).step_by(4096);
        offsets.map(|offset| (self.name.clone(), self.inode, offset))
    }
}
