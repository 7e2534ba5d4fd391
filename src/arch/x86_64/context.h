/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The point to which a restored thread comes back: a setjmp of our own, the same on both sides of a
 * restore, so its layout is part of the image's meaning.
 *
 * ckpt_context_save() returns 0 when it saves; in the restored process the restorer gives the
 * thread these registers and ckpt_context_save() returns 1.  Everything that the C calling
 * convention lets a function clobber is not kept: what the thread did before it was asked to park
 * is in its signal frame, which the kernel takes back on return.
 */
#ifndef CKPT_ARCH_X86_64_CONTEXT_H
#define CKPT_ARCH_X86_64_CONTEXT_H

#include <stdint.h>

#ifdef __x86_64__

#define CKPT_CONTEXT_VERSION 1 /* a new one for each change: it is in images */

struct ckpt_context {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
    uint32_t mxcsr;   /**< the SSE control word, which callees must keep */
    uint32_t control; /**< the x87 control word, likewise */
};

int ckpt_context_save(struct ckpt_context *context) __attribute__((returns_twice));

#else
#error "give this architecture a struct ckpt_context"
#endif

#endif
