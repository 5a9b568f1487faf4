//! The check before the first instruction: what a sealed process has mapped and open is what was
//! planned, and its filter is there (`KRN-7`).

use std::fs;
use std::io::{self, Read};

use crate::memory::PAGE;
use crate::spawn::Mapping;

/// What is not as planned, if anything. `buffer` is scratch space, kept from one process to the next.
///
/// # Errors
///
/// `/proc` cannot be read.
pub(crate) fn find_unplanned(
    process_id: i32,
    planned: &[Mapping],
    buffer: &mut Vec<u8>,
) -> io::Result<Option<String>> {
    let folder = format!("/proc/{process_id}");
    let difference = find_difference(&folder, planned, buffer)?;
    // A process that somebody has killed meanwhile shows no mappings and no descriptors.
    if difference.is_some() && is_dead(read_file(&folder, "status", buffer)?) {
        return Ok(Some("its process was killed from outside before it ran".to_owned()));
    }
    Ok(difference)
}

fn is_dead(status: &str) -> bool {
    let state = status.lines().find_map(|line| line.strip_prefix("State:")).map(str::trim);
    state.is_some_and(|state| state.starts_with(['Z', 'X']))
}

fn find_difference(
    folder: &str,
    planned: &[Mapping],
    buffer: &mut Vec<u8>,
) -> io::Result<Option<String>> {
    if let Some(difference) = compare_maps(read_file(folder, "maps", buffer)?, planned) {
        return Ok(Some(difference));
    }
    let status = read_file(folder, "status", buffer)?;
    for (key, wanted) in [("Seccomp:", "2"), ("NoNewPrivs:", "1"), ("Threads:", "1")] {
        let value = status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        if value != Some(wanted) {
            return Ok(Some(format!("{key} {} instead of {wanted}", value.unwrap_or("unknown"))));
        }
    }
    find_descriptors(folder)
}

/// Descriptors that are not the one userfaultfd of its own.
fn find_descriptors(folder: &str) -> io::Result<Option<String>> {
    let own = fs::read_link(format!("{folder}/fd/0"));
    let has_own = own.is_ok_and(|target| target.as_os_str() == USERFAULTFD);
    // Linux 6.2 and newer say how many there are; else it is 0.
    if has_own && fs::metadata(format!("{folder}/fd"))?.len() == 1 {
        return Ok(None);
    }
    let mut targets = Vec::new();
    for entry in fs::read_dir(format!("{folder}/fd"))? {
        targets.push(fs::read_link(entry?.path())?.display().to_string());
    }
    let is_right = targets == [USERFAULTFD];
    Ok((!is_right).then(|| format!("open descriptors: {}", targets.join(", "))))
}

const USERFAULTFD: &str = "anon_inode:[userfaultfd]";

/// A whole file of `/proc`, in as few reads as Linux allows.
fn read_file<'a>(folder: &str, name: &str, buffer: &'a mut Vec<u8>) -> io::Result<&'a str> {
    const CHUNK: usize = 16 << 10;
    let mut file = fs::File::open(format!("{folder}/{name}"))?;
    let mut length = 0;
    loop {
        buffer.resize(length + CHUNK, 0);
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    std::str::from_utf8(&buffer[..length]).map_err(io::Error::other)
}

/// Linux may merge neighbours that continue each other, so pages are compared, not lines.
fn compare_maps(maps: &str, planned: &[Mapping]) -> Option<String> {
    let mut expected: Vec<&Mapping> = planned.iter().collect();
    expected.sort_unstable_by_key(|mapping| mapping.address);
    let mut expected = expected.into_iter().peekable();
    for line in maps.lines().filter(|line| !line.ends_with("[vsyscall]")) {
        let Some(Line { mut start, end, rights, mut offset, inode }) = parse_line(line) else {
            return Some(format!("cannot understand `{line}`"));
        };
        while start < end {
            let Some(mapping) = expected.next() else {
                return Some(format!("also mapped: `{line}`"));
            };
            let mapping_end = mapping.address + mapping.size_bytes.div_ceil(PAGE) * PAGE;
            let fits = mapping.address == start
                && mapping_end <= end
                && rights == mapping.rights.letters()
                && (inode, offset) == (mapping.inode, mapping.offset)
                && line.contains(" /memfd:oro-");
            if !fits {
                return Some(format!(
                    "mapped: `{line}`, planned: {:x}-{mapping_end:x} {} {:08x} of {}",
                    mapping.address,
                    mapping.rights.letters(),
                    mapping.offset,
                    mapping.inode
                ));
            }
            offset += mapping_end - start;
            start = mapping_end;
        }
    }
    expected.next().map(|mapping| format!("not mapped: {:x}", mapping.address))
}

/// What a line of `/proc/PID/maps` says.
struct Line<'a> {
    start: u64,
    end: u64,
    rights: &'a str,
    offset: u64,
    inode: u64,
}

fn parse_line(line: &str) -> Option<Line<'_>> {
    let mut fields = line.split_ascii_whitespace();
    let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = fields.next()?.split_once('-')?;
    let rights = fields.next()?;
    let offset = hexadecimal(fields.next()?)?;
    let _device = fields.next()?;
    let inode = fields.next()?.parse().ok()?;
    Some(Line { start: hexadecimal(start)?, end: hexadecimal(end)?, rights, offset, inode })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawn::Rights;

    const LINE: &str = "00001000-00003000 rw-s 00000000 00:01 7 /memfd:oro-data (deleted)\n";

    /// Mappings of one object, each where the one before it ends there.
    fn plan(parts: &[(u64, u64, Rights)]) -> Vec<Mapping> {
        let mut offset = 0;
        let make = |&(address, size_bytes, rights)| {
            let mapping = Mapping { address, size_bytes, rights, fd: 0, inode: 7, offset };
            offset += size_bytes;
            mapping
        };
        parts.iter().map(make).collect()
    }

    #[test]
    fn krn_7_maps_must_equal_the_plan() {
        // KRN-7: one mapping, or two that Linux has merged.
        let whole = plan(&[(0x1000, 0x2000, Rights::ReadWrite)]);
        assert_eq!(compare_maps(LINE, &whole), None);
        let halves =
            plan(&[(0x1000, 0x1000, Rights::ReadWrite), (0x2000, 0x1000, Rights::ReadWrite)]);
        assert_eq!(compare_maps(LINE, &halves), None);
        for wrong in [
            plan(&[]),
            plan(&[(0x1000, 0x2000, Rights::Read)]),
            plan(&[(0x1000, 0x1000, Rights::ReadWrite)]),
            plan(&[(0x1000, 0x3000, Rights::ReadWrite)]),
            plan(&[(0x1000, 0x2000, Rights::ReadWrite), (0x9000, 0x1000, Rights::Read)]),
        ] {
            assert!(compare_maps(LINE, &wrong).is_some(), "{wrong:x?}");
        }
        // Another object, or another part of it, where somebody else's memory is.
        let mut wrong = whole.clone();
        wrong[0].inode = 8;
        assert!(compare_maps(LINE, &wrong).is_some());
        let mut wrong = halves;
        wrong[1].offset += 0x1000;
        assert!(compare_maps(LINE, &wrong).is_some());
        let anonymous = LINE.replace("/memfd:oro-data (deleted)", "[heap]");
        assert!(compare_maps(&anonymous, &whole).is_some());
    }

    /// A real process, killed and not yet waited for.
    #[test]
    fn a_dead_process_is_not_called_unplanned() {
        let mut child =
            std::process::Command::new("sleep").arg("1000").spawn().expect("sleep starts");
        child.kill().expect("it can be killed");
        let id = i32::try_from(child.id()).expect("an id fits");
        while !is_dead(&fs::read_to_string(format!("/proc/{id}/status")).expect("not reaped")) {
            std::thread::yield_now();
        }
        let found = find_unplanned(id, &plan(&[]), &mut Vec::new()).expect("/proc is there");
        child.wait().expect("it has ended");
        assert_eq!(found.as_deref(), Some("its process was killed from outside before it ran"));
    }
}
