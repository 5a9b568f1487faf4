/* The loads and stores that are ordered, each in a function of its own; see `c_header.rs`. */
#include <oro/oro.h>

uint32_t load32(const volatile uint32_t *word);
uint64_t load64(const volatile uint64_t *word);
void store32(volatile uint32_t *word, uint32_t value);
void store64(volatile uint64_t *word, uint64_t value);

uint32_t load32(const volatile uint32_t *word) { return oro_load32(word); }
uint64_t load64(const volatile uint64_t *word) { return oro_load64(word); }
void store32(volatile uint32_t *word, uint32_t value) { oro_store32(word, value); }
void store64(volatile uint64_t *word, uint64_t value) { oro_store64(word, value); }
