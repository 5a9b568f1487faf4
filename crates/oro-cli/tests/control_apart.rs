//! Holders of Ring control beside others (`CTL-13`, `RING-2`): nobody waits for them, and nobody sees what they do.

mod support;

use support::Folder;
use support::holder::{HOLDER_C, Held, IDLE, NUM_C, PASS, SINK, SOURCE, wires};

/// CTL-13, KRN-11: while one holder asks without a pause, others' messages and others' requests go on: neither ends
/// before the other has made the way it has to.
#[test]
fn ctl_13_a_storm_of_requests_leaves_others_their_turns() {
    let folder = Folder::new("ctl-13-storm");
    let storm = format!(
        "{HOLDER_C}#line 1\n{}",
        r#"
static uint64_t test(void) {
    struct oro_endpoint in = oro_open(root, 2);
    /* Until the others have done their work; more requests than they can be late by if turns are fair. */
    for (uint64_t count = 0; oro_refresh(&in) != ORO_ENDED; count++) {
        if (count == 1000000) return 2;
        for (int i = 0; i < 16; i++) {
            if (oro_wait(&control.requests) <= 0) return 1;
            oro_control_create(&control, OWN, "a/b");
            oro_copy_to_slot(ORO_OUT(uint8_t, &control.requests), &control.request, sizeof control.request);
            oro_advance(&control.requests);
        }
        for (int i = 0; i < 16; i++, oro_advance(&control.replies)) {
            CHECK(oro_wait(&control.replies) > 0);
            CHECK(ORO_IN(struct oro_control_reply, &control.replies)->code == ORO_CONTROL_NAME);
        }
    }
    return 0;
}
"#
    );
    folder.write("storm.c", storm);
    let holder = r#"
static uint64_t test(void) {
    uint64_t ring = MUST(create(OWN, "r")), status = 1;
    uint64_t source = MUST(mount(ring, "source", "source")), pass = MUST(mount(ring, "pass", "pass"));
    uint64_t sink = MUST(mount(ring, "sink", "sink"));
    MUST(wire(source, "out", pass, "in")), MUST(wire(pass, "out", sink, "in"));
    MUST(START_RING(ring));
    CHECK(wait_end(sink, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
    for (int count = 0; count < 100; count++) MUST(DESCRIBE(ring));
    return clean();
}
"#;
    let more = format!(
        "[instance.storm]\nmodule = \"storm\"\n{}[[wire]]\nfrom = \"holder.out[0]\"\nto = \"storm.in[0]\"\n",
        wires("storm")
    );
    Held { folder: &folder, holder, modules: &[SOURCE, PASS, SINK], more: &more }.write();
    let text = std::fs::read_to_string(folder.path("system.toml")).unwrap();
    folder.write(
        "system.toml",
        text.replace("[modules]", "[modules]\nstorm = { source = \"storm.c\" }"),
    );
    folder.run("", "run system.toml --timeout 80s").ends(0);
}

/// Of two holders in Rings beside each other, one does everything, or nothing; the other says all that it sees and
/// is told.
const SPY_C: &str = r#"
static void say_number(struct oro_endpoint *out, uint64_t value) {
    static const char hex[17] = "0123456789abcdef";
    char text[17];
    for (int i = 0; i < 16; i++) text[i] = hex[value >> (60 - 4 * i) & 15];
    text[16] = '\n';
    CHECK(oro_bytes_write(out, text, 17) == 0);
}
__asm__(".section .rodata\n.balign 8\nimage_start: .incbin \"@IMAGE@\"\nimage_end:\n.previous");
extern const uint8_t image_start[], image_end[];
static uint64_t test(void) {
    struct oro_endpoint out = oro_open(root, 10), in = oro_open(root, 2);
    const volatile struct oro_ring *own = oro_own_ring(root);
    while (oro_wait(&in) > 0) (void)ORO_IN(struct num, &in)->value, oro_advance(&in);
    for (int round = 0; round < 3; round++) {
        say_number(&out, MUST(oro_control_load(&control, image_start, (uint64_t)(image_end - image_start))));
        uint64_t image = control.reply.id;
        uint64_t ring = MUST(create(OWN, "r")), one = MUST(mount_image(ring, "one", image));
        uint64_t idle = MUST(mount(ring, "idle", "idle"));
        say_number(&out, ring), say_number(&out, one), say_number(&out, idle);
        MUST(START(one)), MUST(START(idle));
        CHECK(wait_end(one, 0, 0) == ORO_INSTANCE_ENDED);
        for (int i = 0; i < 2; i++) {
            uint64_t words[64];
            const volatile uint64_t *row = (const volatile uint64_t *)oro_ring_instance(oro_ring_child(own, 0), i);
            for (uint32_t word = 0; word < own->instances.stride_bytes / 8; word++) words[word] = row[word];
            for (uint32_t word = 0; word < own->instances.stride_bytes / 8; word++) say_number(&out, words[word]);
        }
        MUST(DESCRIBE(OWN)), say_number(&out, control.reply.memory_bytes), say_number(&out, control.reply.port_count);
        (void)create(OWN, "r"), CHECK(oro_bytes_write(&out, control.reply.text, control.reply.text_length) == 0);
        (void)END(ring ^ 1), CHECK(oro_bytes_write(&out, control.reply.text, control.reply.text_length) == 0);
        (void)mount(ring, "x", "nothing"), CHECK(oro_bytes_write(&out, control.reply.text, control.reply.text_length) == 0);
        clean();
        /* All of its own Ring's tables, as they are. */
        for (uint32_t i = 0; i < own->instances.count; i++) say_number(&out, oro_ring_instance(own, i)->id);
        for (uint32_t i = 0; i < own->ports.count; i++) say_number(&out, oro_ring_port(own, i)->id);
        say_number(&out, own->generation), say_number(&out, own->children.count);
    }
    return oro_bytes_finish(&out) != 0;
}
"#;

const WORKER_C: &str = r#"
__asm__(".section .rodata\n.balign 8\nimage_start: .incbin \"@IMAGE@\"\nimage_end:\n.previous");
extern const uint8_t image_start[], image_end[];
static uint64_t test(void) {
    for (int round = 0; round < WORK; round++) {
        MUST(oro_control_load(&control, image_start, (uint64_t)(image_end - image_start)));
        uint64_t image = control.reply.id;
        uint64_t ring = MUST(create(OWN, "r")), one = MUST(mount_image(ring, "one", image));
        MUST(mount(ring, "idle", "idle")), MUST(START_RING(ring));
        CHECK(wait_end(one, 0, 0) == ORO_INSTANCE_ENDED);
        if (round % 2) clean();
        else (void)create(ring, "left"), MUST(END_RING(ring)), MUST(FORGET(one)), MUST(FORGET_RING(ring));
    }
    return 0;
}
"#;

/// RING-2, CTL-3, CTL-13: what a holder sees and is told is the same, byte for byte, whether or not one elsewhere has
/// worked before it.
#[test]
fn ring_2_a_holder_sees_nothing_of_another_ones_work() {
    let folder = Folder::new("ctl-13-spy");
    let answer = "ORO_MODULE(\"answer\");\nORO_ENTRY(0, run, 0, 0);\nvoid run(const struct oro_root *root) { (void)root; }\n";
    for (name, text) in [("answer", answer), IDLE] {
        folder.write(&format!("{name}.c"), format!("{NUM_C}{text}"));
    }
    folder.oro("check answer.c").ends(0);
    let image = folder.path("target/oro/answer.elf");
    let with_image = |text: &str| text.replace("@IMAGE@", image.to_str().unwrap());
    folder.write("spy.c", format!("{HOLDER_C}{}", with_image(SPY_C)));
    let seen = ["0", "5"].map(|work| {
        let worker = with_image(WORKER_C).replace("WORK", work);
        folder.write("worker.c", format!("{HOLDER_C}{worker}"));
        let mut text = String::from("oro = 1\n[modules]\nidle = { source = \"idle.c\" }\n");
        for name in ["spy", "worker"] {
            text += &format!(
                "{name} = {{ source = \"{name}.c\" }}\n"
            );
        }
        for name in ["spy", "worker"] {
            text += &format!(
                "[ring.{name}s]\ngrant = [\"ring\", \"files\"]\n[ring.{name}s.instance.{name}]\nmodule = \"{name}\"\n\
                 modules = [\"idle\"]\n{}",
                wires(&format!("{name}s/{name}"))
            );
        }
        // It looks when the other one has ended.
        text += "[[wire]]\nfrom = \"workers/worker.out[0]\"\nto = \"spys/spy.in[0]\"\n\
                 [[wire]]\nfrom = \"spys/spy.text\"\nto = \"files.seen\"\n";
        folder.write("system.toml", text);
        folder.run("", &format!("run system.toml --timeout 80s --file seen=seen-{work}")).ends(0);
        std::fs::read_to_string(folder.path(&format!("seen-{work}"))).unwrap()
    });
    assert!(seen[0].lines().count() > 100, "{}", seen[0]);
    assert_eq!(seen[0], seen[1]);
}
