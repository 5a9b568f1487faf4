/* runtime.c: the four functions that C compilers call without being asked, for example to copy a
 * struct. A freestanding module needs them; `oro` links this file with every module that is one C
 * file. They are weak: a module may bring its own.
 *
 * Not for slots: a slot is accessed through the volatile pointers that ORO_IN and ORO_OUT give,
 * since nothing here keeps the order of accesses. */
#include <stddef.h>

#define ORO_WEAK __attribute__((weak, used))

void *memcpy(void *restrict target, const void *restrict source, size_t count);
void *memmove(void *target, const void *source, size_t count);
void *memset(void *target, int value, size_t count);
int memcmp(const void *left, const void *right, size_t count);

/* Keeps the compiler from turning a loop into a call of the very function that it is in. */
#define ORO_KEEP_LOOP __asm__ volatile("" ::: "memory")

ORO_WEAK void *memcpy(void *restrict target, const void *restrict source, size_t count)
{
#if defined(__x86_64__)
    void *to = target;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(count) : : "memory");
#else
    unsigned char *to = target;
    const unsigned char *from = source;
    for (; count != 0; count--) {
        *to++ = *from++;
        ORO_KEEP_LOOP;
    }
#endif
    return target;
}

ORO_WEAK void *memmove(void *target, const void *source, size_t count)
{
    unsigned char *to = target;
    const unsigned char *from = source;
    if (to <= from || to >= from + count) {
        return memcpy(target, source, count);
    }
    while (count != 0) {
        count--;
        to[count] = from[count];
        ORO_KEEP_LOOP;
    }
    return target;
}

ORO_WEAK void *memset(void *target, int value, size_t count)
{
#if defined(__x86_64__)
    void *to = target;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
#else
    unsigned char *to = target;
    for (; count != 0; count--) {
        *to++ = (unsigned char)value;
        ORO_KEEP_LOOP;
    }
#endif
    return target;
}

ORO_WEAK int memcmp(const void *left, const void *right, size_t count)
{
    const unsigned char *a = left;
    const unsigned char *b = right;
    for (; count != 0; count--, a++, b++) {
        if (*a != *b) {
            return *a < *b ? -1 : 1;
        }
        ORO_KEEP_LOOP;
    }
    return 0;
}
