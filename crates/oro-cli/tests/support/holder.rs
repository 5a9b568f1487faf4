//! Systems whose root Ring has a holder of Ring control, `holder`, in C: it asks, checks the answers, and
//! panics with what was wrong.

use std::fmt::Write as _;

use super::{End, Folder};

/// What a holder's source begins with; `run` is the test's. `IS(code, call)`: the call gives that code;
/// `MUST(call)`: it is done, and this is its id; `SAYS(text)`: the last refusal does; `CHECK(what)`.
pub(crate) const HOLDER_C: &str = r#"
#include <oro/control.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
ORO_MODULE("holder");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 65536);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_control_request, ORO_CONTROL_LAYOUT, "control", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, oro_control_reply, ORO_CONTROL_REPLY_LAYOUT, "answers", 0, 1);
ORO_PORT(2, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 4);
ORO_PORT(6, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", ORO_NOTE_PORT_OPTIONAL, 4);
ORO_PORT(10, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", ORO_NOTE_PORT_OPTIONAL, 1);
ORO_PORT(11, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "bytes", ORO_NOTE_PORT_OPTIONAL, 1);
static struct oro_control control;
static const struct oro_root *root;
static char words[900];
static uint32_t word_count;
static void put_text(const char *text) {
    while (*text && word_count < sizeof words - 1) words[word_count++] = *text++;
    words[word_count] = 0;
}
static void put_number(int64_t value) {
    char digits[24];
    int at = 23;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    digits[23] = 0;
    do digits[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    put_text(value < 0 ? "-" : ""), put_text(digits + at);
}
/* Ends the instance with what was wrong and the last answer. */
__attribute__((noreturn)) static void fail(const char *what, int line, int64_t found) {
    char text[193];
    uint32_t length = control.reply.text_length <= 192 ? control.reply.text_length : 192;
    for (uint32_t i = 0; i < length; i++) text[i] = (char)control.reply.text[i];
    text[length] = 0;
    put_text("line "), put_number(line), put_text(": "), put_text(what);
    put_text(" gave "), put_number(found), put_text(": "), put_text(text);
    oro_panic(root, words);
}
static int says(const char *part) {
    for (uint32_t at = 0; at < control.reply.text_length; at++) {
        uint32_t i = 0;
        while (part[i] && at + i < control.reply.text_length && control.reply.text[at + i] == (uint8_t)part[i]) i++;
        if (!part[i]) return 1;
    }
    return 0;
}
static uint64_t must(int64_t found, const char *what, int line) {
    if (found != 0) fail(what, line, found);
    return control.reply.id;
}
static void is(int64_t code, int64_t found, const char *what, int line) {
    if (found != code) fail(what, line, found);
}
#define IS(code, ...) is((code), (__VA_ARGS__), #__VA_ARGS__, __LINE__)
#define MUST(...) must((__VA_ARGS__), #__VA_ARGS__, __LINE__)
#define SAYS(text) (says(text) ? (void)0 : fail("not said: " text, __LINE__, 0))
#define CHECK(...) ((__VA_ARGS__) ? (void)0 : fail(#__VA_ARGS__, __LINE__, 0))
#define SEND (oro_control_send(&control))
#define OWN (oro_own_ring(root)->id)
__attribute__((unused)) static int64_t create(uint64_t parent, const char *name) {
    return oro_control_create(&control, parent, name), SEND;
}
__attribute__((unused)) static int64_t mount(uint64_t ring, const char *name, const char *module) {
    return oro_control_mount(&control, ring, name, module), SEND;
}
__attribute__((unused)) static int64_t mount_image(uint64_t ring, const char *name, uint64_t image) {
    return oro_control_mount(&control, ring, name, 0), control.request.image = image, SEND;
}
__attribute__((unused)) static int64_t wire(uint64_t from, const char *from_port, uint64_t to, const char *to_port) {
    return oro_control_wire(&control, from, from_port, to, to_port), SEND;
}
__attribute__((unused)) static int64_t wire_element(uint64_t from, const char *from_port, uint32_t from_element,
                            uint64_t to, const char *to_port, uint32_t to_element) {
    oro_control_wire(&control, from, from_port, to, to_port);
    control.request.from_element = from_element, control.request.to_element = to_element;
    return SEND;
}
#define START(id) oro_control_start(&control, (id))
#define START_RING(id) oro_control_start_ring(&control, (id))
#define END(id) oro_control_end(&control, (id))
#define END_RING(id) oro_control_end_ring(&control, (id))
#define FORGET(id) oro_control_forget(&control, (id))
#define FORGET_RING(id) oro_control_forget_ring(&control, (id))
#define DESCRIBE(id) oro_control_describe(&control, (id))
#define PARAM(id, name, value) oro_control_param(&control, (id), (name), (value))
#define RESTART(id) oro_control_restart(&control, (id))
#define REPLACE(id, module, image) oro_control_replace(&control, (id), (module), (image))
/* Of an instance of the own Ring by its name. */
__attribute__((unused)) static uint64_t find(const char *name) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    for (uint32_t i = 0; i < own->instances.count; i++)
        if (oro_name_is(oro_ring_instance(own, i)->name, name)) return oro_ring_instance(own, i)->id;
    fail("find", __LINE__, 0);
}
/* Waits for its end: its state then. */
__attribute__((unused)) static int64_t wait_end(uint64_t instance, uint64_t *status, uint32_t *reason) {
    return oro_wait_for_end(root, instance, 1000000, ORO_NO_DEADLINE, status, reason);
}
__attribute__((unused)) static void sleep_ms(uint64_t ms) { oro_sleep_until(root, oro_now(root) + ms * 1000000); }
/* Ends and forgets all that is below, so that nobody ended badly: the status of who has found all right. */
__attribute__((unused)) static uint64_t clean(void) {
    const volatile struct oro_ring *own = oro_own_ring(root);
    for (uint32_t i = 0; i < own->children.count; i++) {
        const uint64_t id = oro_ring_child(own, i)->id;
        if (id != 0) (void)END_RING(id), (void)MUST(FORGET_RING(id));
    }
    return 0;
}
/* Says one letter by `text`, and waits until another one comes by `bytes`. */
__attribute__((unused)) static void meet(void) {
    static struct oro_endpoint out, in;
    if (out.root == 0) out = oro_open(root, 10), in = oro_open(root, 11);
    CHECK(oro_bytes_write(&out, "x", 1) == 0 && oro_wait(&in) > 0);
    (void)ORO_IN(struct oro_bytes_head, &in)->length;
    oro_advance(&in);
}
static uint64_t test(void);
uint64_t run(const struct oro_root *own) {
    root = own;
    oro_control_open(&control, root, 0, 1);
    return test();
}
"#;

/// What other modules begin with. `COUNT` is the number of messages.
pub(crate) const NUM_C: &str = r#"
#include <oro/oro.h>
#ifndef COUNT
#define COUNT UINT64_C(1000)
#endif
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
"#;

/// Sleeps for ever.
pub(crate) const IDLE: (&str, &str) = (
    "idle",
    r#"
ORO_MODULE("idle");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
void run(const struct oro_root *root) { oro_sleep_until(root, ORO_NO_DEADLINE - 1); }
"#,
);

/// Sends 1 to `COUNT`, as fast as it can.
pub(crate) const SOURCE: (&str, &str) = (
    "source",
    r#"
ORO_MODULE("source");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 1; count <= COUNT; count++, oro_advance(&out))
        ORO_OUT(struct num, &out)->value = count;
}
"#,
);

/// Passes numbers on.
pub(crate) const PASS: (&str, &str) = (
    "pass",
    r#"
ORO_MODULE("pass");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        ORO_OUT(struct num, &out)->value = value;
    }
}
"#,
);

/// Its status says whether exactly 1 to `COUNT` came, in this order.
pub(crate) const SINK: (&str, &str) = (
    "sink",
    r#"
ORO_MODULE("sink");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    uint64_t last = 0;
    for (; oro_wait(&in) > 0; oro_advance(&in)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        if (value != last + 1) return value;
        last++;
    }
    return last == COUNT ? 0 : 1000000 + last;
}
"#,
);

/// Serves clients at the elements of an array, wired late: adds up what each sends, and tells the sum when it
/// ends. Ends when its `stop` does.
pub(crate) const SERVER: (&str, &str) = (
    "server",
    r#"
#include <oro/control.h>
ORO_MODULE("server");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 4);
ORO_PORT(4, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "sums", ORO_NOTE_PORT_OPTIONAL, 1);
ORO_PORT(5, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "stop", 0, 1);
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint sums = oro_open(root, 4);
    struct oro_endpoint in[4];
    uint64_t sum[4], opened[4] = {0, 0, 0, 0}, seen[6];
    for (;;) {
        for (uint32_t i = 0; i < 6; i++) seen[i] = oro_binding_state(root, i);
        if ((uint32_t)seen[5] != ORO_STATE_WIRED) return 0;
        for (uint32_t i = 0; i < 4; i++) {
            if ((uint32_t)seen[i] == ORO_STATE_UNWIRED) continue;
            if (oro_port_id(root, i) != opened[i]) {
                in[i] = oro_open(root, i), sum[i] = 0, opened[i] = oro_port_id(root, i);
                if (in[i].next != 0) return 2; /* Counts start at 0. */
            } else if ((uint32_t)seen[i] != ORO_STATE_WIRED) {
                continue;
            }
            while (oro_wait(&in[i]) > 0) {
                sum[i] += ORO_IN(struct num, &in[i])->value;
                oro_advance(&in[i]);
            }
            if (oro_wait(&sums) <= 0) return 3;
            ORO_OUT(struct num, &sums)->value = sum[i];
            oro_advance(&sums);
        }
        for (uint32_t i = 0; i < 6; i++) seen[i] = oro_binding_state(root, i) == seen[i] ? seen[i] : 0;
        oro_wait_bindings_until(root, 0, seen, 6, ORO_NO_DEADLINE);
    }
}
"#,
);

/// Sends 1 to 10, and ends.
pub(crate) const CLIENT: (&str, &str) = (
    "client",
    r#"
ORO_MODULE("client");
ORO_ENTRY(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t count = 1; count <= 10; count++, oro_advance(&out))
        ORO_OUT(struct num, &out)->value = count;
}
"#,
);

/// A folder with a system of one holder, and of modules that it may mount.
pub(crate) struct Held<'a> {
    pub(crate) folder: &'a Folder,
    /// The holder's source after [`HOLDER_C`].
    pub(crate) holder: &'a str,
    /// Names and sources, each after [`NUM_C`].
    pub(crate) modules: &'a [(&'a str, &'a str)],
    /// What else the manifest says.
    pub(crate) more: &'a str,
}

impl Held<'_> {
    /// Writes it as `system.toml`.
    pub(crate) fn write(&self) {
        let mut names = String::new();
        let mut sources = String::new();
        for (name, source) in self.modules {
            self.folder.write(&format!("{name}.c"), format!("{NUM_C}{source}"));
            let _ = write!(names, "\"{name}\", ");
            let _ = writeln!(sources, "{name} = {{ source = \"{name}.c\" }}");
        }
        self.folder.write("holder.c", format!("{HOLDER_C}#line 1\n{}", self.holder));
        let (wires, more) = (wires("holder"), self.more);
        self.folder.write(
            "system.toml",
            format!(
                "oro = 1\n[modules]\nholder = {{ source = \"holder.c\" }}\n{sources}\
                 [instance.holder]\nmodule = \"holder\"\nmodules = [{names}]\n{wires}{more}"
            ),
        );
    }

    /// Runs it.
    pub(crate) fn run(&self) -> End {
        self.write();
        self.folder.run("", "run system.toml --timeout 80s")
    }
}

/// What wires an instance, given by its path, to Ring control.
pub(crate) fn wires(path: &str) -> String {
    let ring = path.rsplit_once('/').map_or(String::new(), |(ring, _)| format!("{ring}/"));
    format!(
        "[[wire]]\nfrom = \"{path}.control\"\nto = \"{ring}ring.requests\"\n\
         [[wire]]\nfrom = \"{ring}ring.replies\"\nto = \"{path}.answers\"\n"
    )
}

/// Runs a holder that may mount these modules; it must end with status 0.
#[track_caller]
pub(crate) fn holds(name: &str, modules: &[(&str, &str)], holder: &str) -> End {
    let folder = Folder::new(name);
    let end = Held { folder: &folder, holder, modules, more: "" }.run();
    end.ends(0);
    end
}
