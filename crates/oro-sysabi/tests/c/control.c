/* Runs the helpers of control.h over Ports and tables in ordinary memory, where every value can be chosen;
 * compiled and run by tests/c_header.rs. Exits with the line of the first check that fails. */
#include <oro/control.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: %s\n", __LINE__, #condition);                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static struct oro_root root;
static struct oro_binding bindings[3];
static struct oro_request request;
static struct oro_response response;
static uint64_t gates[2][512]; /* Two pages; nothing traps, so a gate returns at once (GATE-4). */
static struct oro_control_request asked[1], expected;
static struct oro_control_reply told[1];
static uint64_t asked_own, asked_peer, told_own, told_peer;
static struct oro_control control;

static uint64_t address_of(volatile void *thing) { return (uint64_t)(uintptr_t)thing; }

static void bind(struct oro_binding *binding, uint32_t direction, volatile void *window,
                 uint32_t slot_size, uint64_t *own, uint64_t *peer) {
    binding->window = address_of(window);
    binding->stride_bytes = binding->slot_size_bytes = slot_size;
    binding->own_cursor = address_of(own);
    binding->peer_cursor = address_of(peer);
    binding->mode = ORO_MODE_ASYNCHRONOUS;
    binding->state = ORO_STATE_WIRED;
    binding->slot_count = 1;
    binding->direction = direction;
}

static void set_up(void) {
    root.bindings = address_of(bindings);
    root.binding_stride_bytes = sizeof bindings[0];
    root.binding_count = 3;
    root.request = address_of(&request);
    root.response = address_of(&response);
    root.gates = address_of(gates);
    root.page_size_bytes = 4096;
    root.cpu_count = 1;
    bind(&bindings[0], ORO_DIRECTION_PRODUCER, asked, sizeof asked[0], &asked_own, &asked_peer);
    bind(&bindings[1], ORO_DIRECTION_CONSUMER, told, sizeof told[0], &told_own, &told_peer);
    oro_control_open(&control, &root, 0, 1);
}

/* The next request is answered with this code and id, and is to be this operation. Nobody runs beside, so
 * the reply is there before. */
static void prepare(uint32_t operation, uint32_t code, uint64_t id) {
    asked_peer = asked_own;
    memset(told, 0, sizeof told);
    told[0].correlation = asked_own;
    told[0].code = code;
    told[0].id = id;
    told_peer = told_own + 1;
    memset(&expected, 0, sizeof expected);
    expected.correlation = asked_own;
    expected.operation = operation;
}

static int is_as_expected(void) { return memcmp(&asked[0], &expected, sizeof expected) == 0; }

static void put(uint8_t field[32], const char *name) { memcpy(field, name, strlen(name)); }

/* CTL-4, CTL-6: drafts say what is said, and nothing else. */
static void check_drafts(void) {
    prepare(ORO_CONTROL_CREATE, 0, 77);
    expected.ring = 5;
    put(expected.name, "jail");
    expected.memory_bytes = 4096;
    oro_control_create(&control, 5, "jail");
    control.request.memory_bytes = 4096;
    CHECK(oro_control_send(&control) == 0 && control.reply.id == 77 && is_as_expected());

    prepare(ORO_CONTROL_MOUNT, ORO_CONTROL_QUOTA, 0);
    expected.ring = 5;
    put(expected.name, "a");
    put(expected.module, "sieve");
    oro_control_mount(&control, 5, "a", "sieve");
    CHECK(oro_control_send(&control) == ORO_CONTROL_QUOTA && is_as_expected());

    prepare(ORO_CONTROL_WIRE, 0, 3);
    expected.from = 8;
    expected.from_element = 2;
    put(expected.from_port, "log");
    put(expected.to_port, "console.log");
    oro_control_wire(&control, 8, "log", 0, "console.log");
    control.request.from_element = 2;
    CHECK(oro_control_send(&control) == 0 && control.reply.id == 3 && is_as_expected());
}

/* CTL-7, CTL-9, CTL-10, CTL-11, CTL-12: what is sent at once. */
static void check_operations(void) {
#define CHECK_ONE(operation, field, call)                                                          \
    do {                                                                                           \
        prepare(operation, 0, 0);                                                                  \
        expected.field = 9;                                                                        \
        CHECK((call) == 0 && is_as_expected());                                                    \
    } while (0)
    CHECK_ONE(ORO_CONTROL_START, from, oro_control_start(&control, 9));
    CHECK_ONE(ORO_CONTROL_START, ring, oro_control_start_ring(&control, 9));
    CHECK_ONE(ORO_CONTROL_END, from, oro_control_end(&control, 9));
    CHECK_ONE(ORO_CONTROL_END, ring, oro_control_end_ring(&control, 9));
    CHECK_ONE(ORO_CONTROL_RESTART, from, oro_control_restart(&control, 9));
    CHECK_ONE(ORO_CONTROL_FORGET, from, oro_control_forget(&control, 9));
    CHECK_ONE(ORO_CONTROL_FORGET, ring, oro_control_forget_ring(&control, 9));
    CHECK_ONE(ORO_CONTROL_FORCE, port, oro_control_force(&control, 9));
    CHECK_ONE(ORO_CONTROL_ALLOW, port, oro_control_allow(&control, 9));
    CHECK_ONE(ORO_CONTROL_REVOKE, port, oro_control_revoke(&control, 9));
    CHECK_ONE(ORO_CONTROL_DESCRIBE, ring, oro_control_describe(&control, 9));

    prepare(ORO_CONTROL_REMOUNT, 0, 0);
    expected.ring = 9;
    put(expected.module, "console");
    CHECK(oro_control_remount(&control, 9, 0, "console") == 0 && is_as_expected());
    prepare(ORO_CONTROL_REMOUNT, 0, 0);
    expected.ring = 9;
    expected.from = 4;
    CHECK(oro_control_remount(&control, 9, 4, 0) == 0 && is_as_expected());
    prepare(ORO_CONTROL_LOAD, 0, 6);
    expected.address = address_of(gates);
    expected.size_bytes = 10;
    CHECK(oro_control_load(&control, gates, 10) == 0 && is_as_expected());
    prepare(ORO_CONTROL_REPLACE, 0, 0);
    expected.from = 9;
    expected.image = 6;
    CHECK(oro_control_replace(&control, 9, 0, 6) == 0 && is_as_expected());
    prepare(ORO_CONTROL_TRANSFER, 0, 0);
    expected.port = 2;
    expected.from = 9;
    expected.to_element = 1;
    put(expected.to_port, "in");
    CHECK(oro_control_transfer(&control, 2, 9, "in", 1) == 0 && is_as_expected());
    prepare(ORO_CONTROL_PARAM, 0, 0);
    expected.from = 9;
    put(expected.name, "n");
    expected.text[0] = '3';
    expected.text_length = 1;
    CHECK(oro_control_param(&control, 9, "n", "3") == 0 && is_as_expected());
}

/* NOTE-6, CTL-2: what does not fit is not sent, and who does not answer has ended. */
static void check_refusals(void) {
    static char text[194];
    const uint64_t before = asked_own;
    memset(text, 'x', 193);
    CHECK(oro_control_param(&control, 9, "n", text) == ORO_CONTROL_BAD_REQUEST);
    text[32] = 0;
    oro_control_create(&control, 5, text);
    CHECK(oro_control_send(&control) == ORO_CONTROL_NAME);
    oro_control_create(&control, 5, "");
    CHECK(oro_control_send(&control) == ORO_CONTROL_NAME && asked_own == before);
    prepare(ORO_CONTROL_CREATE, 0, 1);
    text[31] = 0;
    oro_control_create(&control, 5, text);
    CHECK(oro_control_send(&control) == 0 && asked[0].name[30] == 'x' && asked[0].name[31] == 0);
    bindings[0].state = bindings[1].state = ORO_STATE_CLOSED;
    CHECK(oro_control_start(&control, 9) == ORO_ENDED);
}

/* META-4, META-5, RING-2: the own Ring's instances, and those of its descendants. */
static void check_tables(void) {
    static struct oro_ring own, children[2];
    static struct oro_instance mine[1], theirs[2];
    static struct oro_port ports[2];
    uint64_t status = 0;
    uint32_t reason = 9;
    mine[0].id = 2;
    theirs[1].id = 7;
    memcpy(theirs[1].name, "client", 6);
    theirs[1].state = ORO_INSTANCE_ENDED;
    theirs[1].status = 41;
    own.instances.entries = address_of(mine);
    own.instances.stride_bytes = sizeof mine[0];
    own.instances.count = 1;
    own.children.entries = address_of(children);
    own.children.stride_bytes = sizeof children[0];
    own.children.count = 2;
    children[1].instances.entries = address_of(theirs);
    children[1].instances.stride_bytes = sizeof theirs[0];
    children[1].instances.count = 2;
    own.ports.entries = address_of(ports);
    own.ports.stride_bytes = sizeof ports[0];
    root.ring = address_of(&own);
    CHECK(oro_find_instance(oro_own_ring(&root), 2) == &mine[0]);
    CHECK(oro_find_instance(oro_own_ring(&root), 7) == &theirs[1]);
    CHECK(oro_find_instance(oro_own_ring(&root), 8) == 0);
    CHECK(oro_find_instance(oro_own_ring(&root), 0) == 0); /* Built-in instances have no id. */
    CHECK(oro_ring_port(oro_own_ring(&root), 1) == &ports[1]);
    CHECK(oro_name_is(theirs[1].name, "client") && !oro_name_is(theirs[1].name, "clients"));
    CHECK(!oro_name_is(theirs[1].name, "clien") && oro_name_is(theirs[0].name, ""));
    CHECK(oro_wait_for_end(&root, 7, 1000, ORO_NO_DEADLINE, &status, &reason) == ORO_INSTANCE_ENDED);
    CHECK(status == 41 && reason == ORO_REASON_NONE);
    CHECK(oro_wait_for_end(&root, 8, 1000, ORO_NO_DEADLINE, 0, 0) == -1);
    mine[0].state = ORO_INSTANCE_RUNNING;
    CHECK(oro_wait_for_end(&root, 2, 1000, 0, 0, 0) == ORO_INSTANCE_RUNNING);
}

/* CTL-8, GATE-3: an element that is wired late. */
static void check_bindings(void) {
    uint64_t seen[2];
    memset(&bindings[1], 0, 2 * sizeof bindings[1]);
    bindings[2].epoch = 4;
    for (uint32_t i = 0; i < 2; i++) seen[i] = oro_binding_state(&root, 1 + i);
    CHECK(seen[0] == ORO_STATE_UNWIRED && seen[1] == UINT64_C(4) << 32);
    CHECK(oro_port_id(&root, 2) == 0);
    response.now_ns = 50;
    /* No time passes at these gates: a deadline that has passed; the conditions are written before. */
    CHECK(oro_wait_bindings_until(&root, 1, seen, 2, 50) == -1);
    CHECK(request.conditions[0].index == 1 && request.conditions[1].kind == ORO_WAIT_BINDING);
    CHECK(request.conditions[1].index == 2 && request.conditions[1].value == seen[1]);
    bindings[2].port_id = 6;
    bindings[2].state = ORO_STATE_WIRED;
    CHECK(oro_wait_bindings_until(&root, 1, seen, 2, ORO_NO_DEADLINE) == 1);
    CHECK(oro_port_id(&root, 2) == 6);
}

int main(void) {
    set_up();
    check_drafts();
    check_operations();
    check_refusals();
    check_tables();
    check_bindings();
    printf("ok\n");
    return 0;
}
