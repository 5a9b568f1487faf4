//! The check before the first instruction: what a sealed process has mapped and open is what was
//! planned, and its filter is there (`KRN-7`).

use std::fs;
use std::io;

use crate::memory::PAGE;
use crate::spawn::Mapping;

/// What is not as planned, if anything.
///
/// # Errors
///
/// `/proc` cannot be read.
pub(crate) fn find_unplanned(process_id: i32, planned: &[Mapping]) -> io::Result<Option<String>> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{process_id}/{name}"));
    if let Some(difference) = compare_maps(&read("maps")?, planned) {
        return Ok(Some(difference));
    }
    let status = read("status")?;
    for (key, wanted) in [("Seccomp:", "2"), ("NoNewPrivs:", "1"), ("Threads:", "1")] {
        let value = status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        if value != Some(wanted) {
            return Ok(Some(format!("{key} {} instead of {wanted}", value.unwrap_or("unknown"))));
        }
    }
    let mut descriptors = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process_id}/fd"))? {
        let entry = entry?;
        let target = fs::read_link(entry.path())?;
        if target.as_os_str() != "anon_inode:[userfaultfd]" {
            descriptors.push(target.display().to_string());
        }
    }
    Ok((!descriptors.is_empty()).then(|| format!("open descriptors: {}", descriptors.join(", "))))
}

/// Linux may merge neighbours that continue each other, so pages are compared, not lines.
fn compare_maps(maps: &str, planned: &[Mapping]) -> Option<String> {
    let mut expected: Vec<&Mapping> = planned.iter().collect();
    expected.sort_unstable_by_key(|mapping| mapping.address);
    let mut expected = expected.into_iter().peekable();
    for line in maps.lines().filter(|line| !line.ends_with("[vsyscall]")) {
        let Some((mut start, end, rights)) = parse_line(line) else {
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
                && line.contains(" /memfd:oro-");
            if !fits {
                return Some(format!(
                    "mapped: `{line}`, planned: {:x}-{mapping_end:x} {}",
                    mapping.address,
                    mapping.rights.letters()
                ));
            }
            start = mapping_end;
        }
    }
    expected.next().map(|mapping| format!("not mapped: {:x}", mapping.address))
}

fn parse_line(line: &str) -> Option<(u64, u64, &str)> {
    let mut fields = line.split(' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let rights = fields.next()?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?, rights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawn::Rights;

    const LINE: &str = "00001000-00003000 rw-s 00000000 00:01 7 /memfd:oro-data (deleted)\n";

    fn plan(parts: &[(u64, u64, Rights)]) -> Vec<Mapping> {
        let make = |&(address, size_bytes, rights)| Mapping {
            address,
            size_bytes,
            rights,
            fd: 0,
            offset: 0,
        };
        parts.iter().map(make).collect()
    }

    #[test]
    fn krn_7_maps_must_equal_the_plan() {
        // KRN-7: one mapping, or two that Linux has merged.
        let whole = plan(&[(0x1000, 0x2000, Rights::ReadWrite)]);
        assert_eq!(compare_maps(LINE, &whole), None);
        let halves =
            plan(&[(0x2000, 0x1000, Rights::ReadWrite), (0x1000, 0x1000, Rights::ReadWrite)]);
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
        let anonymous = LINE.replace("/memfd:oro-data (deleted)", "[heap]");
        assert!(compare_maps(&anonymous, &whole).is_some());
    }
}
