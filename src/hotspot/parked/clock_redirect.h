/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The exchange of the addresses by which libjvm calls the clock and timed waits, in a restored
 * process.  Which addresses: clock_calls.c fills them in before the freeze.
 */
#ifndef CKPT_HOTSPOT_PARKED_CLOCK_REDIRECT_H
#define CKPT_HOTSPOT_PARKED_CLOCK_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKPT_CLOCK_CALLS_MAX 16

/** A word of libjvm's data with the address of a function. */
struct ckpt_clock_call {
    void **at;
    void *replacement;
    bool read_only; /**< in the linker's table after relocation */
};

extern struct ckpt_clock_calls {
    struct ckpt_clock_call calls[CKPT_CLOCK_CALLS_MAX];
    size_t count;
    bool are_redirected; /**< by this restore or an earlier one */
    int64_t offset_ns;   /**< what libjvm is to see minus the kernel's clock */
} ckpt_clock_calls;

/** In a restored process: make up for the kernel's clock being another, if the restore asks for it.
 */
void ckpt_clock_redirect(void);

#endif
