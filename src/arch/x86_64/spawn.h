/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A process or thread that begins in a function of its own, on a stack of its own (spawn.S).
 */
#ifndef CKPT_ARCH_X86_64_SPAWN_H
#define CKPT_ARCH_X86_64_SPAWN_H

#include <stdint.h>

/**
 * clone() with these CLONE_* @flags, and the signal at its end in the lowest byte.
 * @param function   what it runs; must not return
 * @param clear_tid  for CLONE_CHILD_CLEARTID, otherwise NULL
 * @return its ID, or a negative errno value
 */
long ckpt_spawn(unsigned long flags, void *stack_end, void (*function)(void *), void *argument,
                uint32_t *clear_tid);

#endif
