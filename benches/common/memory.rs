//! Memory of the system over time.

use std::fs;

use super::stats;

/// Resident KiB, as often as they were looked at.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// What the supervisor has for itself.
    supervisor: Vec<u64>,
    /// What its instances have in sum; each sees pages that others see too.
    children: Vec<u64>,
    /// What the supervisor has mapped of queues and cells: bounded by their sizes.
    shared: Vec<u64>,
}

impl Samples {
    pub(crate) fn take(&mut self, supervisor: u32) {
        let sealed: u64 = list_children(supervisor).iter().map(|id| read_kib(id, "VmRSS")).sum();
        let id = supervisor.to_string();
        self.supervisor.push(read_kib(&id, "RssAnon"));
        self.shared.push(read_kib(&id, "RssShmem"));
        self.children.push(sealed);
    }

    /// The means of the first and of the last third, in words.
    pub(crate) fn thirds(&self) -> [String; 3] {
        [&self.supervisor, &self.children, &self.shared].map(|samples| {
            let [first, last] = means(samples);
            format!("{first:.0}, later {last:.0}")
        })
    }

    /// Neither the supervisor's own memory nor its instances' grows.
    pub(crate) fn is_flat(&self) -> bool {
        [&self.supervisor, &self.children].iter().all(|samples| {
            let [first, last] = means(samples);
            last <= first * 1.02 + 256.0
        })
    }
}

/// Of the first and the last third; the very first and last samples are from starts and ends.
fn means(samples: &[u64]) -> [f64; 2] {
    let samples = samples.get(2..samples.len().saturating_sub(2)).unwrap_or_default();
    let third = samples.len() / 3;
    [&samples[..third], &samples[samples.len() - third..]]
        .map(|part| stats::to_float(part.iter().sum()) / stats::to_float(part.len().max(1) as u64))
}

fn read_kib(process: &str, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

pub(crate) fn list_children(process: u32) -> Vec<String> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}
