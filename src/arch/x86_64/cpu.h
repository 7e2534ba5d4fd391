/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What this CPU offers to compiled code.  A JVM compiles for the CPU it finds, so a restore must
 * find at least the same.  Works in parked processes.
 */
#ifndef CKPT_ARCH_X86_64_CPU_H
#define CKPT_ARCH_X86_64_CPU_H

#include <stddef.h>
#include <stdint.h>

#define CKPT_ARCHITECTURE "x86_64"
#define CKPT_CPU_WORDS 8

struct ckpt_cpu {
    uint32_t features[CKPT_CPU_WORDS]; /**< cpuid words, see cpu.c */
    uint64_t xcr0;                     /**< extended states that the kernel has enabled */
    uint32_t xsave_size;               /**< bytes of extended state in a signal frame */
    uint32_t reserved;
};

/** Ask the CPU. */
void ckpt_probe_cpu(struct ckpt_cpu *ret_cpu);

/**
 * Compare what an image needs with what is here.
 * @return NULL when all is here, otherwise a static text that names a missing feature
 */
const char *ckpt_probe_cpu_lacks(const struct ckpt_cpu *needed, const struct ckpt_cpu *here);

#endif
