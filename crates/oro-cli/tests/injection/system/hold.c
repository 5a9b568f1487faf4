/* Asks Ring control for each operation once or twice. The first that is refused it passes on, with the reason; then
 * it clears away what there is, so that the system ends as if nothing had been asked. */
#include "common.h"
#include <oro/control.h>
ORO_MODULE("hold");
ORO_ENTRY_STATUS(0, run, ORO_ENTRY_MANAGED, 65536);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, oro_control_request, ORO_CONTROL_LAYOUT, "control", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_CONSUMER, oro_control_reply, ORO_CONTROL_REPLY_LAYOUT, "answers", 0, 1);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "text", 0, 1);
__asm__(".section .rodata\n.balign 8\nimage_start: .incbin \"@FOLDER@/target/oro/spare.elf\"\nimage_end:\n.previous");
extern const uint8_t image_start[], image_end[];
static struct oro_control control;
static struct oro_endpoint text;
static uint64_t ring;
static void say(const char *words) {
    size_t length = 0;
    while (words[length]) length++;
    oro_bytes_write(&text, words, length);
}
/* Whether it was done; its id is in the reply. */
static int done(int64_t code, const char *what) {
    char digits[] = "  0: ";
    if (code == 0) return 1;
    say("refused "), say(what);
    digits[1] = code < 0 ? '-' : code > 9 ? '1' : ' ';
    digits[2] = (char)('0' + (code < 0 ? -code : code) % 10);
    say(digits), oro_bytes_write(&text, (const char *)control.reply.text, code < 0 ? 0 : control.reply.text_length);
    return 0;
}
#define SEND oro_control_send(&control)
#define MUST(what, ...) do { if (!done((__VA_ARGS__), what)) return; } while (0)
static void wire(uint64_t from, uint64_t to, uint32_t element) {
    oro_control_wire(&control, from, "out", to, "in");
    control.request.from_element = control.request.to_element = element;
}
static void ask(const struct oro_root *root) {
    MUST("CREATE", (oro_control_create(&control, oro_own_ring(root)->id, "below"), SEND));
    ring = control.reply.id;
    MUST("REMOUNT", oro_control_remount(&control, ring, 0, "console"));
    MUST("LOAD", oro_control_load(&control, image_start, (uint64_t)(image_end - image_start)));
    const uint64_t image = control.reply.id;
    MUST("MOUNT", (oro_control_mount(&control, ring, "one", "spare"), SEND));
    const uint64_t one = control.reply.id;
    MUST("MOUNT of an image", (oro_control_mount(&control, ring, "two", 0), control.request.image = image, SEND));
    const uint64_t two = control.reply.id;
    MUST("PARAM", oro_control_param(&control, one, "word", "x"));
    MUST("PARAM", oro_control_param(&control, two, "word", "y"));
    MUST("WIRE", (wire(one, two, 0), SEND));
    const uint64_t port = control.reply.id;
    MUST("START", oro_control_start_ring(&control, ring));
    MUST("WIRE while they run", (wire(one, two, 1), SEND));
    const uint64_t late = control.reply.id;
    MUST("FORCE", oro_control_force(&control, late));
    MUST("ALLOW", oro_control_allow(&control, late));
    MUST("TRANSFER", oro_control_transfer(&control, port, two, "more", 1));
    MUST("REVOKE", oro_control_revoke(&control, late));
    MUST("RESTART", oro_control_restart(&control, two));
    MUST("REPLACE", oro_control_replace(&control, two, "spare", 0));
    MUST("DESCRIBE", oro_control_describe(&control, ring));
    MUST("END", oro_control_end(&control, one));
    MUST("FORGET", oro_control_forget(&control, one));
    MUST("END of a Ring", oro_control_end_ring(&control, ring));
    MUST("FORGET of a Ring", oro_control_forget_ring(&control, ring));
    ring = 0;
    say("done\n");
}
uint64_t run(const struct oro_root *root) {
    oro_control_open(&control, root, 0, 1);
    text = oro_open(root, 2);
    ask(root);
    uint64_t status = 0;
    if (ring) {
        (void)oro_control_end_ring(&control, ring);
        status = (uint64_t)oro_control_forget_ring(&control, ring);
    }
    oro_bytes_finish(&text);
    return status;
}
