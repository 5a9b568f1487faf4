/* control.h: Ring control in C and C++ (docs/spec/control.md), the Ring's tables, and ports that are wired
 * while the module runs. For managed threads. Written by hand, on top of oro.h.
 *
 *     #include <oro/control.h>
 *
 *     ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_control_request, ORO_CONTROL_LAYOUT, "control", 0, 1);
 *     ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, oro_control_reply, ORO_CONTROL_REPLY_LAYOUT, "answers", 0, 1);
 *
 *     static struct oro_control control; // 900 bytes, which a stack may have no room for.
 *
 *     uint64_t run(const struct oro_root *root) {
 *         uint64_t jail, filter;
 *         oro_control_open(&control, root, 0, 1);
 *         oro_control_create(&control, oro_own_ring(root)->id, "jail");   // drafts a request,
 *         control.request.memory_bytes = 1 << 20;                        // which may say more,
 *         if (oro_control_send(&control) != 0) return 1;                 // and is sent.
 *         jail = control.reply.id;
 *         oro_control_mount(&control, jail, "filter", "filter");
 *         if (oro_control_send(&control) != 0) return 1;
 *         filter = control.reply.id;
 *         oro_control_wire(&control, filter, "log", 0, "console.log");
 *         if (oro_control_send(&control) != 0) return 1;
 *         return oro_control_start_ring(&control, jail) != 0;            // The others are sent at once.
 *     }
 *
 * What is sent gives 0; or ORO_CONTROL_BAD_REQUEST to ORO_CONTROL_SYSTEM, with a sentence in `reply.text`;
 * or, negative, ORO_ENDED, ORO_NO_PEER, ORO_MISBEHAVED, ORO_RESTARTED.
 */
#ifndef ORO_CONTROL_H
#define ORO_CONTROL_H

#include "oro.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Requests -------------------------------------------------------------------------------- */

/* Ring control, held by the thread that is wired to both ends of `ring` (CTL-1). */
struct oro_control {
    struct oro_endpoint requests, replies;
    struct oro_control_request request; /* What is asked next. */
    struct oro_control_reply reply;     /* What came of the last. */
    int has_bad_name;                   /* A name in `request` is empty, or longer than 31 bytes. */
};

/* Opens the ports with these indices, which are wired to `ring.requests` and from `ring.replies`. */
static inline void oro_control_open(struct oro_control *control, const struct oro_root *root,
                                    uint32_t requests, uint32_t replies) {
    control->requests = oro_open(root, requests);
    control->replies = oro_open(root, replies);
}

/* Begins a request: this operation, and nothing else. */
static inline void oro_control_begin(struct oro_control *control, uint32_t operation) {
    volatile uint8_t *bytes = (volatile uint8_t *)&control->request;
    for (size_t i = 0; i < sizeof control->request; i++) bytes[i] = 0;
    control->request.operation = operation;
    control->has_bad_name = 0;
}

/* Writes a name to a field of the request (NOTE-6). */
static inline void oro_control_put_name(struct oro_control *control, uint8_t *field,
                                        const char *name) {
    uint32_t length = 0;
    for (; name[length] != 0 && length < 31; length++) field[length] = (uint8_t)name[length];
    if (length == 0 || name[length] != 0) control->has_bad_name = 1;
}

/* Sends the request and waits for the reply; see above. A bad name is ORO_CONTROL_NAME, and not sent.
 * *Blocks*. */
static inline int64_t oro_control_send(struct oro_control *control) {
    int64_t result;
    control->reply.text_length = 0;
    if (control->has_bad_name) return ORO_CONTROL_NAME;
    result = oro_call(&control->requests, &control->request, sizeof control->request,
                      &control->replies, &control->reply, sizeof control->reply);
    if (result == 0) result = control->reply.code;
    return result;
}

/* Drafts: make a child of `parent` with this name; memory_bytes, port_count and thread_count are its
 * quotas. Its id is `reply.id` (CTL-4). */
static inline void oro_control_create(struct oro_control *control, uint64_t parent,
                                      const char *name) {
    oro_control_begin(control, ORO_CONTROL_CREATE);
    control->request.ring = parent;
    oro_control_put_name(control, control->request.name, name);
}

/* Drafts: make an instance in `ring` of a granted module; with `module` null, set request.image. Also
 * heap_bytes, memory_bytes, restart and its kin. Its id is `reply.id` (CTL-6). */
static inline void oro_control_mount(struct oro_control *control, uint64_t ring, const char *name,
                                     const char *module) {
    oro_control_begin(control, ORO_CONTROL_MOUNT);
    control->request.ring = ring;
    oro_control_put_name(control, control->request.name, name);
    if (module != 0) oro_control_put_name(control, control->request.module, module);
}

/* Drafts: make a Port; of an instance 0, the port is a built-in end, `console.log`. Also from_element,
 * to_element, slot_count, slot_size_bytes. Its id is `reply.id` (CTL-6, CTL-8). */
static inline void oro_control_wire(struct oro_control *control, uint64_t from,
                                    const char *from_port, uint64_t to, const char *to_port) {
    oro_control_begin(control, ORO_CONTROL_WIRE);
    control->request.from = from;
    control->request.to = to;
    oro_control_put_name(control, control->request.from_port, from_port);
    oro_control_put_name(control, control->request.to_port, to_port);
}

static inline int64_t oro_control_on_ring_(struct oro_control *control, uint32_t operation,
                                           uint64_t ring) {
    oro_control_begin(control, operation);
    control->request.ring = ring;
    return oro_control_send(control);
}
static inline int64_t oro_control_on_instance_(struct oro_control *control, uint32_t operation,
                                               uint64_t instance) {
    oro_control_begin(control, operation);
    control->request.from = instance;
    return oro_control_send(control);
}
static inline int64_t oro_control_on_port_(struct oro_control *control, uint32_t operation,
                                           uint64_t port) {
    oro_control_begin(control, operation);
    control->request.port = port;
    return oro_control_send(control);
}

/* Remounts an instance of the parent's Ring onto `ring`, or, of an instance 0, the built-in one with this
 * name (CTL-4, RING-6). The name is null otherwise. */
static inline int64_t oro_control_remount(struct oro_control *control, uint64_t ring,
                                          uint64_t instance, const char *builtin) {
    oro_control_begin(control, ORO_CONTROL_REMOUNT);
    control->request.ring = ring;
    control->request.from = instance;
    if (builtin != 0) oro_control_put_name(control, control->request.module, builtin);
    return oro_control_send(control);
}

/* Takes an ELF image from memory; its id is `reply.id` (CTL-5). */
static inline int64_t oro_control_load(struct oro_control *control, const void *image,
                                       uint64_t size_bytes) {
    oro_control_begin(control, ORO_CONTROL_LOAD);
    control->request.address = (uint64_t)(uintptr_t)image;
    control->request.size_bytes = size_bytes;
    return oro_control_send(control);
}

/* Gives an instance that has not been started a parameter, as a text of at most 192 bytes (CTL-6). A
 * longer one is ORO_CONTROL_BAD_REQUEST, and not sent. */
static inline int64_t oro_control_param(struct oro_control *control, uint64_t instance,
                                        const char *name, const char *value) {
    uint32_t length = 0;
    oro_control_begin(control, ORO_CONTROL_PARAM);
    control->request.from = instance;
    oro_control_put_name(control, control->request.name, name);
    for (; value[length] != 0; length++) {
        if (length == sizeof control->request.text) return ORO_CONTROL_BAD_REQUEST;
        control->request.text[length] = (uint8_t)value[length];
    }
    control->request.text_length = length;
    return oro_control_send(control);
}

/* Starts an instance, or all that is mounted in a Ring and its descendants, together (CTL-7). */
static inline int64_t oro_control_start(struct oro_control *control, uint64_t instance) {
    return oro_control_on_instance_(control, ORO_CONTROL_START, instance);
}
static inline int64_t oro_control_start_ring(struct oro_control *control, uint64_t ring) {
    return oro_control_on_ring_(control, ORO_CONTROL_START, ring);
}

/* Ends an instance, or every one of a Ring and its descendants: as killed (CTL-9). */
static inline int64_t oro_control_end(struct oro_control *control, uint64_t instance) {
    return oro_control_on_instance_(control, ORO_CONTROL_END, instance);
}
static inline int64_t oro_control_end_ring(struct oro_control *control, uint64_t ring) {
    return oro_control_on_ring_(control, ORO_CONTROL_END, ring);
}

/* Replaces an instance by itself, new; or by a granted module; or, of a null one, by an image (CTL-9). */
static inline int64_t oro_control_restart(struct oro_control *control, uint64_t instance) {
    return oro_control_on_instance_(control, ORO_CONTROL_RESTART, instance);
}
static inline int64_t oro_control_replace(struct oro_control *control, uint64_t instance,
                                          const char *module, uint64_t image) {
    oro_control_begin(control, ORO_CONTROL_REPLACE);
    control->request.from = instance;
    control->request.image = image;
    if (module != 0) oro_control_put_name(control, control->request.module, module);
    return oro_control_send(control);
}

/* Takes what has ended out of the tables, an instance or a Ring with all that is in it (CTL-10). */
static inline int64_t oro_control_forget(struct oro_control *control, uint64_t instance) {
    return oro_control_on_instance_(control, ORO_CONTROL_FORGET, instance);
}
static inline int64_t oro_control_forget_ring(struct oro_control *control, uint64_t ring) {
    return oro_control_on_ring_(control, ORO_CONTROL_FORGET, ring);
}

/* Forces a Port synchronous; takes that back; takes the Port from both ends (CTL-11). */
static inline int64_t oro_control_force(struct oro_control *control, uint64_t port) {
    return oro_control_on_port_(control, ORO_CONTROL_FORCE, port);
}
static inline int64_t oro_control_allow(struct oro_control *control, uint64_t port) {
    return oro_control_on_port_(control, ORO_CONTROL_ALLOW, port);
}
static inline int64_t oro_control_revoke(struct oro_control *control, uint64_t port) {
    return oro_control_on_port_(control, ORO_CONTROL_REVOKE, port);
}

/* Gives the instance's end of a Port to another of its threads: to its port `to`, element `element`
 * (END-14). */
static inline int64_t oro_control_transfer(struct oro_control *control, uint64_t port,
                                           uint64_t instance, const char *to, uint32_t element) {
    oro_control_begin(control, ORO_CONTROL_TRANSFER);
    control->request.port = port;
    control->request.from = instance;
    control->request.to_element = element;
    oro_control_put_name(control, control->request.to_port, to);
    return oro_control_send(control);
}

/* What a Ring has and may have: `reply.memory_bytes` and so on (CTL-12). */
static inline int64_t oro_control_describe(struct oro_control *control, uint64_t ring) {
    return oro_control_on_ring_(control, ORO_CONTROL_DESCRIBE, ring);
}

/* ---- The Ring's tables ----------------------------------------------------------------------- */

/* The thread's own Ring (META-3). */
static inline const volatile struct oro_ring *oro_own_ring(const struct oro_root *root) {
    return (const volatile struct oro_ring *)(uintptr_t)root->ring;
}

/* Address of the entry with an index below the table's `count` (META-4). */
static inline const volatile void *oro_table_entry(const volatile struct oro_table *table,
                                                   uint32_t index) {
    return (const volatile void *)(uintptr_t)(table->entries +
                                              (uint64_t)index * table->stride_bytes);
}
static inline const volatile struct oro_instance *
oro_ring_instance(const volatile struct oro_ring *ring, uint32_t index) {
    return (const volatile struct oro_instance *)oro_table_entry(&ring->instances, index);
}
static inline const volatile struct oro_ring *oro_ring_child(const volatile struct oro_ring *ring,
                                                             uint32_t index) {
    return (const volatile struct oro_ring *)oro_table_entry(&ring->children, index);
}
static inline const volatile struct oro_port *oro_ring_port(const volatile struct oro_ring *ring,
                                                            uint32_t index) {
    return (const volatile struct oro_port *)oro_table_entry(&ring->ports, index);
}

/* Whether an entry's name, of 32 bytes, is this one. What was forgotten has an empty one. */
static inline int oro_name_is(const volatile uint8_t *name, const char *expected) {
    uint32_t i = 0;
    while (i < 31 && expected[i] != 0 && name[i] == (uint8_t)expected[i]) i++;
    return name[i] == 0 && expected[i] == 0;
}

/* The entry of an instance of this Ring or of a descendant (RING-2); null: it is not there any more. Another
 * instance never has its id, but perhaps its entry, once it is forgotten. Never blocks. */
static inline const volatile struct oro_instance *
oro_find_instance(const volatile struct oro_ring *ring, uint64_t id) {
    for (uint32_t i = 0; id != 0 && i < ring->instances.count; i++) {
        if (oro_ring_instance(ring, i)->id == id) return oro_ring_instance(ring, i);
    }
    for (uint32_t i = 0; i < ring->children.count; i++) {
        const volatile struct oro_instance *found = oro_find_instance(oro_ring_child(ring, i), id);
        if (found != 0) return found;
    }
    return 0;
}

/* Waits until an instance is over, or until the deadline, and gives its state, ORO_INSTANCE_*; `status` and
 * `reason`, if not null, are valid once it is over. -1: it is not in the tables any more. No gate waits for
 * that, so it looks every `pause_ns`: whoever has a Port of it waits for that Port's end first. *Blocks*. */
static inline int64_t oro_wait_for_end(const struct oro_root *root, uint64_t instance,
                                       uint64_t pause_ns, uint64_t deadline, uint64_t *status,
                                       uint32_t *reason) {
    for (;;) {
        const volatile struct oro_instance *entry = oro_find_instance(oro_own_ring(root), instance);
        uint32_t state;
        uint64_t now;
        if (entry == 0) return -1;
        state = oro_load32(&entry->state); /* Before what is valid by it. */
        if (status != 0) *status = entry->status;
        if (reason != 0) *reason = entry->reason;
        if (entry->id != instance) continue; /* Forgotten meanwhile. */
        if (state == ORO_INSTANCE_ENDED || state == ORO_INSTANCE_FAULTED) return state;
        now = oro_now(root);
        if (now >= deadline) return state;
        now = deadline - now > pause_ns ? now + pause_ns : deadline;
        oro_sleep_until(root, now);
    }
}

/* ---- Ports that are wired while the module runs (CTL-8) ---------------------------------------- */

static inline const volatile struct oro_binding *oro_binding_(const struct oro_root *root,
                                                              uint32_t port_index) {
    return (const volatile struct oro_binding *)(uintptr_t)(root->bindings +
                                                            (uint64_t)port_index *
                                                                root->binding_stride_bytes);
}

/* Id of the Port that a port, or an element of an array, is wired to; 0: none. It changes before the state
 * does: an end whose Port is not the one that it was opened for is of the past, and must not be used, but
 * opened anew by oro_open once oro_state is not ORO_STATE_UNWIRED. Never blocks. */
static inline uint64_t oro_port_id(const struct oro_root *root, uint32_t port_index) {
    return oro_load64(&oro_binding_(root, port_index)->port_id);
}

/* State and epoch, as oro_wait_bindings_until compares them. Never blocks. */
static inline uint64_t oro_binding_state(const struct oro_root *root, uint32_t port_index) {
    const volatile struct oro_binding *binding = oro_binding_(root, port_index);
    const uint64_t state = oro_load32(&binding->state);
    return state | (uint64_t)oro_load32(&binding->epoch) << 32;
}

/* Waits until the state or the epoch of one of `count` elements, from the port index `first` on, is not what
 * `seen` says, or until the deadline. Which element; -1: the deadline. Load `seen` before the look that found
 * nothing to do. *Blocks*.
 *
 *     uint64_t seen[8];
 *     for (uint32_t i = 0; i < 8; i++) seen[i] = oro_binding_state(root, REQUESTS + i);
 *     ... open what oro_port_id says is new ...
 *     oro_wait_bindings_until(root, REQUESTS, seen, 8, ORO_NO_DEADLINE);
 */
static inline int64_t oro_wait_bindings_until(const struct oro_root *root, uint32_t first,
                                              const uint64_t *seen, uint32_t count,
                                              uint64_t deadline) {
    uint64_t now = 0;
    if (count > ORO_CONDITION_COUNT) oro_panic(root, "oro_wait_bindings: more than 128 elements");
    for (;;) {
        for (uint32_t i = 0; i < count; i++) {
            if (oro_binding_state(root, first + i) != seen[i]) return i;
        }
        for (uint32_t i = 0; i < count; i++) {
            volatile struct oro_condition *condition = oro_condition_(root, i);
            condition->kind = ORO_WAIT_BINDING;
            condition->index = first + i;
            condition->value = seen[i];
        }
        if (!oro_wait_turn_(root, count, deadline, &now)) return -1;
    }
}

/* Says of an element whose peer has ended, and of which everything has been released, that this thread knows
 * of it and will not touch its slots again. Only then can the element be wired again (CTL-8); until it is, its
 * endpoint must not be used. A touch of a gate; never blocks.
 *
 *     if (oro_wait(&clients[i]) < 0) oro_let_go(root, REQUESTS + i);
 */
static inline void oro_let_go(const struct oro_root *root, uint32_t port_index) {
    volatile struct oro_condition *condition = oro_condition_(root, 0);
    condition->kind = ORO_WAIT_BINDING;
    condition->index = port_index;
    condition->value = oro_binding_state(root, port_index);
    (void)oro_touch_gate_(root, 1, 0);
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ORO_CONTROL_H */
