/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Functions of cpu_features.c for the other files of x86-64.
 */
#ifndef CKPT_ARCH_X86_64_CPU_FEATURES_H
#define CKPT_ARCH_X86_64_CPU_FEATURES_H

#include <stdint.h>

/** The extended states that the kernel has enabled. The processor must have XSAVE. */
uint64_t ckpt_x86_xcr0(void);

#endif
