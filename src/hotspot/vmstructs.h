/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * HotSpot describes its own structures to debuggers: libjvm exports a table of fields with their
 * types, offsets and, for static ones, addresses (gHotSpotVMStructs; vmStructs.cpp of every JDK
 * from 6 on).  This finds fields in it.  Names differ between versions, so callers give
 * alternatives and must do without what is not there.
 */
#ifndef CKPT_HOTSPOT_VMSTRUCTS_H
#define CKPT_HOTSPOT_VMSTRUCTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Find libjvm in this process. false: this is no HotSpot. Call once, before anything below. */
bool ckpt_vm_open(void);

/** Offset of an instance field "Type::_field", -1 if there is none. */
int64_t ckpt_vm_offset(const char *type, const char *field);

/** Address of a static field, NULL if there is none. */
void *ckpt_vm_static(const char *type, const char *field);

/** sizeof a type, 0 if it is not known. */
size_t ckpt_vm_size(const char *type);

/** Address of a JVM flag's value such as "UseG1GC", NULL if this JVM has no such flag. */
void *ckpt_vm_flag(const char *name);

/** A boolean flag's value; false also where there is no such flag. */
bool ckpt_vm_flag_is_set(const char *name);

#endif
