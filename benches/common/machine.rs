//! A few lines that say what machine this is.

use std::fs;

/// CPU, kernel, mitigations and load.
pub(crate) fn describe() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu_info = read("/proc/cpuinfo");
    let find = |key: &str| {
        let line = cpu_info.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':')).map_or("?", |(_, value)| value.trim()).to_owned()
    };
    let cpus = super::os::list_cpus().len();
    let is_virtual = cpu_info.lines().any(|line| {
        line.starts_with("flags") && line.split_whitespace().any(|flag| flag == "hypervisor")
    });
    let kind = if is_virtual { "a virtual machine" } else { "no hypervisor" };
    vec![
        format!(
            "CPU: {} (family {}, model {}), {cpus} usable, {kind}",
            find("model name"),
            find("cpu family"),
            find("model\t")
        ),
        format!(
            "Kernel: {} {}",
            read("/proc/sys/kernel/ostype").trim(),
            read("/proc/sys/kernel/osrelease").trim()
        ),
        format!("Mitigations: {}", list_mitigations()),
        format!("Load at the end: {}", read("/proc/loadavg").trim()),
    ]
}

/// What the kernel does against the CPU's faults; those that the CPU does not have are left out.
fn list_mitigations() -> String {
    let folder = fs::read_dir("/sys/devices/system/cpu/vulnerabilities");
    let mut found: Vec<String> = folder
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let state = fs::read_to_string(entry.path()).ok()?;
            let state = state.split([';', ',']).next().unwrap_or_default().trim().to_owned();
            let name = entry.file_name().to_string_lossy().into_owned();
            (state != "Not affected").then(|| format!("{name}: {state}"))
        })
        .collect();
    found.sort();
    if found.is_empty() { "none needed".to_owned() } else { found.join("; ") }
}
