/* oro.h: writing a module in C or C++. Written by hand; the layouts are in sysabi.h.
 *
 * A module is a freestanding program that makes no system call. Its threads start with one pointer,
 * to struct oro_root, and move messages through slots of memory. Everything here is inline or a
 * macro; there is no library to link. C11 or later, C++17 or later, gcc or clang, x86_64 or AArch64.
 * The clauses in parentheses (NAIVE-4) are those of docs/spec/.
 *
 * A whole module, a filter that doubles numbers:
 *
 *     #include <oro/oro.h>
 *
 *     #define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value) FIELD(u64, tag)
 *     #define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
 *     ORO_MESSAGE(num, NUM);
 *
 *     ORO_MODULE("double");
 *     ORO_ENTRY(0, filter, 0, 0);
 *     ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
 *     ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
 *
 *     void filter(const struct oro_root *root) {
 *         struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
 *         for (;; oro_advance(&in), oro_advance(&out)) {
 *             const volatile struct num *a = ORO_IN(struct num, &in);
 *             uint64_t value = a->value, tag = a->tag;      // first everything that is read,
 *             volatile struct num *b = ORO_OUT(struct num, &out);
 *             b->value = 2 * value;                         // then the output in one go
 *             b->tag = tag;
 *         }
 *     }
 *
 * How it stops: when its producer has ended and everything is read, the load of a->value ends the
 * thread (NAIVE-6); when its consumer has ended, the store to b->value does (NAIVE-3).
 *
 * Build: cc -std=c11 -O2 -ffreestanding -fno-stack-protector -fPIE -nostdlib -static-pie
 *           -Wl,-e,filter -I include double.c -o double
 * There is no C library: copying whole structures may ask for a memcpy of your own.
 *
 * The rules of slots:
 *
 * - Slots are memory that changes its meaning under the program: `n` and `n + 2` may share an
 *   address. Always go through the volatile pointers that ORO_IN and ORO_OUT give, or through the
 *   copy functions, which do. A plain pointer lets the compiler merge, move or widen accesses across
 *   slots; memcpy and friends may touch bytes that you did not name.
 * - A naive thread (the default) touches slots in order and does nothing else. Its first access to
 *   the next slot of *any* endpoint commits every output that it holds (NAIVE-1). So fetch what you
 *   need from the inputs first, then write one output completely, then the next output. Writing two
 *   outputs field by field in turn, or fetching a new input in the middle of an output, commits a
 *   half-written slot and is a violation at the next store to it (NAIVE-4): the instance ends.
 * - What was read stays readable until that endpoint's next slot is touched (NAIVE-7).
 * - A managed thread (ORO_ENTRY_MANAGED) asks oro_available or oro_wait before each slot, always: a
 *   touch of a slot that is not available costs the Port its asynchronous mode (MODE-1). It writes
 *   every byte of a slot (ASYNC-2), and commits and releases by oro_advance, or several slots by
 *   oro_commit and oro_release. Nothing ends it because a peer has.
 * - What a peer wrote, lengths and indices included, is data to be checked.
 */
#ifndef ORO_ORO_H
#define ORO_ORO_H

#include "sysabi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Endpoints ------------------------------------------------------------------------------- */

/* A thread's handle of one of its ports. Private to the thread; never shared. */
struct oro_endpoint {
    const struct oro_root *root;
    const volatile struct oro_binding *binding;
    uint64_t next; /* Number of the next slot: messages committed or released so far. */
    uint64_t peer; /* The peer's cursor as last seen, valid (PORT-8). */
};

/* Errors of oro_available and what stands on it, all negative. */
#define ORO_ENDED (-1)      /* The peer has ended (or this end was revoked), and nothing is left. */
#define ORO_NO_PEER (-2)    /* The port is not wired, or it belongs to another thread. */
#define ORO_MISBEHAVED (-3) /* The peer's cursor is impossible (BIND-4): trust nothing it says. */
#define ORO_RESTARTED (-4)  /* Of oro_call: the peer was replaced after the request (END-7). */
#define ORO_TIMED_OUT (-5)  /* Of oro_call_until: there was no reply until the deadline. */

/* Loads with acquire ordering: what the writer stored before its release store is visible after.
 * Never block. Partner: the release store of a cursor or a state by peer or kernel. */
static inline uint32_t oro_load32(const volatile uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static inline uint64_t oro_load64(const volatile uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Stores with release ordering: everything written before is visible to whoever acquires it. */
static inline void oro_store32(volatile uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline void oro_store64(volatile uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Keeps the compiler from moving memory accesses across this point; costs no instruction. Needed
 * between slots only by code that uses plain pointers into them. */
static inline void oro_barrier(void) {
    __asm__ volatile("" ::: "memory");
}

/* Tells the processor that this is a spinning loop. */
static inline void oro_spin_hint(void) {
#if defined(__x86_64__)
    __asm__ volatile("pause" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#else
    oro_barrier();
#endif
}

/* ---- Ends of threads ------------------------------------------------------------------------- */

/* The thread's request page. */
static inline volatile struct oro_request *oro_request_page(const struct oro_root *root) {
    return (volatile struct oro_request *)(uintptr_t)root->request;
}

/* Leaves last words of a kind ORO_LAST_WORDS_* for the end report (END-8); a text longer than
 * ORO_LAST_WORDS_SIZE bytes is cut. Needs no port; does not end the thread; never blocks. */
static inline void oro_last_words(const struct oro_root *root, uint32_t kind, const char *text) {
    volatile struct oro_request *request = oro_request_page(root);
    uint32_t length = 0;
    while (length < ORO_LAST_WORDS_SIZE && text[length] != 0) {
        request->last_words[length] = (uint8_t)text[length];
        length++;
    }
    request->last_words_length = length;
    request->last_words_kind = kind;
}

/* Ends the whole instance as panicked, with `text` in the report (END-5, END-8). Slots that it holds
 * are discarded. Does not return.
 *
 *     if (length > 248) oro_panic(root, "parse: a line has at most 248 bytes");
 */
__attribute__((noreturn)) static inline void oro_panic(const struct oro_root *root,
                                                       const char *text) {
    oro_last_words(root, ORO_LAST_WORDS_PANIC, text);
    oro_barrier();
    __builtin_trap();
}

/* Ends this thread as a return from the entry point would (END-2). The status counts if the entry
 * was declared by ORO_ENTRY_STATUS. A naive thread's outputs are committed first; a managed thread's
 * held slot is discarded (MAN-7). Does not return. */
__attribute__((noreturn)) static inline void oro_exit_thread(const struct oro_root *root,
                                                             uint64_t status) {
    oro_request_page(root)->exit_status = status;
    oro_store32((volatile uint32_t *)(uintptr_t)root->exit_thread, 0);
    __builtin_trap(); /* Not reached. */
}

/* Ends every thread of the instance at once, with `status` as the instance's (END-3). Slots that
 * other threads hold are discarded. Does not return. */
__attribute__((noreturn)) static inline void oro_exit_instance(const struct oro_root *root,
                                                               uint64_t status) {
    oro_request_page(root)->exit_status = status;
    oro_store32((volatile uint32_t *)(uintptr_t)root->exit_instance, 0);
    __builtin_trap(); /* Not reached. */
}

/* ---- Slots ----------------------------------------------------------------------------------- */

/* Loads the peer's cursor, if there is one; an allegation (BIND-4). */
static inline uint64_t oro_load_peer_cursor(const struct oro_endpoint *end) {
    uint64_t address = end->binding->peer_cursor;
    return address == 0 ? end->next : oro_load64((const volatile uint64_t *)(uintptr_t)address);
}

/* Opens the port with this index, or this element of a port array: index + element. The first slot
 * is Binding::first, which is not 0 after a restart (END-7). Never blocks. An index that the module
 * does not declare is a panic. Open each port once, in the thread whose entry owns it.
 *
 *     struct oro_endpoint in = oro_open(root, 0);
 */
static inline struct oro_endpoint oro_open(const struct oro_root *root, uint32_t port_index) {
    struct oro_endpoint end;
    if (port_index >= root->binding_count) {
        oro_panic(root, "oro_open: the module declares no port with this index");
    }
    end.root = root;
    end.binding = (const volatile struct oro_binding *)(uintptr_t)(root->bindings +
                                                                   (uint64_t)port_index *
                                                                       root->binding_stride_bytes);
    end.next = end.binding->first;
    end.peer = oro_load_peer_cursor(&end);
    return end;
}

/* The peer's state, ORO_STATE_*. Load it, then reread the peer's cursor: the kernel stores the last
 * cursor first (BIND-3), and oro_available does just that. Never blocks. */
static inline uint32_t oro_state(const struct oro_endpoint *end) {
    return oro_load32(&end->binding->state);
}

/* Bytes of a slot; for a type with a flexible tail the system decides (TYPE-4). */
static inline uint32_t oro_slot_size(const struct oro_endpoint *end) {
    return end->binding->slot_size_bytes;
}

/* The address of slot `number`, in either mode (BIND-2). Computes only; it is the access that may
 * block or end the thread. Only for a wired port: else the address is near 0 and using it a trap.
 * ORO_IN and ORO_OUT are the typed forms. */
static inline volatile void *oro_slot(const struct oro_endpoint *end, uint64_t number) {
    return (volatile void *)(uintptr_t)(end->binding->window +
                                        (number & end->binding->mask) *
                                            end->binding->stride_bytes);
}

/* The next slot of a consuming or of a producing endpoint, as a pointer to a type:
 *
 *     const volatile struct num *message = ORO_IN(struct num, &in);
 *     volatile struct num *message = ORO_OUT(struct num, &out);
 *
 * A store through the first is a trap (PORT-7). In a naive thread the first access blocks until there
 * is a message or room; a managed thread has asked oro_available before. */
#define ORO_IN(type, end) ((const volatile type *)oro_slot((end), (end)->next))
#define ORO_OUT(type, end) ((volatile type *)oro_slot((end), (end)->next))

/* As oro_available, but looks at the peer's cursor in any case: for batches, where the cached cursor
 * says less than there may be. Never blocks. */
static inline int64_t oro_refresh(struct oro_endpoint *end) {
    const uint64_t slot_count = end->binding->slot_count;
    const int is_producer = end->binding->direction == ORO_DIRECTION_PRODUCER;
    const uint64_t lead = is_producer ? slot_count : 0;
    const uint64_t before = end->peer + lead - end->next;
    const uint32_t state = oro_state(end); /* Before the cursor: pairs with the kernel's release (BIND-3). */
    uint64_t amount, peer;

    if (state == ORO_STATE_UNWIRED || state == ORO_STATE_FOREIGN) return ORO_NO_PEER;
    peer = oro_load_peer_cursor(end);
    amount = peer + lead - end->next;
    /* Past the queue, or less than it was; an impossible cursor at oro_open made `before` wrap. */
    if (amount > slot_count || (before <= slot_count && amount < before)) return ORO_MISBEHAVED;
    /* The cache stays as it is, so that the next call comes here again. */
    if (state != ORO_STATE_WIRED && (is_producer || amount == 0)) return ORO_ENDED;
    end->peer = peer;
    return (int64_t)amount;
}

/* How many messages a consumer may read; 0: none for now; or ORO_ENDED, ORO_NO_PEER, ORO_MISBEHAVED.
 * Never blocks. Answers from the cached cursor while it can. In synchronous mode it touches the next message:
 * from then on that is the thread's, even if the Port is revoked. Those behind it are not; ask again before
 * each (END-13). */
static inline int64_t oro_ready(struct oro_endpoint *in) {
    const uint64_t known = in->peer - in->next;
    const int64_t amount =
        known != 0 && known <= in->binding->slot_count ? (int64_t)known : oro_refresh(in);
    if (amount > 0 && in->binding->mode == ORO_MODE_SYNCHRONOUS) {
        if (oro_state(in) == ORO_STATE_FOREIGN) return ORO_NO_PEER; /* END-14 */
        (void)*(const volatile uint8_t *)oro_slot(in, in->next);
        if (oro_state(in) == ORO_STATE_REVOKED) return ORO_ENDED;
    }
    return amount;
}

/* How many slots a producer may write; 0: none for now; or an error as above. Never blocks. Answers from
 * the cached cursor while it can, so it hears of its peer's end when the room that it knows of is used
 * up; then it gets ORO_ENDED even if the queue has room. */
static inline int64_t oro_free(struct oro_endpoint *out) {
    const uint64_t slot_count = out->binding->slot_count;
    const uint64_t known = out->peer + slot_count - out->next;
    if (known != 0 && known <= slot_count) return (int64_t)known;
    return oro_refresh(out);
}

/* oro_ready or oro_free, as the endpoint's direction says, from `next` on.
 *
 *     int64_t count = oro_available(&in);
 *     if (count == ORO_ENDED) return;
 */
static inline int64_t oro_available(struct oro_endpoint *end) {
    return end->binding->direction == ORO_DIRECTION_PRODUCER ? oro_free(end) : oro_ready(end);
}

/* How many of the slots that oro_available has said lie one after the other and may be handed over by
 * one oro_commit or oro_release: 1 in synchronous mode, else those up to the queue's end. Slot `next + i`
 * of them is oro_slot(end, end->next + i). Never blocks.
 *
 *     int64_t count = oro_wait(&out);
 *     if (count > 0) {
 *         uint64_t run = oro_run(&out, (uint64_t)count);
 *         for (uint64_t i = 0; i < run; i++) fill(oro_slot(&out, out.next + i));
 *         oro_commit(&out, run);
 *     }
 */
static inline uint64_t oro_run(const struct oro_endpoint *end, uint64_t available) {
    const uint64_t mask = end->binding->mask;
    const uint64_t run =
        end->binding->mode == ORO_MODE_SYNCHRONOUS ? 1 : mask + 1 - (end->next & mask);
    return available < run ? available : run;
}

/* Commits or releases the next `count` slots, with release ordering (ASYNC-3): at most what oro_run has
 * said. A slot that was not available is a violation (MAN-6). In a naive thread it only counts: the
 * next touch commits. The mode may be another one after it. Never blocks. */
static inline void oro_commit(struct oro_endpoint *end, uint64_t count) {
    const uint64_t own_cursor = end->binding->own_cursor;
    end->next += count;
    oro_barrier(); /* Release alone would let later accesses to slots move up. */
    if (own_cursor != 0) oro_store64((volatile uint64_t *)(uintptr_t)own_cursor, end->next);
    oro_barrier();
}
static inline void oro_release(struct oro_endpoint *end, uint64_t count) {
    oro_commit(end, count);
}

/* Goes to the next slot: commits or releases the present one, which has been touched: of slots that are
 * handed over without, the second ends the instance in synchronous mode (MAN-5). */
static inline void oro_advance(struct oro_endpoint *end) {
    oro_commit(end, 1);
}

/* ---- Waiting at gates ------------------------------------------------------------------------ */

/* Deadlines are moments, not durations: nanoseconds since the system's start, as oro_now gives them.
 * ORO_NO_DEADLINE waits for ever, and one that has passed, such as 0, only looks. Gates are for managed
 * threads: in a naive one, nothing stops their touch, which commits what it holds (GATE-8). */

/* How often a wait looks before it blocks, where there are CPUs for it: some ten microseconds. */
#define ORO_SPINS 500

static inline volatile struct oro_condition *oro_condition_(const struct oro_root *root,
                                                            uint32_t index) {
    return &oro_request_page(root)->conditions[index];
}

/* Touches the armed gate with the first `count` conditions of the request page (GATE-1); blocks until
 * one holds, or `duration_ns` after the touch, or for less (GATE-4). Gives the time at its return. */
static inline uint64_t oro_touch_gate_(const struct oro_root *root, uint32_t count,
                                       uint64_t duration_ns) {
    volatile struct oro_request *request = oro_request_page(root);
    const volatile struct oro_response *response =
        (const volatile struct oro_response *)(uintptr_t)root->response;
    request->count = count;
    request->deadline_ns = duration_ns;
    oro_barrier();
    *(volatile uint32_t *)(uintptr_t)(root->gates +
                                      (uint64_t)(response->armed & 1) * root->page_size_bytes) = 1;
    oro_barrier();
    return response->now_ns;
}

/* The time: nanoseconds since the system's start. Costs a page fault. */
static inline uint64_t oro_now(const struct oro_root *root) {
    return oro_touch_gate_(root, 0, 0);
}

/* One turn of a wait with conditions that the caller has written and found not to hold. `now`: the
 * time of the last turn, 0 before the first. 0: the deadline has passed. */
static inline int oro_wait_turn_(const struct oro_root *root, uint32_t count, uint64_t deadline,
                                 uint64_t *now) {
    uint64_t duration = ORO_NO_DEADLINE;
    if (deadline != ORO_NO_DEADLINE) {
        if (*now == 0) *now = oro_now(root);
        if (*now >= deadline) return 0;
        duration = deadline - *now;
    }
    *now = oro_touch_gate_(root, count, duration);
    return 1;
}

/* Sleeps until this time, at least; *blocks*. */
static inline void oro_sleep_until(const struct oro_root *root, uint64_t deadline) {
    uint64_t now = 0;
    while (oro_wait_turn_(root, 0, deadline, &now)) {}
}

/* Writes the condition that something is available at an endpoint: the peer's cursor is beyond what it
 * is when nothing is, or the peer has ended. `more`: how many slots beyond one. */
static inline void oro_write_peer_condition_(const struct oro_endpoint *end, uint32_t index,
                                             uint64_t more) {
    volatile struct oro_condition *condition = oro_condition_(end->root, index);
    const uint64_t offset = (uint64_t)(uintptr_t)end->binding - end->root->bindings;
    const int is_producer = end->binding->direction == ORO_DIRECTION_PRODUCER;
    condition->kind = ORO_WAIT_PEER;
    condition->index = (uint32_t)(offset / end->root->binding_stride_bytes);
    condition->value = end->next - (is_producer ? end->binding->slot_count : 0) + more;
}

/* Waits until oro_available is not 0, or until the deadline, and returns that. *Blocks*: looks for some
 * microseconds if there are CPUs for it, then sleeps at a gate. For managed threads only. */
static inline int64_t oro_wait_until(struct oro_endpoint *end, uint64_t deadline) {
    int64_t amount = oro_available(end);
    uint64_t now = 0;
    uint32_t spins, slot_count;

    if (amount != 0) return amount;
    spins = end->root->cpu_count > 1 ? ORO_SPINS : 0;
    for (; spins > 0 && amount == 0; spins--) {
        oro_spin_hint();
        amount = oro_available(end);
    }
    if (amount != 0) return amount;
    slot_count = end->binding->slot_count;
    if (deadline == ORO_NO_DEADLINE && slot_count >= 4 &&
        end->binding->direction == ORO_DIRECTION_PRODUCER &&
        end->binding->mode == ORO_MODE_ASYNCHRONOUS) {
        /* A stream: woken once for many slots. Not for long, since the consumer may wait for us. */
        oro_write_peer_condition_(end, 0, slot_count / 2 - 1);
        (void)oro_touch_gate_(end->root, 1, 100000);
        amount = oro_available(end);
    }
    while (amount == 0) {
        oro_write_peer_condition_(end, 0, 0);
        if (!oro_wait_turn_(end->root, 1, deadline, &now)) return oro_available(end);
        amount = oro_available(end);
    }
    return amount;
}

/* The same without a deadline.
 *
 *     while (oro_wait(&in) > 0) { ...; oro_advance(&in); }
 */
static inline int64_t oro_wait(struct oro_endpoint *end) {
    return oro_wait_until(end, ORO_NO_DEADLINE);
}

/* Waits until oro_available is not 0 for at least one of up to ORO_CONDITION_COUNT endpoints, or until
 * the deadline. Returns how many of them, 0 after the deadline, and sets their bits in `ready`: bit
 * `i % 64` of word `i / 64`. An error counts too, so leave out an end that has told of one: a null
 * pointer keeps the others' bits. 0 at once if all are left out and there is no deadline. *Blocks*.
 *
 *     struct oro_endpoint *ends[2] = {&a, &b};
 *     uint64_t ready[2];
 *     while (oro_select(root, ends, 2, ORO_NO_DEADLINE, ready) > 0) {
 *         if (ready[0] & 1) {
 *             if (oro_available(&a) < 0) ends[0] = 0;
 *             else { ...; oro_advance(&a); }
 *         }
 *         ...
 *     }
 */
static inline uint32_t oro_select(const struct oro_root *root, struct oro_endpoint *const *ends,
                                  uint32_t count, uint64_t deadline, uint64_t ready[2]) {
    uint32_t spins = root->cpu_count > 1 && deadline != 0 ? ORO_SPINS : 0;
    uint64_t now = 0;
    if (count > ORO_CONDITION_COUNT) oro_panic(root, "oro_select: more than 128 endpoints");
    for (;;) {
        uint32_t found = 0, condition_count = 0;
        ready[0] = ready[1] = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (ends[i] != 0 && oro_available(ends[i]) != 0) {
                ready[i / 64] |= UINT64_C(1) << (i % 64);
                found++;
            }
        }
        if (found > 0) return found;
        if (spins > 0) {
            spins--;
            oro_spin_hint();
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            if (ends[i] != 0) oro_write_peer_condition_(ends[i], condition_count++, 0);
        }
        /* A request for nothing, for ever, returns at once, again and again (GATE-4). */
        if (condition_count == 0 && deadline == ORO_NO_DEADLINE) return 0;
        if (!oro_wait_turn_(root, condition_count, deadline, &now)) return 0;
    }
}

/* Waits until a word of the instance's memory is not `expected`, or until the deadline; whether it is
 * not. *Blocks*. The load acquires. Who changes the word calls oro_wake_word after it (GATE-7). */
static inline int oro_wait_word(const struct oro_root *root, const volatile uint32_t *word,
                                uint32_t expected, uint64_t deadline) {
    uint64_t now = 0;
    while (oro_load32(word) == expected) {
        oro_condition_(root, 0)->kind = ORO_WAIT_WORD;
        oro_condition_(root, 0)->index = expected;
        oro_condition_(root, 0)->value = (uint64_t)(uintptr_t)word;
        if (!oro_wait_turn_(root, 1, deadline, &now)) return oro_load32(word) != expected;
    }
    return 1;
}

/* Wakes the threads of the instance that wait for a word, which was changed before. Does not block. */
static inline void oro_wake_word(const struct oro_root *root, const volatile uint32_t *word) {
    oro_condition_(root, 0)->kind = ORO_WAKE_WORD;
    oro_condition_(root, 0)->index = 0;
    oro_condition_(root, 0)->value = (uint64_t)(uintptr_t)word;
    (void)oro_touch_gate_(root, 1, 0);
}

/* ---- Copies ---------------------------------------------------------------------------------- */

/* Copies between a slot and the thread's own memory without any access beyond `size_bytes`; both are
 * inside one slot. A first touch blocks as any access does. Where both addresses are 8-byte aligned
 * it goes by words.
 *
 *     char line[248]; oro_copy_from_slot(line, message->text, sizeof line);
 */
typedef uint64_t __attribute__((may_alias)) oro_word;
#if defined(__x86_64__)
#define ORO_COPY_LONG_(to, from, size)                                                             \
    if ((size) >= 2048) {                                                                          \
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");             \
        return;                                                                                    \
    }
#else
#define ORO_COPY_LONG_(to, from, size)
#endif
static inline void oro_copy_from_slot(void *to, const volatile void *from, size_t size_bytes) {
    uint8_t *out = (uint8_t *)to;
    const volatile uint8_t *in = (const volatile uint8_t *)from;
    ORO_COPY_LONG_(out, in, size_bytes)
    if ((((uintptr_t)out | (uintptr_t)in) & 7) == 0) {
        for (; size_bytes >= 8; size_bytes -= 8, out += 8, in += 8) {
            *(oro_word *)(void *)out = *(const volatile oro_word *)(const volatile void *)in;
        }
    }
    for (; size_bytes > 0; size_bytes--) *out++ = *in++;
}
static inline void oro_copy_to_slot(volatile void *to, const void *from, size_t size_bytes) {
    volatile uint8_t *out = (volatile uint8_t *)to;
    const uint8_t *in = (const uint8_t *)from;
    ORO_COPY_LONG_(out, in, size_bytes)
    if ((((uintptr_t)out | (uintptr_t)in) & 7) == 0) {
        for (; size_bytes >= 8; size_bytes -= 8, out += 8, in += 8) {
            *(volatile oro_word *)(volatile void *)out = *(const oro_word *)(const void *)in;
        }
    }
    for (; size_bytes > 0; size_bytes--) *out++ = *in++;
}

/* Data bytes that a message of oro.bytes.v1 holds: its `length`, or the slot's room if the producer
 * lied (TYPE-10). The data follow the head: (const volatile uint8_t *)(head + 1). */
static inline uint32_t oro_bytes_length(const struct oro_endpoint *end,
                                        const volatile struct oro_bytes_head *head) {
    uint32_t room = oro_slot_size(end) - (uint32_t)sizeof(struct oro_bytes_head);
    uint32_t length = head->length;
    return length < room ? length : room;
}

/* ---- Streams of bytes, of managed threads ----------------------------------------------------- */

/* A stream that is being read: {&in, 0, 0, 0} at first. */
struct oro_bytes_reader {
    struct oro_endpoint *end;
    uint32_t offset; /* Of the next byte in the slot that is being read. */
    uint32_t left;   /* Bytes from there on. */
    int is_ended;
};

/* Copies the next bytes to `to`, as many as one message has and `size_bytes` allow, and returns how
 * many; 0: the stream has ended, by its last message or with its producer. Or ORO_NO_PEER,
 * ORO_MISBEHAVED, also for a length greater than the slot (TYPE-10). *Blocks*.
 *
 *     struct oro_bytes_reader reader = {&in, 0, 0, 0};
 *     int64_t length;
 *     while ((length = oro_bytes_read(&reader, block, sizeof block)) > 0) { ... }
 */
static inline int64_t oro_bytes_read(struct oro_bytes_reader *reader, void *to,
                                     size_t size_bytes) {
    struct oro_endpoint *in = reader->end;
    uint32_t length;
    if (size_bytes == 0) return 0;
    while (reader->left == 0) {
        const volatile struct oro_bytes_head *head;
        int64_t count;
        if (reader->is_ended) return 0;
        count = oro_wait(in);
        if (count == ORO_ENDED) return 0;
        if (count < 0) return count;
        head = ORO_IN(struct oro_bytes_head, in);
        length = head->length;
        if (length > oro_slot_size(in) - (uint32_t)sizeof *head) return ORO_MISBEHAVED;
        reader->is_ended = (head->flags & ORO_BYTES_END) != 0;
        reader->offset = (uint32_t)sizeof *head;
        reader->left = length;
        if (length == 0) oro_advance(in);
    }
    length = reader->left < size_bytes ? reader->left : (uint32_t)size_bytes;
    oro_copy_from_slot(to, ORO_IN(uint8_t, in) + reader->offset, length);
    reader->offset += length;
    reader->left -= length;
    if (reader->left == 0) oro_advance(in);
    return length;
}

static inline int64_t oro_bytes_put_(struct oro_endpoint *out, const void *from, uint32_t length,
                                     uint32_t flags) {
    const int64_t count = oro_wait(out);
    volatile struct oro_bytes_head *head;
    if (count < 0) return count;
    head = ORO_OUT(struct oro_bytes_head, out);
    head->length = length;
    head->flags = flags;
    oro_copy_to_slot(head + 1, from, length);
    oro_advance(out);
    return 0;
}

/* Sends all of these bytes, in as many messages as it takes. 0, or ORO_ENDED, ORO_NO_PEER,
 * ORO_MISBEHAVED. *Blocks* while no slot is free. */
static inline int64_t oro_bytes_write(struct oro_endpoint *out, const void *from,
                                      size_t size_bytes) {
    const size_t room = oro_slot_size(out) - sizeof(struct oro_bytes_head);
    const uint8_t *bytes = (const uint8_t *)from;
    if (room == 0) oro_panic(out->root, "oro_bytes_write: the wire's slots have no room for data");
    while (size_bytes > 0) {
        const size_t length = size_bytes < room ? size_bytes : room;
        const int64_t result = oro_bytes_put_(out, bytes, (uint32_t)length, 0);
        if (result < 0) return result;
        bytes += length;
        size_bytes -= length;
    }
    return 0;
}

/* Ends the stream; as above. */
static inline int64_t oro_bytes_finish(struct oro_endpoint *out) {
    return oro_bytes_put_(out, "", 0, ORO_BYTES_END);
}

/* ---- Requests and replies, of managed threads -------------------------------------------------- */

/* Takes every reply that has come. 1: among them that with this number, copied to `reply`; 0: nothing
 * more is there; or an error. Those of others, to a request that was given up, are dropped; all of them
 * if `reply` is null. */
static inline int64_t oro_take_replies_(struct oro_endpoint *replies, uint64_t correlation,
                                        void *reply, size_t reply_size_bytes) {
    int64_t count;
    while ((count = oro_available(replies)) > 0) {
        /* Read in any case: of slots that are released without a touch, one is a violation (MAN-5). */
        const uint64_t number = *ORO_IN(oro_word, replies);
        const int is_meant = reply != 0 && number == correlation;
        if (is_meant) oro_copy_from_slot(reply, ORO_IN(uint8_t, replies), reply_size_bytes);
        oro_advance(replies);
        if (is_meant) return 1;
    }
    return count;
}

/* Sends a request with this number, if there is room for it: 1, or 0, or an error. */
static inline int64_t oro_put_request_(struct oro_endpoint *requests, uint64_t correlation,
                                       const void *request, size_t request_size_bytes) {
    const int64_t count = oro_available(requests);
    if (count <= 0) return count;
    oro_copy_to_slot(ORO_OUT(uint8_t, requests), request, request_size_bytes);
    *ORO_OUT(oro_word, requests) = correlation;
    oro_advance(requests);
    return 1;
}

/* Sends a request and waits for its reply, until the deadline: a time of oro_now. Both messages begin
 * with a u64, the correlation: oro_call sets the request's, and the server copies it to the reply, as
 * oro_reply does. Replies with another one, to a request of a predecessor or one that was given up, are
 * dropped. 0, or ORO_ENDED, ORO_NO_PEER, ORO_MISBEHAVED, ORO_RESTARTED, or ORO_TIMED_OUT: the request
 * may have been served or not, or not even sent. *Blocks*.
 *
 *     struct ask ask = {0, key};
 *     struct tell tell;
 *     uint64_t deadline = oro_now(root) + 1000000000;
 *     int64_t result = oro_call_until(&asks, &ask, sizeof ask, &tells, &tell, sizeof tell, deadline);
 */
static inline int64_t oro_call_until(struct oro_endpoint *requests, const void *request,
                                     size_t request_size_bytes, struct oro_endpoint *replies,
                                     void *reply, size_t reply_size_bytes, uint64_t deadline) {
    const struct oro_root *root = replies->root;
    /* The number of the message: no other of the Port ever has it, not even after a restart. */
    const uint64_t correlation = requests->next;
    uint32_t epoch = 0, spins = root->cpu_count > 1 && deadline != 0 ? ORO_SPINS : 0;
    uint64_t now = 0;
    int is_sent = 0;

    for (;;) {
        /* Before the look, so that a change after it ends the wait. */
        const uint32_t now_epoch = oro_load32(&replies->binding->epoch);
        const uint32_t state = oro_state(replies);
        const uint32_t sent_epoch = oro_load32(&requests->binding->epoch);
        const uint32_t sent_state = oro_state(requests);
        uint32_t condition_count = 2;
        int64_t count;
        /* What was sent is not served any more (END-13). */
        if (sent_state == ORO_STATE_REVOKED) return ORO_ENDED;
        if (!is_sent) {
            count = oro_put_request_(requests, correlation, request, request_size_bytes);
            if (count < 0) return count;
            is_sent = count > 0;
            epoch = now_epoch;
        }
        /* Also while there is no room: the server may be waiting for room too, and release late. */
        count = oro_take_replies_(replies, correlation, is_sent ? reply : 0, reply_size_bytes);
        if (count != 0) return count > 0 ? 0 : count;
        if (now_epoch != epoch) return ORO_RESTARTED;
        if (spins > 0) {
            spins--;
            oro_spin_hint();
            continue;
        }
        oro_write_peer_condition_(replies, 0, 0);
        if (is_sent) {
            volatile struct oro_condition *change = oro_condition_(root, 1);
            change->kind = ORO_WAIT_BINDING;
            change->index = oro_condition_(root, 0)->index;
            change->value = state | (uint64_t)epoch << 32;
            if (sent_state == ORO_STATE_WIRED) {
                oro_write_peer_condition_(requests, 2, 0);
                change = oro_condition_(root, 2);
                change->kind = ORO_WAIT_BINDING;
                change->value = sent_state | (uint64_t)sent_epoch << 32;
                condition_count = 3;
            }
        } else {
            oro_write_peer_condition_(requests, 1, 0);
        }
        if (!oro_wait_turn_(root, condition_count, deadline, &now)) return ORO_TIMED_OUT;
    }
}

/* The same without a deadline.
 *
 *     if (oro_call(&asks, &ask, sizeof ask, &tells, &tell, sizeof tell) < 0) return;
 */
static inline int64_t oro_call(struct oro_endpoint *requests, const void *request,
                               size_t request_size_bytes, struct oro_endpoint *replies, void *reply,
                               size_t reply_size_bytes) {
    return oro_call_until(requests, request, request_size_bytes, replies, reply, reply_size_bytes,
                          ORO_NO_DEADLINE);
}

/* Answers the request that is the next of `requests`: sends the reply with that request's correlation,
 * then releases the request, so that a server that ends before leaves it to its replacement (END-7).
 * 0, or ORO_ENDED, ORO_NO_PEER, ORO_MISBEHAVED, of either end. *Blocks* while no slot is free for the
 * reply. Without a request, a panic: oro_wait or oro_select has said that there is one.
 *
 *     while (oro_wait(&asks) > 0) {
 *         struct tell tell = {0, 2 * ORO_IN(struct ask, &asks)->key};
 *         if (oro_reply(&asks, &tells, &tell, sizeof tell) < 0) return;
 *     }
 */
static inline int64_t oro_reply(struct oro_endpoint *requests, struct oro_endpoint *replies,
                                const void *reply, size_t reply_size_bytes) {
    int64_t count = oro_available(requests);
    if (count < 0) return count;
    if (count == 0) oro_panic(requests->root, "oro_reply: there is no request");
    count = oro_wait(replies);
    if (count < 0) return count;
    oro_copy_to_slot(ORO_OUT(uint8_t, replies), reply, reply_size_bytes);
    *ORO_OUT(oro_word, replies) = *ORO_IN(oro_word, requests);
    oro_advance(replies);
    oro_advance(requests);
    return 0;
}

/* ---- Parameters --------------------------------------------------------------------------------- */

/* Parameters that are being read: {&params, 0} at first. */
struct oro_param_reader {
    struct oro_endpoint *end; /* Of type oro.params.v1, which the PARAM notes name (NOTE-5). */
    int is_ended;
};

/* A parameter that was read: key and value, each with a zero after it, which the length does not
 * count. Lengths are bytes of UTF-8; integers are decimal, booleans `true` or `false` (SYS-6). */
struct oro_param_text {
    uint32_t key_length, value_length;
    char key[sizeof(((struct oro_param *)0)->text) + 1];
    char value[sizeof(((struct oro_param *)0)->text) + 1];
};

/* Copies the parameter of a message; whether it is one, with lengths that can be (TYPE-11). */
static inline int oro_param_copy_(const volatile struct oro_param *from,
                                  struct oro_param_text *param) {
    const uint32_t key_length = from->key_length, value_length = from->value_length;
    if (key_length == 0 || key_length + value_length > sizeof from->text) return 0;
    oro_copy_from_slot(param->key, from->text, key_length);
    oro_copy_from_slot(param->value, from->text + key_length, value_length);
    param->key[key_length] = param->value[value_length] = 0;
    param->key_length = key_length;
    param->value_length = value_length;
    return 1;
}

/* Reads the next parameter: 1; or 0: that was all. Or ORO_NO_PEER, ORO_MISBEHAVED. They come once, in
 * any order, with defaults for those that the system does not give (TYPE-11). For naive and for
 * managed threads; a naive one does not touch the port beyond the last, which would end it (NAIVE-6), but
 * may commit an output that it holds: read parameters first. *Blocks*.
 *
 *     struct oro_param_reader reader = {&params, 0};
 *     struct oro_param_text param;
 *     uint64_t factor = 0;
 *     while (oro_param_read(&reader, &param) > 0) {
 *         if (oro_param_is(&param, "factor")) factor = oro_param_number(&param);
 *     }
 */
static inline int64_t oro_param_read(struct oro_param_reader *reader,
                                     struct oro_param_text *param) {
    /* A naive thread has no cursor of its own, and waits by its touch. */
    const int is_managed = reader->end->binding->own_cursor != 0;
    while (!reader->is_ended) {
        const volatile struct oro_param *from;
        int is_param;
        if (is_managed) {
            const int64_t count = oro_wait(reader->end);
            if (count < 0 && count != ORO_ENDED) return count;
            if (count < 0) break;
        }
        from = ORO_IN(struct oro_param, reader->end);
        reader->is_ended = (from->flags & ORO_PARAMS_END) != 0;
        is_param = oro_param_copy_(from, param);
        oro_advance(reader->end);
        if (is_param) return 1;
    }
    return 0;
}

/* Whether this is the parameter's key. Never blocks. */
static inline int oro_param_is(const struct oro_param_text *param, const char *key) {
    for (uint32_t i = 0; key[i] == param->key[i]; i++) {
        if (key[i] == 0) return i == param->key_length;
    }
    return 0;
}

/* The value as an integer, which the system has checked if the note says that it is one (SYS-6). Of
 * ORO_PARAM_SIGNED: cast it to int64_t. Never blocks. */
static inline uint64_t oro_param_number(const struct oro_param_text *param) {
    const uint32_t is_negative = param->value[0] == '-';
    uint64_t number = 0;
    for (uint32_t i = is_negative; i < param->value_length; i++) {
        number = 10 * number + (uint64_t)(param->value[i] - '0');
    }
    return is_negative ? 0 - number : number;
}

/* ---- The Ring's tables ----------------------------------------------------------------------- */

/* Reads structural fields of the Ring and its tables as of one moment (META-7). Bound the tries, for
 * the writer is another party; copy with volatile loads. Never block.
 *
 *     for (int tries = 0; tries < 64; tries++) {
 *         uint64_t generation = oro_read_begin(ring);
 *         ... copy ...
 *         if (oro_read_is_consistent(ring, generation)) return copied;
 *     }
 */
static inline uint64_t oro_read_begin(const volatile struct oro_ring *ring) {
    return oro_load64(&ring->generation);
}
static inline int oro_read_is_consistent(const volatile struct oro_ring *ring,
                                         uint64_t generation) {
    /* Pairs with the kernel's release fence after it has made the generation odd. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return (generation & 1) == 0 && oro_load64(&ring->generation) == generation;
}

#ifdef __cplusplus
} /* extern "C" */
#endif

/* ---- Message types --------------------------------------------------------------------------- */

/* A message type is one list of fields, from which come the struct and the layout text (TYPE-1):
 *
 *     #define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value) ARRAY(u8, 8, name)
 *     #define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)   // "demo.num.v1{value:u64,name:u8[8],}"
 *     ORO_MESSAGE(num, NUM);                              // struct num { uint64_t value; uint8_t name[8]; };
 *
 * FIELD(type, name), ARRAY(type, count, name), and as the last one TAIL(name): bytes that follow the
 * struct and fill the slot. Types: u8 u16 u32 u64 i8 i16 i32 i64 f32 f64; `count` is a plain decimal
 * number. Padding is an error when compiled: name it, as in ARRAY(u8, 4, reserved). */
#define ORO_MESSAGE(tag, FIELDS)                                                                   \
    struct tag {                                                                                   \
        FIELDS(ORO_FIELD_MEMBER_, ORO_ARRAY_MEMBER_, ORO_TAIL_MEMBER_)                             \
    };                                                                                             \
    ORO_STATIC_ASSERT(sizeof(struct tag) ==                                                        \
                          0 FIELDS(ORO_FIELD_SIZE_, ORO_ARRAY_SIZE_, ORO_TAIL_SIZE_),              \
                      "struct " #tag " has padding: name it as a field (TYPE-2)")
#define ORO_LAYOUT(name, FIELDS) name "{" FIELDS(ORO_FIELD_TEXT_, ORO_ARRAY_TEXT_, ORO_TAIL_TEXT_) "}"

#define ORO_FIELD_MEMBER_(type, name) ORO_TYPE_##type name;
#define ORO_ARRAY_MEMBER_(type, count, name) ORO_TYPE_##type name[count];
#define ORO_TAIL_MEMBER_(name)
#define ORO_FIELD_SIZE_(type, name) +sizeof(ORO_TYPE_##type)
#define ORO_ARRAY_SIZE_(type, count, name) +sizeof(ORO_TYPE_##type) * (count)
#define ORO_TAIL_SIZE_(name)
#define ORO_FIELD_TEXT_(type, name) #name ":" #type ","
#define ORO_ARRAY_TEXT_(type, count, name) #name ":" #type "[" ORO_TEXT_(count) "],"
#define ORO_TAIL_TEXT_(name) #name ":u8[],"

#define ORO_TYPE_u8 uint8_t
#define ORO_TYPE_u16 uint16_t
#define ORO_TYPE_u32 uint32_t
#define ORO_TYPE_u64 uint64_t
#define ORO_TYPE_i8 int8_t
#define ORO_TYPE_i16 int16_t
#define ORO_TYPE_i32 int32_t
#define ORO_TYPE_i64 int64_t
#define ORO_TYPE_f32 float
#define ORO_TYPE_f64 double

/* ---- Declarations: the notes of the image ----------------------------------------------------- */

/* Each of these macros stands at file scope, outside any namespace, once for each thing, and writes
 * one note (NOTE-1 to NOTE-6) to the section .note.oro. They cost nothing when the module runs.
 * Names are texts of 1 to 31 of the characters a-z A-Z 0-9 _ - (NOTE-6).
 * Indices are plain numbers, or macros that are plain numbers. */

/* The module itself, exactly once: ORO_MODULE("double"); */
#define ORO_MODULE(module_name)                                                                    \
    ORO_CHECK_NAME_(module_name);                                                                  \
    ORO_NOTE_ const struct {                                                                       \
        struct oro_note_head head;                                                                 \
        struct oro_module_note module;                                                             \
    } oro_note_module = {                                                                          \
        ORO_NOTE_HEAD_(sizeof(struct oro_module_note), ORO_NOTE_MODULE),                           \
        {sizeof(struct oro_module_note), ORO_ABI_MAJOR, ORO_ABI_MINOR, 0, module_name}}

/* An entry point: void function(const struct oro_root *). Indices are 0, 1, 2 and so on; all entries
 * start together, each as a thread of its own (ENTRY-6). `flags`: 0 for a naive thread, or
 * ORO_ENTRY_MANAGED; `stack` in bytes, 0 for the default of 64 KiB. Declares the function, so put it
 * before the definition; the name of the entry is the name of the function.
 *
 *     ORO_ENTRY(0, filter, 0, 0);
 */
#define ORO_ENTRY(index, function, flags, stack)                                                   \
    ORO_DECLARE_ENTRY_(void, function);                                                            \
    ORO_WRITE_ENTRY_(index, function, flags, stack)

/* The same for an entry that returns its status: uint64_t function(const struct oro_root *) (END-2). */
#define ORO_ENTRY_STATUS(index, function, flags, stack)                                            \
    ORO_DECLARE_ENTRY_(uint64_t, function);                                                        \
    ORO_WRITE_ENTRY_(index, function, (flags) | ORO_ENTRY_RETURNS_STATUS, stack)

/* A port (NOTE-4): its index, the index of the entry that owns it, ORO_DIRECTION_*, the struct's tag
 * and layout text, name, flags (0 or ORO_NOTE_PORT_OPTIONAL), and elements: 1, or more for a port
 * array, which takes the indices `index` to `index + max - 1`.
 *
 *     ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
 */
#define ORO_PORT(port_index, entry, direction, tag, layout, port_name, flags, max)                 \
    ORO_CHECK_NAME_(port_name);                                                                    \
    ORO_STATIC_ASSERT(sizeof(layout) <= ORO_MAX_LAYOUT_TEXT + 1, "layout text too long (LIM-9)");  \
    ORO_NOTE_ const struct {                                                                       \
        struct oro_note_head head;                                                                 \
        struct oro_port_note port;                                                                 \
        char layout_text[ORO_ROUND_UP_4_(sizeof(layout))];                                         \
    } ORO_JOIN_(oro_note_port_, port_index) = {                                                    \
        ORO_NOTE_HEAD_(sizeof(struct oro_port_note) + ORO_ROUND_UP_4_(sizeof(layout)),             \
                       ORO_NOTE_PORT),                                                             \
        {sizeof(struct oro_port_note) + ORO_ROUND_UP_4_(sizeof(layout)), port_index, entry,        \
         direction, sizeof(struct tag), ORO_ALIGNOF(struct tag), max, flags, port_name},           \
        layout}

/* A parameter (NOTE-5): name, ORO_PARAM_TEXT, _UNSIGNED, _SIGNED or _BOOLEAN, flags (0 or
 * ORO_PARAM_REQUIRED), index of the port of type oro.params.v1 that it comes by, its default as a text
 * ("" if it is required), and a line of help. One on a line.
 *
 *     ORO_PARAM("factor", ORO_PARAM_UNSIGNED, 0, 2, "2", "what each number is multiplied by");
 */
#define ORO_PARAM(param_name, kind, flags, port, default_text, help_text)                          \
    ORO_CHECK_NAME_(param_name);                                                                   \
    ORO_NOTE_ const struct {                                                                       \
        struct oro_note_head head;                                                                 \
        struct oro_param_note param;                                                               \
        char texts[ORO_ROUND_UP_4_(sizeof(default_text "\0" help_text))];                          \
    } ORO_JOIN_(oro_note_param_, __LINE__) = {                                                     \
        ORO_NOTE_HEAD_(sizeof(struct oro_param_note) +                                             \
                           ORO_ROUND_UP_4_(sizeof(default_text "\0" help_text)),                   \
                       ORO_NOTE_PARAM),                                                            \
        {sizeof(struct oro_param_note) +                                                           \
             ORO_ROUND_UP_4_(sizeof(default_text "\0" help_text)),                                 \
         kind, flags, port, param_name},                                                           \
        default_text "\0" help_text}

/* ---- Behind the macros ------------------------------------------------------------------------ */

/* What stands before a note's descriptor in an ELF file. */
struct oro_note_head {
    uint32_t owner_size_bytes, descriptor_size_bytes, type;
    char owner[4];
};
#define ORO_NOTE_HEAD_(size, type) {4, size, type, ORO_NOTE_OWNER}

/* Both compilers make a section of this name SHT_NOTE. The alignment stops them from adding gaps. */
#define ORO_NOTE_ static __attribute__((used, section(".note.oro"), aligned(4)))
#define ORO_ROUND_UP_4_(size) (((size) + 3) / 4 * 4)
#define ORO_CHECK_NAME_(name)                                                                      \
    ORO_STATIC_ASSERT(sizeof(name) >= 2 && sizeof(name) <= ORO_NAME_SIZE,                          \
                      "a name has 1 to 31 bytes (NOTE-6)")
#define ORO_TEXT_(text) ORO_TEXT_AS_IS_(text)
#define ORO_TEXT_AS_IS_(text) #text
#define ORO_JOIN_(a, b) ORO_JOIN_AS_IS_(a, b)
#define ORO_JOIN_AS_IS_(a, b) a##b

/* Only the note's assembly names the function: `used` keeps it, C linkage keeps its name. */
#ifdef __cplusplus
#define ORO_DECLARE_ENTRY_(result, function)                                                       \
    extern "C" __attribute__((used)) result function(const struct oro_root *root)
#else
#define ORO_DECLARE_ENTRY_(result, function)                                                       \
    __attribute__((used)) result function(const struct oro_root *root)
#endif

/* An address less the note's own is no constant in C, so the note is assembly. It stands in a function
 * that nobody calls, because only there can assembly take constant expressions. */
#define ORO_WRITE_ENTRY_(index, function, flags, stack)                                            \
    static __attribute__((used, noinline)) void ORO_JOIN_(oro_write_entry_note_, index)(void) {    \
        __asm__ volatile(".pushsection .note.oro,\"a\",%%note\n"                                   \
                         ".balign 4\n"                                                             \
                         ".long 4, 64, %c[type]\n"                                                 \
                         ".asciz \"Oro\"\n"                                                        \
                         ".long 64, %c[number], %c[flag_bits], %c[stack_size]\n"                   \
                         ".long " #function " - .\n"                                               \
                         ".long 0, 0, 0\n"                                                         \
                         ".asciz \"" #function "\"\n"                                              \
                         ".zero %c[padding]\n"                                                     \
                         ".popsection\n"                                                           \
                         :                                                                         \
                         : [type] "i"(ORO_NOTE_ENTRY), [number] "i"(index),                        \
                           [flag_bits] "i"(flags), [stack_size] "i"(stack),                        \
                           [padding] "i"(ORO_NAME_SIZE - sizeof(#function)));                      \
    }                                                                                              \
    ORO_CHECK_NAME_(#function);                                                                    \
    ORO_STATIC_ASSERT((stack) <= ORO_MAX_STACK_SIZE, "stack too large (LIM-12)");                  \
    ORO_STATIC_ASSERT(sizeof(struct oro_entry_note) == 64, "the assembly above writes 64 bytes")

#endif /* ORO_ORO_H */
