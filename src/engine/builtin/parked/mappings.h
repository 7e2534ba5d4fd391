/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The mappings of this process and the libraries that they belong to, to find what is at an
 * address.  Only for use while all threads are parked.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_MAPPINGS_H
#define CKPT_ENGINE_BUILTIN_PARKED_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scratch.h"

struct ckpt_mapping {
    uint64_t start, end, offset, inode;
    uint32_t prot;
    bool shared;
    const char *path; /**< as /proc/self/maps shows it; "" if there is none */
};

/** A loaded ELF object: a shared library, or the program. */
struct ckpt_library {
    uint64_t start, end; /**< of all its segments, .bss included */
    const char *path;
    uint64_t dynamic; /**< address of its dynamic section, 0: none */
    bool is_libc;     /**< libc, libpthread, ld.so */
    bool is_cxx;      /**< the runtime of C++, whose own locks are normal mutexes */
    bool is_java;     /**< the JVM, the JDK's libraries, and the agent */
    bool imports_known;
    uint32_t imports; /**< CKPT_IMPORTS_* */
};

#define CKPT_IMPORTS_MUTEX 1u
#define CKPT_IMPORTS_RWLOCK 2u
#define CKPT_IMPORTS_ANY 4u /* dlsym() and the like, which find any function by its name */

struct ckpt_mappings {
    struct ckpt_scratch *scratch;
    struct ckpt_array list;      /* struct ckpt_mapping, ascending */
    struct ckpt_array libraries; /* struct ckpt_library, ascending */
    char *window;                /* a buffer to read a library's string table in pieces */
};

/** Read /proc/self/maps. */
int ckpt_mappings_read(struct ckpt_mappings *mappings, struct ckpt_scratch *scratch,
                       struct ckpt_error *error);

/** The mapping at @address, or NULL. */
const struct ckpt_mapping *ckpt_mappings_at(const struct ckpt_mappings *mappings, uint64_t address);

/** The library that contains @address, or NULL. */
struct ckpt_library *ckpt_mappings_library_at(const struct ckpt_mappings *mappings,
                                              uint64_t address);

/**
 * Whether @address is executable and comes after a call instruction, so that a call returns there.
 */
bool ckpt_mappings_is_return_address(const struct ckpt_mappings *mappings, uint64_t address);

/**
 * Which lock functions the library imports, by the names in its string table: CKPT_IMPORTS_*.
 */
uint32_t ckpt_mappings_imports(const struct ckpt_mappings *mappings, struct ckpt_library *library);

/** Copy memory that may be unmapped; false if it is. */
bool ckpt_mappings_peek(uint64_t address, void *to, size_t size);

/**
 * The address of the first page in [@start, @end) that cannot be read, or @end. A guard page is one
 * that is inside a mapping. While all threads are parked, what is readable stays so.
 */
uint64_t ckpt_mappings_readable_end(uint64_t start, uint64_t end);

#endif
