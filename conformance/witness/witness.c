/* witness.c: looks at everything that a module instance is given, from its first instruction on, and
 * ends with status 0 if all of it is as the specification says. Else its status is the number of the
 * line below that is not so, and its last words are that line.
 *
 * Two entry points, since some clauses are about threads: `first` is entered in assembly, before any
 * compiler has touched a register; `second` sees the other thread's ports as foreign. x86_64 only. */
#include <oro/oro.h>

ORO_MODULE("witness");
ORO_ENTRY_STATUS(0, first, 0, 0);
ORO_ENTRY_STATUS(1, second, ORO_ENTRY_MANAGED, 128 << 10);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
ORO_PORT(1, 1, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
ORO_PORT(2, 1, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "unwired",
         ORO_NOTE_PORT_OPTIONAL, 2);

#define CHECK(condition)                                                                           \
    if (!(condition)) {                                                                            \
        oro_last_words(root, ORO_LAST_WORDS_REMARK, #condition);                                     \
        return __LINE__;                                                                           \
    }

/* What the first instructions have stored. */
static struct {
    uint64_t general[14]; /* rax rbx rcx rdx rsi rbp r8 r9 r10 r11 r12 r13 r14 r15 */
    uint64_t stack_pointer, flags;
    uint64_t vector[32];
    uint32_t mxcsr;
    uint16_t x87_control, x87_status;
} state __attribute__((aligned(64), used));

__asm__(".text\n.globl first\n.type first, @function\nfirst:\n"
        "movq %rsp, state+112(%rip)\n"
        "movq %rax, state(%rip)\n"
        "movq %rbx, state+8(%rip)\n"
        "movq %rcx, state+16(%rip)\n"
        "movq %rdx, state+24(%rip)\n"
        "movq %rsi, state+32(%rip)\n"
        "movq %rbp, state+40(%rip)\n"
        "movq %r8, state+48(%rip)\n"
        "movq %r9, state+56(%rip)\n"
        "movq %r10, state+64(%rip)\n"
        "movq %r11, state+72(%rip)\n"
        "movq %r12, state+80(%rip)\n"
        "movq %r13, state+88(%rip)\n"
        "movq %r14, state+96(%rip)\n"
        "movq %r15, state+104(%rip)\n"
        "pushfq\n"
        "popq state+120(%rip)\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "movups %xmm\\n, state+128+16*\\n(%rip)\n"
        ".endr\n"
        "stmxcsr state+384(%rip)\n"
        "fnstcw state+388(%rip)\n"
        "fnstsw state+390(%rip)\n"
        "jmp look\n");

/* Whether memory is zero from `start` to `end`, both multiples of 8. */
static int is_zero(uint64_t start, uint64_t end) {
    for (; start < end; start += 8) {
        if (*(const volatile uint64_t *)(uintptr_t)start != 0) return 0;
    }
    return 1;
}

static const volatile struct oro_binding *find_binding(const struct oro_root *root, uint64_t index) {
    return (const volatile struct oro_binding *)(uintptr_t)(root->bindings +
                                                            index * root->binding_stride_bytes);
}

/* What is the same for both threads; 0, or the line of what is wrong. */
static uint64_t look_at_root(const struct oro_root *root) {
    CHECK(root->magic == ORO_ROOT_MAGIC);
    /* META-2, VER-2: sizes and versions. */
    CHECK(root->size_bytes >= sizeof *root);
    CHECK(root->abi_major == ORO_ABI_MAJOR && root->abi_minor == ORO_ABI_MINOR);
    CHECK(root->machine == ORO_MACHINE_X86_64 && root->page_size_bytes == 4096);
    CHECK(root->reserved0 == 0 && is_zero((uintptr_t)root->reserved1, (uintptr_t)(root + 1)));
    /* GATE-1: two gate pages, of which the first is armed; nothing has been asked for yet. */
    const struct oro_response *response = (const struct oro_response *)(uintptr_t)root->response;
    CHECK(root->gates != 0 && root->gates % 4096 == 0 && root->gates < ORO_ADDRESS_END);
    CHECK(root->response != 0 && root->response < ORO_ADDRESS_END);
    CHECK(is_zero((uintptr_t)response, (uintptr_t)(response + 1)));
    /* LIM-10, META-10: every address is below 512 GiB. */
    CHECK((uintptr_t)root < ORO_ADDRESS_END && root->bindings < ORO_ADDRESS_END);
    CHECK(root->ring < ORO_ADDRESS_END && root->request < ORO_ADDRESS_END);
    CHECK(root->exit_thread < ORO_ADDRESS_END && root->exit_instance < ORO_ADDRESS_END);
    CHECK(root->heap_end <= ORO_ADDRESS_END && root->stack_end <= ORO_ADDRESS_END);
    /* The heap that the manifest gives, zeroed (PORT-9). */
    CHECK(root->heap_end - root->heap_start == 64 << 10);
    CHECK(is_zero(root->heap_start, root->heap_end));
    CHECK(root->stack_end - root->stack_start == (root->entry_index == 0 ? 64 << 10 : 128 << 10));
    /* ENTRY-4: the thread pointer leads to the thread's block. */
    uint64_t block_address;
    __asm__ volatile("movq %%fs:0, %0" : "=r"(block_address));
    const struct oro_thread_block *block = (const struct oro_thread_block *)(uintptr_t)block_address;
    CHECK(block->self_address == block_address && block->root == (uintptr_t)root);
    CHECK(block->canary != 0 && (block->canary & 0xff) == 0);
    return 0;
}

/* BIND-1, BIND-2, META-10: one binding for each index; a window for what is the thread's own. */
static uint64_t look_at_bindings(const struct oro_root *root) {
    CHECK(root->binding_count == 4);
    for (uint64_t index = 0; index < 4; index++) {
        const volatile struct oro_binding *binding = find_binding(root, index);
        int is_own = root->entry_index == (index == 0 ? 0 : 1);
        int is_wired = is_own && index < 2;
        CHECK(is_own || binding->state == ORO_STATE_FOREIGN);
        CHECK(index < 2 || !is_own || binding->state == ORO_STATE_UNWIRED);
        CHECK((binding->window != 0) == is_wired);
        CHECK(binding->window < ORO_ADDRESS_END);
        /* PORT-4: two cells in synchronous mode. */
        CHECK(!is_wired || (binding->mode == ORO_MODE_SYNCHRONOUS && binding->mask == 1));
        CHECK(!is_wired || binding->slot_size_bytes == 4096);
        CHECK(!is_wired || (binding->slot_count == 16 && binding->first == 0));
    }
    return 0;
}

/* META-4, META-5, META-6, META-9: the Ring's tables. */
static uint64_t look_at_ring(const struct oro_root *root) {
    const volatile struct oro_ring *ring = (const volatile struct oro_ring *)(uintptr_t)root->ring;
    CHECK(ring->magic == ORO_RING_MAGIC && ring->size_bytes >= sizeof *ring);
    CHECK(ring->children.count == 0);
    CHECK(ring->instances.stride_bytes >= sizeof(struct oro_instance));
    CHECK(ring->instances.count <= ring->instances.capacity);
    int own_count = 0, built_in_count = 0;
    for (uint64_t index = 0; index < ring->instances.count; index++) {
        const volatile struct oro_instance *instance =
            (const volatile struct oro_instance *)(uintptr_t)(ring->instances.entries +
                                                              index * ring->instances.stride_bytes);
        built_in_count += instance->id == 0;
        own_count += instance->id == root->instance_id;
        CHECK(instance->id == 0 || (uint32_t)instance->id == index);
        CHECK(instance->id != root->instance_id || instance->state == ORO_INSTANCE_RUNNING);
    }
    CHECK(root->instance_id != 0 && own_count == 1 && built_in_count >= 1);
    /* Two Ports, which have an end in the Ring; that of our own binding is among them. */
    CHECK(ring->ports.count == 2 && ring->ports.stride_bytes >= sizeof(struct oro_port));
    const volatile struct oro_binding *binding = find_binding(root, root->entry_index);
    CHECK(binding->table_index < 2);
    const volatile struct oro_port *port =
        (const volatile struct oro_port *)(uintptr_t)(ring->ports.entries +
                                                      binding->table_index *
                                                          (uint64_t)ring->ports.stride_bytes);
    CHECK(port->id == binding->port_id && port->type_id == binding->type_id);
    CHECK(port->slot_count == binding->slot_count);
    return 0;
}

/* Goes on where the assembly has left off. */
__attribute__((used)) uint64_t look(const struct oro_root *root) {
    /* ENTRY-1, ENTRY-5: one argument and nothing else. */
    CHECK(is_zero((uintptr_t)state.general, (uintptr_t)(state.general + 14)));
    /* ENTRY-2: state as after a reset; flags are clear. */
    CHECK((state.flags & 0xcd5) == 0);
    CHECK(is_zero((uintptr_t)state.vector, (uintptr_t)(state.vector + 32)));
    CHECK(state.mxcsr == 0x1f80 && state.x87_control == 0x37f && state.x87_status == 0);
    /* ENTRY-3: aligned as at a function's first instruction; a return address and nothing else. */
    CHECK(state.stack_pointer % 16 == 8);
    CHECK(*(const volatile uint64_t *)(uintptr_t)state.stack_pointer != 0);
    CHECK(is_zero(state.stack_pointer + 8, root->stack_end));
    CHECK(is_zero(root->stack_start, root->stack_end - 4096));
    CHECK(root->entry_index == 0);

    uint64_t wrong = look_at_root(root);
    if (wrong == 0) wrong = look_at_bindings(root);
    if (wrong == 0) wrong = look_at_ring(root);
    if (wrong != 0) return wrong;

    /* BUILTIN-4: whatever is sent there is swallowed, more than the queue has slots. */
    struct oro_endpoint out = oro_open(root, 0);
    for (int i = 0; i < 40; i++, oro_advance(&out)) ORO_OUT(struct oro_bytes_head, &out)->length = 0;
    return 0;
}

uint64_t second(const struct oro_root *root) {
    CHECK(root->entry_index == 1);
    uint64_t wrong = look_at_root(root);
    if (wrong == 0) wrong = look_at_bindings(root);
    if (wrong == 0) wrong = look_at_ring(root);
    if (wrong != 0) return wrong;

    /* BUILTIN-4: a stream that ends at once. */
    struct oro_endpoint in = oro_open(root, 1);
    int64_t count = oro_wait(&in);
    if (count > 0) {
        const volatile struct oro_bytes_head *head = ORO_IN(struct oro_bytes_head, &in);
        CHECK(head->length == 0 && head->flags == ORO_BYTES_END);
        oro_advance(&in);
        count = oro_wait(&in);
    }
    CHECK(count == ORO_ENDED);
    return 0;
}
