//! What an instance can read of a Port's mode: that it is synchronous, whether it was forced to be,
//! and why (`PORT-3`, `PORT-10`, `META-6`, `MODE-7`).

mod support;

use support::Folder;

/// Its status: the mode, the reason times 10, and 100 or 1000 where binding and table say "forced".
const LOOK_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("look");
ORO_ENTRY_STATUS(0, look, FLAGS, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "out", 0, 1);
uint64_t look(const struct oro_root *root) {
    const struct oro_binding *binding = (const struct oro_binding *)root->bindings;
    const struct oro_ring *ring = (const struct oro_ring *)root->ring;
    const struct oro_port *port = (const struct oro_port *)(ring->ports.entries
        + binding->table_index * (uint64_t)ring->ports.stride_bytes);
    uint64_t status = port->producer.mode + 10 * port->producer.mode_reason;
    if (binding->flags & ORO_BINDING_FORCED_SYNCHRONOUS) status += 100;
    if (port->flags & ORO_PORT_FORCED_SYNCHRONOUS) status += 1000;
    return status + binding->mode;
}
"#;

fn look(name: &str, flags: &str, mode: &str) -> u64 {
    let folder = Folder::new(name);
    folder.write("look.c", LOOK_C.replace("FLAGS", flags));
    folder.write(
        "system.toml",
        format!(
            "oro = 1\n[modules]\nlook = {{ source = \"look.c\" }}\n[instance.a]\nmodule = \"look\"\n\
             [[wire]]\nfrom = \"a.out\"\nto = \"console.log\"\n{mode}"
        ),
    );
    let end = folder.oro("run system.toml");
    // `error[STATUS]: instance `a` ended with status N`
    let status = end.stderr.trim().rsplit(' ').next().and_then(|number| number.parse().ok());
    status.unwrap_or_else(|| panic!("no status: {end:?}"))
}

#[test]
fn port_10_a_forced_port_says_so_and_the_reason_is_given() {
    // PORT-10, META-6: MODE_REASON_FORCED is 1, whatever the thread is.
    assert_eq!(look("mode-forced", "0", "mode = \"synchronous\"\n"), 1110);
    assert_eq!(look("mode-forced-managed", "ORO_ENTRY_MANAGED", "mode = \"synchronous\"\n"), 1110);
    // MODE_REASON_NAIVE is 2.
    assert_eq!(look("mode-naive", "0", "mode = \"auto\"\n"), 20);
    // MODE-1: MODE_REASON_STREAK is 3.
    assert_eq!(look("mode-managed", "ORO_ENTRY_MANAGED", ""), 30);
}

/// A thread whose 256 queues of 256 MiB would each fit, and not all together (`LIM-6`).
#[test]
fn lim_6_windows_have_an_end() {
    // LIM-6
    let folder = Folder::new("windows-end");
    folder.write(
        "wide.c",
        "#include <oro/oro.h>\nORO_MODULE(\"wide\");\nORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);\n\
         ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, \"out\", 0, 256);\n\
         void run(const struct oro_root *root) { (void)root; }\n",
    );
    let mut manifest =
        "oro = 1\nmodules.wide.source = \"wide.c\"\n[instance.a]\nmodule = \"wide\"\n".to_owned();
    for element in 0..256 {
        manifest += &format!(
            "[[wire]]\nfrom = \"a.out[{element}]\"\nto = \"null.bytes\"\nslots = 16\nslot_size = \"16M\"\n"
        );
    }
    folder.write("system.toml", manifest);
    let end = folder.oro("run system.toml");
    end.ends(2).says(&["`a`", "64 GiB"]);
}
