/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Reads the JVM's structures by offsets (hotspot/vmstructs.h), with plain loads.
 */
#ifndef CKPT_HOTSPOT_PARKED_VM_WORD_H
#define CKPT_HOTSPOT_PARKED_VM_WORD_H

#include <stdint.h>

/** The word at an offset in a structure of the JVM. */
#define CKPT_VM_WORD(pointer, offset) (*(uint64_t const *)((const char *)(pointer) + (offset)))

#endif
