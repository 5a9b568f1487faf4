//! Builds the examples' modules as `oro` does and looks at the images with the loader's own eyes:
//! what `module!` declares is what a kernel reads (`NOTE-1` to `NOTE-6`), and the images are such as
//! a kernel takes (`IMG-1`, `IMG-3`, `IMG-6`). It does not run them.

use std::path::{Path, PathBuf};
use std::process::Command;

use oro_image::{Direction, Entry, Image, Interface, ParamKind};
use oro_sysabi::{
    BYTES_LAYOUT, CONTROL_LAYOUT, CONTROL_REPLY_LAYOUT, DEFAULT_STACK_SIZE, LOG_LAYOUT,
    PARAMS_LAYOUT, TIME_LAYOUT,
};

/// What makes a C file a module.
const C_FLAGS: [&str; 14] = [
    "-std=c11",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffreestanding",
    "-fPIE",
    "-fno-stack-protector",
    "-static-pie",
    "-nostdlib",
    "-nostartfiles",
    "-Wl,-z,separate-code",
    "-Wl,--entry=0",
    "-Wl,--no-undefined",
];

/// The folder of an example's modules.
fn modules_of(system: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(system).join("modules")
}

/// Builds the cargo package `MODULE` in a folder and reads its image.
fn build_rust(folder: &Path, module: &str) -> Image {
    let package = folder.join(module);
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--release", "--locked", "--quiet", "--target", &target])
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .env("CARGO_ENCODED_RUSTFLAGS", read_rust_flags().join("\u{1f}"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{module} does not build");
    parse(&folder.join(target).join("release").join(module))
}

/// The flags that `oro` itself builds packages with, from its source: a binary, which has nothing
/// that a test could link.
fn read_rust_flags() -> Vec<&'static str> {
    const SOURCE: &str = include_str!("../../oro-cli/src/build/rust.rs");
    let (_, rest) = SOURCE.split_once("const RUST_FLAGS: [&str; ").expect("the flags are there");
    let (count, rest) = rest.split_once("] = [").expect("their array begins");
    let (elements, _) = rest.split_once("];").expect("their array ends");
    let flags: Vec<_> = elements.split('"').skip(1).step_by(2).collect();
    assert_eq!(count, flags.len().to_string(), "{flags:?}");
    flags
}

/// Builds the C file `examples/SYSTEM/modules/MODULE.c` and reads its image.
fn build_c(system: &str, module: &str) -> Image {
    let image = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{module}.elf"));
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oro-sysabi/include");
    let source = modules_of(system).join(format!("{module}.c"));
    let status = Command::new("cc")
        .args(C_FLAGS)
        .arg("-I")
        .arg(include)
        .arg("-o")
        .arg(&image)
        .arg(source)
        .status()
        .expect("cc runs");
    assert!(status.success(), "{module} does not build");
    parse(&image)
}

/// IMG-1, IMG-6: the loader refuses an interpreter, thread-local storage, undefined symbols, and
/// relocations that are not relative.
fn parse(path: &Path) -> Image {
    let image = Image::parse(&std::fs::read(path).expect("it was built"))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(image.is_relocatable, "{}", path.display());
    assert!(image.segments.iter().all(|segment| !(segment.is_writable && segment.is_executable)));
    image
}

/// A port as text: index, name, entry, direction, size, alignment, elements.
fn describe_ports(interface: &Interface) -> Vec<String> {
    let arrow = |direction| if direction == Direction::Consumer { "<-" } else { "->" };
    let ports = interface.ports.iter();
    ports
        .map(|port| {
            let (entry, layout) = (&interface.entries[port.entry as usize].name, &port.layout);
            let (index, name, arrow) = (port.index, &port.name, arrow(port.direction));
            let (size, align, max) = (port.slot_size_bytes, port.slot_align_bytes, port.max);
            let optional = if port.is_optional { " optional" } else { "" };
            format!("{index} {entry}.{name} {arrow} {layout} {size}/{align} x{max}{optional}")
        })
        .collect()
}

#[test]
fn note_2_to_note_5_sha256_declares_its_ports_and_its_parameter() {
    // NOTE-2, NOTE-3, NOTE-4, NOTE-5
    let image = build_rust(&modules_of("sha256"), "sha256");
    let interface = &image.interface;
    assert_eq!(interface.name, "sha256");
    assert_eq!(
        interface.entries,
        [Entry {
            name: "run".into(),
            address: interface.entries[0].address,
            stack_size_bytes: u64::from(DEFAULT_STACK_SIZE),
            is_managed: true,
            returns_status: true,
        }]
    );
    let symbol = image.find_symbol(interface.entries[0].address).unwrap();
    assert!(symbol.name.contains("oro_start"), "{}", symbol.name);
    assert_eq!(
        describe_ports(interface),
        [
            format!("0 run.input <- {BYTES_LAYOUT} 8/4 x1"),
            format!("1 run.digest -> {BYTES_LAYOUT} 8/4 x1"),
            format!("2 run.params <- {PARAMS_LAYOUT} 256/4 x1"),
        ]
    );
    let [param] = &interface.params[..] else { panic!("{:?}", interface.params) };
    assert_eq!((&*param.name, param.kind, param.port), ("encoding", ParamKind::Text, 2));
    assert_eq!(param.default.as_deref(), Some("hex"));
    assert_eq!(
        param.help,
        "How the digest is written: `hex`, a line as of sha256sum, or `raw`, 32 bytes."
    );
}

#[test]
fn note_3_man_1_threads_declares_three_entries_of_both_kinds() {
    // NOTE-3, MAN-1
    let interface = build_rust(&modules_of("threads"), "threads").interface;
    let entries = interface.entries.iter().map(|entry| (&*entry.name, entry.is_managed));
    assert_eq!(entries.collect::<Vec<_>>(), [("deal", true), ("count", false), ("report", true)]);
    let range = "threads.range.v1{start:u32,end:u32,}";
    let count = "threads.count.v1{primes:u32,numbers:u32,}";
    assert_eq!(
        describe_ports(&interface),
        [
            format!("0 deal.ranges -> {range} 8/4 x1"),
            format!("1 count.work <- {range} 8/4 x1"),
            format!("2 count.counts -> {count} 8/4 x1"),
            format!("3 report.results <- {count} 8/4 x1"),
            format!("4 report.text -> {BYTES_LAYOUT} 8/4 x1"),
        ]
    );
}

#[test]
fn note_4_man_1_the_pipelines_modules_are_managed_and_fit_each_other() {
    // NOTE-4, MAN-1
    for (module, output) in [("gunzip", "output"), ("filter", "output"), ("digest", "report")] {
        let interface = build_rust(&modules_of("pipeline"), module).interface;
        assert!(interface.entries[0].is_managed, "{module}");
        assert_eq!(
            describe_ports(&interface)[..2],
            [
                format!("0 run.input <- {BYTES_LAYOUT} 8/4 x1"),
                format!("1 run.{output} -> {BYTES_LAYOUT} 8/4 x1"),
            ]
        );
    }
}

#[test]
fn note_4_man_1_the_executor_has_four_ports_in_one_thread() {
    // NOTE-4, MAN-1
    let interface = build_rust(&modules_of("executor"), "merge").interface;
    assert!(interface.entries.iter().all(|entry| entry.is_managed));
    let number = "merge.number.v1{value:u64,}";
    assert_eq!(
        describe_ports(&interface),
        [
            format!("0 slow.slow_numbers -> {number} 8/8 x1"),
            format!("1 fast.fast_numbers -> {number} 8/8 x1"),
            format!("2 merge.left <- {number} 8/8 x1"),
            format!("3 merge.right <- {number} 8/8 x1"),
            format!("4 merge.log -> {LOG_LAYOUT} 256/4 x1"),
            format!("5 merge.text -> {BYTES_LAYOUT} 8/4 x1"),
        ]
    );
}

#[test]
fn note_4_ctl_1_holders_of_ring_control_fit_its_ports_and_have_arrays() {
    // NOTE-4, CTL-1, TYPE-3
    let control = format!("0 run.control -> {CONTROL_LAYOUT} 512/8 x1");
    let answers = format!("1 run.answers <- {CONTROL_REPLY_LAYOUT} 256/8 x1");
    let answer = "init.answer.v1{value:u64,}";
    let init = describe_ports(&build_rust(&modules_of("init"), "init").interface);
    assert_eq!(init[..2], [&*control, &answers]);
    assert_eq!(init[2], format!("2 run.results <- {answer} 8/8 x2 optional"));
    let worker = describe_ports(&build_rust(&modules_of("init"), "worker").interface);
    assert_eq!(worker[0], format!("0 run.answers -> {answer} 8/8 x1"));

    let [store, client, crowd] = ["store", "client", "crowd"]
        .map(|module| describe_ports(&build_rust(&modules_of("kv"), module).interface));
    let ask = "kv.ask.v1{correlation:u64,kind:u32,reserved:u32,key:u64,value:u64,} 32/8";
    let tell = "kv.tell.v1{correlation:u64,is_found:u64,value:u64,} 24/8";
    let report = "kv.report.v1{number:u64,requests:u64,wrong:u64,} 24/8";
    let stop = "kv.stop.v1{reserved:u64,} 8/8 x1";
    let requests = format!("0 run.requests <- {ask} x8 optional");
    let replies = format!("8 run.replies -> {tell} x8 optional");
    assert_eq!(store[..3], [requests, replies, format!("16 run.stop <- {stop}")]);
    let requests = format!("0 run.requests -> {ask} x1");
    let replies = format!("1 run.replies <- {tell} x1");
    assert_eq!(client[..3], [requests, replies, format!("2 run.report -> {report} x1")]);
    let reports = format!("2 run.reports <- {report} x8 optional");
    assert_eq!(crowd[..4], [control, answers, reports, format!("10 run.stop -> {stop}")]);
}

#[test]
fn note_3_to_note_5_every_shape_of_a_declaration_is_what_the_loader_reads() {
    // NOTE-3, NOTE-4, NOTE-5
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let interface = build_rust(&folder, "shapes").interface;
    assert_eq!(interface.name, "all-shapes");
    let entries = interface.entries.iter();
    assert_eq!(
        entries.map(|e| (&*e.name, e.is_managed, e.stack_size_bytes)).collect::<Vec<_>>(),
        [("bare", false, 64 << 10), ("naive", false, 1 << 20), ("managed", true, 64 << 10)]
    );
    let all = "shapes.all.v1{a:u64,b:i64[3],c:f64,d:u32,e:i32,f:f32,g:u16[2],h:i16,i:u8[5],j:i8,}";
    assert_eq!(
        describe_ports(&interface),
        [
            format!("0 naive.log -> {LOG_LAYOUT} 256/4 x1 optional"),
            format!("1 naive.many -> {all} 64/8 x3"),
            format!("4 managed.clock <- {TIME_LAYOUT} 16/8 x1"),
            format!("5 managed.clients -> {all} 64/8 x4 optional"),
            format!("9 managed.bytes <- {BYTES_LAYOUT} 8/4 x1 optional"),
            format!("10 managed.params <- {PARAMS_LAYOUT} 256/4 x1"),
        ]
    );
    let params = interface.params.iter().inspect(|param| assert_eq!(param.port, 10));
    let mut params: Vec<_> =
        params.map(|p| (&*p.name, p.kind, p.default.as_deref(), &*p.help)).collect();
    params.sort_by_key(|&(name, ..)| name);
    assert_eq!(
        params,
        [
            ("flag", ParamKind::Boolean, Some("true"), ""),
            ("required", ParamKind::Unsigned, None, ""),
            ("signed", ParamKind::Signed, Some("-5"), ""),
            ("text", ParamKind::Text, Some(""), "Help of two lines."),
        ]
    );
}

#[test]
fn note_4_double_in_c_declares_ports_that_fit_each_other() {
    // NOTE-4, TYPE-3
    let num = "demo.num.v1{value:u64,is_last:u64,}";
    for (module, ports) in [
        ("source", vec![format!("0 run.out -> {num} 16/8 x1")]),
        (
            "double",
            vec![format!("0 run.in <- {num} 16/8 x1"), format!("1 run.out -> {num} 16/8 x1")],
        ),
        (
            "print",
            vec![
                format!("0 run.in <- {num} 16/8 x1"),
                format!("1 run.text -> {BYTES_LAYOUT} 8/4 x1"),
            ],
        ),
    ] {
        let interface = build_c("double", module).interface;
        assert_eq!((&*interface.name, describe_ports(&interface)), (module, ports));
        assert!(!interface.entries[0].is_managed && !interface.entries[0].returns_status);
    }
}
