/* exit.c: the peer of a sealed instance: a static Linux program that ends at its first instructions. */
__attribute__((noreturn)) void _start(void) {
    __asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory"); /* exit_group(0) */
    __builtin_unreachable();
}
