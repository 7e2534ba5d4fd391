/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Replaces the function pointers by which libjvm calls the clock and timed waits, in a restored
 * process. clock_calls.c finds them before the freeze.
 */
#ifndef CKPT_HOTSPOT_PARKED_CLOCK_REDIRECT_H
#define CKPT_HOTSPOT_PARKED_CLOCK_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKPT_CLOCK_CALLS_MAX 16

/** A function pointer in libjvm's data. */
struct ckpt_clock_call {
    void **at;
    void *replacement;
    bool read_only; /**< the pointer is in a page that is read-only after relocation (RELRO) */
};

extern struct ckpt_clock_calls {
    struct ckpt_clock_call calls[CKPT_CLOCK_CALLS_MAX];
    size_t count;
    bool are_redirected; /**< this restore or an earlier one has replaced the pointers */
    int64_t offset_ns;   /**< the time that libjvm is to see minus the kernel's */
} ckpt_clock_calls;

/** In a restored process: correct libjvm's monotonic clock, if the restore asks for it. */
void ckpt_clock_redirect(void);

#endif
