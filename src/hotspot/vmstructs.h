/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * HotSpot describes its own structures for debuggers: libjvm exports a table of fields with their
 * types, offsets and, for static ones, addresses (gHotSpotVMStructs; vmStructs.cpp of every JDK
 * from 6 on). These functions find fields in that table. Names differ between versions, so callers
 * try alternatives and must work without fields that are missing.
 */
#ifndef CKPT_HOTSPOT_VMSTRUCTS_H
#define CKPT_HOTSPOT_VMSTRUCTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Find libjvm and its tables. Call once, before the functions below. @return false: this JVM is not
 * HotSpot
 */
bool ckpt_vm_open(void);

/** Offset of an instance field "Type::_field", -1 if there is none. */
int64_t ckpt_vm_offset(const char *type, const char *field);

/** Address of a static field, NULL if there is none. */
void *ckpt_vm_static(const char *type, const char *field);

/** A field by its type and name. */
struct ckpt_vm_name {
    const char *type, *field;
};

/** A field to look up, with its names in different JDKs. */
struct ckpt_vm_row {
    int64_t *offset; /**< for an instance field: gets its offset, or -1 if there is none */
    void *address;   /**< for a static field: a pointer that gets its address, or NULL */
    struct ckpt_vm_name names[3];
};

/**
 * Look up the fields of a table, each by the first of its names that this JVM has.
 * @return whether all of them exist
 */
bool ckpt_vm_look_up(const struct ckpt_vm_row *rows, size_t count);

/** The size of a type, 0 if it is not known. */
size_t ckpt_vm_size(const char *type);

/** Address of the value of a JVM flag such as "UseG1GC", NULL if this JVM has no such flag. */
void *ckpt_vm_flag(const char *name);

/** The value of a boolean flag; false also if this JVM has no such flag. */
bool ckpt_vm_flag_is_set(const char *name);

#endif
