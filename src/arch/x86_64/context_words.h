/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The layout of struct ckpt_arch_context, for C and assembler.
 */
#ifndef CKPT_ARCH_X86_64_CONTEXT_WORDS_H
#define CKPT_ARCH_X86_64_CONTEXT_WORDS_H

#define CONTEXT_RBX 0
#define CONTEXT_RBP 1
#define CONTEXT_R12 2
#define CONTEXT_R13 3
#define CONTEXT_R14 4
#define CONTEXT_R15 5
#define CONTEXT_RSP 6
#define CONTEXT_RIP 7
#define CONTEXT_CONTROL 8 /* the control words of SSE and x87, which callees must preserve */

#endif
