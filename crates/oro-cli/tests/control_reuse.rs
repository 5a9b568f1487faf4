//! Systems that mount and forget for ever keep one size (`CTL-13`): numbers inside of the kernel are used again,
//! ids never are.

mod support;

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use support::Folder;
use support::had::{is_flat, measure};
use support::holder::{CLIENT, HOLDER_C, Held, IDLE, NUM_C, SERVER, SINK, holds};
use support::place::Place;
use support::processes::wait_for;

/// Sends 1 to 100, whatever the mode: with a managed consumer its Port becomes asynchronous.
const FEED: (&str, &str) = (
    "feed",
    r#"
#undef COUNT
#define COUNT UINT64_C(100)
ORO_MODULE("feed");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 1; count <= COUNT && oro_wait(&out) > 0; count++, oro_advance(&out))
        ORO_OUT(struct num, &out)->value = count;
}
"#,
);

/// Two threads: the first passes on what it gets, the second has the sum of the parameters' letters for a status
/// and says so in the log.
const TWINS: (&str, &str) = (
    "twins",
    r#"
ORO_MODULE("twins");
ORO_ENTRY(0, pass, 0, 0);
ORO_ENTRY_STATUS(1, ask, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
ORO_PORT(2, 1, ORO_DIRECTION_CONSUMER, oro_param, ORO_PARAMS_LAYOUT, "params", 0, 1);
ORO_PORT(3, 1, ORO_DIRECTION_PRODUCER, oro_log, ORO_LOG_LAYOUT, "log", 0, 1);
ORO_PARAM("word", ORO_PARAM_TEXT, ORO_PARAM_REQUIRED, 2, "", "");
void pass(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        ORO_OUT(struct num, &out)->value = value;
    }
}
uint64_t ask(const struct oro_root *root) {
    struct oro_endpoint params = oro_open(root, 2), log = oro_open(root, 3);
    uint64_t sum = 0;
    for (int last = 0; !last; oro_advance(&params)) {
        const volatile struct oro_param *param = ORO_IN(struct oro_param, &params);
        for (int at = 0; at < param->value_length; at++) sum += param->text[param->key_length + at];
        last = (param->flags & ORO_PARAMS_END) != 0;
    }
    volatile struct oro_log *line = ORO_OUT(struct oro_log, &log);
    line->length = 5, line->text[0] = 't', line->text[1] = 'w', line->text[2] = 'i', line->text[3] = 'n', line->text[4] = 's';
    oro_advance(&log);
    return sum;
}
"#,
);

/// CTL-13, CTL-10, META-9: clients of a server, a pair that becomes asynchronous, threads, parameters and lines in
/// the log come and go 300 times. After the last 100 the supervisor has what it had before them, no id has come
/// twice, and every message was right.
#[test]
fn ctl_13_clients_that_come_and_go_leave_nothing() {
    let sink = SINK.1.replace("COUNT", "UINT64_C(100)");
    let (had, end) = measure(
        "ctl-13-clients",
        &[CLIENT, SERVER, FEED, ("sink", &sink), TWINS, IDLE],
        r#"
static uint64_t last_ring, last_instance, last_port;
/* Ids are counted, so that one is new if it is larger than all that were. */
static uint64_t is_new(uint64_t id, uint64_t *last, int line) {
    if (id <= *last) fail("an id comes twice", line, (int64_t)id);
    return *last = id;
}
#define RING(...) is_new(MUST(__VA_ARGS__), &last_ring, __LINE__)
#define INSTANCE(...) is_new(MUST(__VA_ARGS__), &last_instance, __LINE__)
#define PORT(...) is_new(MUST(__VA_ARGS__), &last_port, __LINE__)
static uint64_t test(void) {
    uint64_t server = find("server"), charged = 0;
    struct oro_endpoint sums = oro_open(root, 2);
    for (int round = 0; round < 300; round++) {
        const uint32_t element = (uint32_t)round % 3;
        uint64_t outer = RING(create(OWN, "guests")), ring = outer;
        MUST(oro_control_remount(&control, outer, 0, "console"));
        if (round % 2) {
            ring = RING(create(outer, "inner"));
            MUST(oro_control_remount(&control, ring, 0, "console"));
        }
        uint64_t client = INSTANCE(mount(ring, "client", "client"));
        int64_t found;
        while ((found = wire_element(client, "out", 0, server, "in", element)) == ORO_CONTROL_BUSY) sleep_ms(1);
        PORT(found);
        uint64_t idle = round % 3 ? INSTANCE(mount(outer, "idle", "idle")) : 0;
        uint64_t feed = INSTANCE(mount(ring, "feed", "feed")), twins = INSTANCE(mount(outer, "twins", "twins"));
        uint64_t sink = INSTANCE(mount(ring, "sink", "sink"));
        MUST(PARAM(twins, "word", round % 7 ? "a" : "b"));
        if (round % 4) {
            PORT(wire(feed, "out", twins, "in")), PORT(wire(twins, "out", sink, "in"));
        } else {
            /* The pair alone; the twins have a peer that sends nothing. */
            PORT(wire(feed, "out", sink, "in"));
            uint64_t other = INSTANCE(mount(outer, "other", "feed")), last = INSTANCE(mount(outer, "last", "sink"));
            PORT(wire(other, "out", twins, "in")), PORT(wire(twins, "out", last, "in"));
        }
        PORT(wire(twins, "log", 0, "console.log"));
        MUST(START_RING(outer));
        CHECK(oro_wait(&sums) > 0 && ORO_IN(struct num, &sums)->value == 55);
        oro_advance(&sums);
        uint64_t status = 1;
        CHECK(wait_end(client, 0, 0) == ORO_INSTANCE_ENDED);
        CHECK(wait_end(sink, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
        CHECK(wait_end(feed, 0, 0) == ORO_INSTANCE_ENDED);
        CHECK(wait_end(twins, &status, 0) == ORO_INSTANCE_ENDED && status == (round % 7 ? 'a' : 'b'));
        if (idle) MUST(END(idle));
        if (round % 5 == 0) MUST(FORGET(twins)), MUST(FORGET(client));
        if (round % 4 == 0) (void)END_RING(outer);
        MUST(FORGET_RING(outer));
        MUST(DESCRIBE(OWN));
        if (round > 3) CHECK(control.reply.memory_bytes == charged);
        charged = control.reply.memory_bytes;
        if (round == 199) meet();
    }
    meet();
    return 0;
}
"#,
        "[instance.server]\nmodule = \"server\"\n\
     [[wire]]\nfrom = \"server.sums\"\nto = \"holder.in[0]\"\n\
     [[wire]]\nfrom = \"holder.out[0]\"\nto = \"server.stop\"\n",
    );
    is_flat(had);
    let lines = end.stderr.lines().filter(|line| line.ends_with("twins")).count();
    assert_eq!(lines, 300, "{}", end.stderr);
}

/// A holder's source: it mounts what it loads in a Ring of its own, and leaves; who is around it has power over
/// that.
fn write_loader() -> String {
    let folder = Folder::new("ctl-13-answer");
    folder.write(
        "answer.c",
        format!(
            "{NUM_C}
ORO_MODULE(\"answer\");
ORO_ENTRY_STATUS(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, \"in\", 0, 1);
static const uint64_t words[8192] = {{7, 35}};
uint64_t run(const struct oro_root *root) {{
    struct oro_endpoint in = oro_open(root, 0);
    return ORO_IN(struct num, &in)->value + words[0] + words[1];
}}
"
        ),
    );
    folder.oro("check answer.c").ends(0);
    let image = folder.path("target/oro/answer.elf");
    let own = HOLDER_C.replace("\"holder\"", "\"loader\"").replace("ORO_MESSAGE(num, NUM);", "");
    own + &r#"
__asm__(".section .rodata\n.balign 8\nimage_start: .incbin \"@IMAGE@\"\nimage_end:\n.previous");
extern const uint8_t image_start[], image_end[];
static uint64_t test(void) {
    const uint64_t size = (uint64_t)(image_end - image_start);
    uint64_t ring = MUST(create(OWN, "mine"));
    MUST(oro_control_load(&control, image_start, size));
    CHECK(control.reply.id == UINT64_C(1) << 32);
    MUST(oro_control_load(&control, image_start, size));
    MUST(mount_image(ring, "answer", control.reply.id));
    return 0;
}
"#
    .replace("@IMAGE@", image.to_str().expect("a path in ASCII"))
}

/// CTL-13, CTL-5: holders that load an image each, mount it, and end, 200 times: their images go with them, but
/// not while an instance has one.
#[test]
fn ctl_13_images_go_with_their_holders() {
    let loader = write_loader();
    let (had, _) = measure(
        "ctl-13-images",
        &[("loader", &loader)],
        r#"
static uint64_t test(void) {
    uint64_t last = 0;
    for (int round = 0; round < 200; round++) {
        uint64_t ring = MUST(create(OWN, "guests")), status = 0;
        MUST(oro_control_remount(&control, ring, 0, "ring"));
        uint64_t loader = MUST(mount(ring, "loader", "loader"));
        CHECK(loader > last), last = loader;
        MUST(wire(loader, "control", 0, "ring.requests")), MUST(wire(0, "ring.replies", loader, "answers"));
        MUST(START(loader));
        CHECK(wait_end(loader, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
        const volatile struct oro_ring *guests = oro_ring_child(oro_own_ring(root), 0);
        CHECK(guests->id == ring && guests->children.count == 1);
        uint64_t answer = oro_ring_instance(oro_ring_child(guests, 0), 0)->id;
        /* Its holder is no more, and it is still all there. */
        MUST(FORGET(loader));
        const uint32_t element = (uint32_t)round % 4;
        int64_t found;
        /* Busy until this thread has said that it knows of the end. */
        while ((found = wire_element(root->instance_id, "out", element, answer, "in", 0)) == ORO_CONTROL_BUSY)
            oro_let_go(root, 6 + element);
        CHECK(found == 0);
        MUST(START(answer));
        struct oro_endpoint out = oro_open(root, 6 + element);
        CHECK(oro_wait(&out) > 0);
        ORO_OUT(struct num, &out)->value = (uint64_t)round;
        oro_advance(&out);
        CHECK(wait_end(answer, &status, 0) == ORO_INSTANCE_ENDED && status == 42 + (uint64_t)round);
        MUST(FORGET_RING(ring));
        if (round == 99) meet();
    }
    meet();
    return clean();
}
"#,
        "",
    );
    is_flat(had);
}

/// Takes all that one producer sends, says that it knows of the end, and takes all of the next one's.
const TWICE: (&str, &str) = (
    "twice",
    r#"
#include <oro/control.h>
ORO_MODULE("twice");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
uint64_t run(const struct oro_root *root) {
    for (int time = 0; time < 2; time++) {
        struct oro_endpoint in = oro_open(root, 0);
        uint64_t last = 0;
        for (; oro_wait(&in) > 0; oro_advance(&in))
            if (ORO_IN(struct num, &in)->value != ++last) return 1;
        if (last != 100) return 2;
        while (time == 0 && (uint32_t)oro_binding_state(root, 0) != ORO_STATE_WIRED) {
            const uint64_t seen = oro_binding_state(root, 0);
            oro_wait_bindings_until(root, 0, &seen, 1, ORO_NO_DEADLINE);
        }
    }
    return 0;
}
"#,
);

/// CTL-13, CTL-8: an element that was wired before its start, and so could become asynchronous, is wired again at
/// another place; its thread has both mapped. When it is forgotten both come back.
#[test]
fn ctl_13_both_places_of_an_element_come_back() {
    let (had, _) = measure(
        "ctl-13-places",
        &[FEED, TWICE],
        r#"
static uint64_t test(void) {
    for (int round = 0; round < 200; round++) {
        uint64_t ring = MUST(create(OWN, "r")), status = 1;
        uint64_t twice = MUST(mount(ring, "twice", "twice")), first = MUST(mount(ring, "first", "feed"));
        MUST(wire(first, "out", twice, "in"));
        /* Before it starts, too: what the element had then is nobody's. */
        if (round % 2) {
            MUST(END(first));
            if (round % 4 == 1) MUST(FORGET(first));
            first = MUST(mount(ring, "again", "feed"));
            MUST(wire(first, "out", twice, "in"));
        }
        MUST(START_RING(ring));
        uint64_t second = MUST(mount(ring, "second", "feed"));
        int64_t found;
        while ((found = wire(second, "out", twice, "in")) == ORO_CONTROL_BUSY) sleep_ms(1);
        CHECK(found == 0);
        if (round % 3) MUST(FORGET(first));
        MUST(START(second));
        CHECK(wait_end(twice, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
        CHECK(wait_end(second, 0, 0) == ORO_INSTANCE_ENDED);
        MUST(FORGET_RING(ring));
        if (round == 99) meet();
    }
    meet();
    return clean();
}
"#,
        "",
    );
    is_flat(had);
}

/// CTL-13, BUILTIN-4: standard error that cannot be opened anew is duplicated for each Port, and watched; the
/// duplicate of the next one has the number of the last one's.
#[test]
fn ctl_13_a_stream_is_watched_again_and_again() {
    let folder = Folder::new("ctl-13-socket");
    let holder = r#"
static uint64_t test(void) {
    uint64_t ring = MUST(create(OWN, "r")), status = 0;
    MUST(oro_control_remount(&control, ring, 0, "console"));
    for (int round = 0; round < 20; round++) {
        uint64_t twins = MUST(mount(ring, "twins", "twins")), idle = MUST(mount(ring, "idle", "feed"));
        uint64_t sink = MUST(mount(ring, "sink", "sink"));
        MUST(wire(idle, "out", twins, "in")), MUST(wire(twins, "out", sink, "in"));
        MUST(wire(twins, "log", 0, "console.log")), MUST(PARAM(twins, "word", "a"));
        MUST(START_RING(ring));
        CHECK(wait_end(twins, &status, 0) == ORO_INSTANCE_ENDED && status == 'a');
        (void)END(idle), (void)END(sink);
        MUST(FORGET(twins)), MUST(FORGET(idle)), MUST(FORGET(sink));
    }
    return clean();
}
"#;
    let sink = SINK.1.replace("COUNT", "UINT64_C(100)");
    let modules = [FEED, ("sink", sink.as_str()), TWINS];
    Held { folder: &folder, holder, modules: &modules, more: "" }.write();
    let (mut ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    let mut command = folder.prepare("", "run system.toml --timeout 80s");
    command.stderr(OwnedFd::from(theirs));
    let running = folder.start(command);
    let mut text = String::new();
    ours.read_to_string(&mut text).expect("what it says");
    running.end().ends(0);
    assert_eq!(text.lines().filter(|line| line.ends_with("twins")).count(), 20, "{text}");
}

/// CTL-13, MODE-6: an operator sees the Ports of now under numbers that none had before, and forces the one that is
/// meant.
#[test]
fn ctl_13_operators_see_the_ports_of_now() {
    let place = Place::new("ctl-13-operator");
    let holder = r#"
static uint64_t test(void) {
    uint64_t feed = 0, sink = 0, port = 0;
    for (int round = 0; round < 10; round++) {
        uint64_t ring = MUST(create(OWN, round < 9 ? "old" : "new"));
        feed = MUST(mount(ring, "feed", "feed")), sink = MUST(mount(ring, "sink", "sink"));
        port = MUST(wire(feed, "out", sink, "in"));
        if (round < 9) MUST(END_RING(ring)), MUST(FORGET_RING(ring));
    }
    meet();
    const volatile struct oro_port *row = oro_ring_port(oro_ring_child(oro_own_ring(root), 0), 0);
    CHECK(row->id == port && (row->flags & ORO_PORT_FORCED_SYNCHRONOUS) != 0);
    MUST(START(feed)), MUST(START(sink));
    uint64_t status = 1;
    CHECK(wait_end(sink, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
    return clean();
}
"#;
    let sink = SINK.1.replace("COUNT", "UINT64_C(100)");
    let more = "[[wire]]\nfrom = \"console.stdin\"\nto = \"holder.bytes\"\n\
                [[wire]]\nfrom = \"holder.text\"\nto = \"console.stdout\"\n";
    let modules = [FEED, ("sink", sink.as_str())];
    Held { folder: &place.folder, holder, modules: &modules, more }.write();
    let mut running = place.start("run system.toml");
    let said = || std::fs::read(place.folder.path("stdout")).ok().filter(|text| !text.is_empty());
    wait_for("the holder's word", said);
    let ports = place.oro("ports").stdout;
    let row = ports.lines().find(|line| line.contains("new/feed.out -> new/sink.in"));
    let number =
        row.and_then(|row| row.split_ascii_whitespace().next()).expect("the Port is shown");
    // Four of the manifest, and nine that were forgotten.
    assert_eq!(number, "13", "{ports}");
    assert_eq!(ports.lines().count(), 2 + 5, "{ports}");
    for unknown in ["4", "12", "14"] {
        place.oro(&format!("force-sync {unknown}")).refuses(&["PORT-UNKNOWN"]);
    }
    place.oro(&format!("force-sync {number}")).ends(0);
    drop(running.child.stdin.take());
    running.end().ends(0);
}

/// As `TWICE`, and then touches the windows that its first Port had, which no Port of its has any more.
const HAUNT: &str = r#"
#include <oro/control.h>
ORO_MODULE("haunt");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_@SIDE@, num, NUM_LAYOUT, "end", 0, 1);
uint64_t run(const struct oro_root *root) {
    const volatile struct oro_binding *binding = oro_binding_(root, 0);
    volatile uint8_t *old = (volatile uint8_t *)binding->window, *word = (volatile uint8_t *)binding->own_cursor;
    const uint64_t stride = binding->stride_bytes;
    struct oro_endpoint end = oro_open(root, 0);
    for (; oro_wait(&end) > 0; oro_advance(&end)) @USE@;
    while ((uint32_t)oro_binding_state(root, 0) != ORO_STATE_WIRED) {
        const uint64_t seen = oro_binding_state(root, 0);
        oro_wait_bindings_until(root, 0, &seen, 1, ORO_NO_DEADLINE);
    }
    /* Others are wired meanwhile. */
    oro_sleep_until(root, oro_now(root) + 30000000);
    for (int cell = 0; cell < 2; cell++) @TOUCH@;
    @WORD@;
    return 7;
}
"#;

/// CTL-13, CTL-8, BLAME-1: who touches what it had mapped of a Port that is over reaches nobody, though the Port's
/// peer is forgotten and others are wired since then.
#[test]
fn ctl_13_nobody_reaches_who_has_a_number_now() {
    let take = "(void)ORO_IN(struct num, &end)->value";
    let haunt = |side: &str, how: &str, touch: &str, word: &str| {
        let named = HAUNT.replace("@SIDE@", side).replace("@USE@", how);
        named.replace("@TOUCH@", touch).replace("@WORD@", word)
    };
    let load = haunt("CONSUMER", take, "(void)old[cell * stride]", "(void)word");
    let word = haunt("CONSUMER", take, "(void)stride", "(void)old, *word = 9");
    let put = "ORO_OUT(struct num, &end)->value = end.next + 1";
    let store = haunt("PRODUCER", put, "old[cell * stride] = 9", "(void)word");
    let pair = SINK.1.replace("COUNT", "UINT64_C(100)");
    let idle = FEED.1.replace("count <= COUNT", "count <= 2");
    let once = SINK.1.replace("oro_wait(&in) > 0;", "last < 2 && oro_wait(&in) > 0;");
    holds(
        "ctl-13-haunt",
        &[
            FEED,
            ("sink", &pair),
            ("load", &load),
            ("store", &store),
            ("word", &word),
            ("few", &idle),
            ("once", &once),
        ],
        r#"
static uint64_t test(void) {
    static const char *const kinds[] = {"load", "word", "store"};
    for (int round = 0; round < 12; round++) {
        const char *kind = kinds[round % 3];
        const int produces = round % 3 == 2;
        uint64_t ring = MUST(create(OWN, "r")), status = 1;
        uint64_t haunt = MUST(mount(ring, "haunt", kind));
        uint64_t peer = MUST(mount(ring, "peer", produces ? "once" : "few"));
        if (produces) MUST(wire(haunt, "end", peer, "in"));
        else MUST(wire(peer, "out", haunt, "end"));
        MUST(START_RING(ring));
        wait_end(peer, 0, 0);
        uint64_t next = MUST(mount(ring, "next", produces ? "sink" : "feed"));
        int64_t found;
        while ((found = produces ? wire(haunt, "end", next, "in") : wire(next, "out", haunt, "end")) == ORO_CONTROL_BUSY)
            sleep_ms(1);
        CHECK(found == 0);
        MUST(FORGET(peer));
        uint64_t from = MUST(mount(ring, "from", "feed")), to = MUST(mount(ring, "to", "sink"));
        MUST(wire(from, "out", to, "in"));
        (void)wait_end(haunt, 0, 0);
        MUST(START(from)), MUST(START(to));
        CHECK(wait_end(to, &status, 0) == ORO_INSTANCE_ENDED && status == 0);
        (void)END_RING(ring), MUST(FORGET_RING(ring));
    }
    return clean();
}
"#,
    );
}
