/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The mappings of this process and the libraries they belong to, for those who ask of an address
 * what is there.  With all threads parked only.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_MAPPINGS_H
#define CKPT_ENGINE_BUILTIN_PARKED_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scratch.h"

struct ckpt_area {
    uint64_t start, end, offset, inode;
    uint32_t prot;
    bool shared;
    const char *path; /**< as /proc/self/maps has it; "" if it has none */
};

/** A loaded ELF object: a shared library, or the program. */
struct ckpt_library {
    uint64_t start, end; /**< of all its segments, .bss included */
    const char *path;
    uint64_t dynamic; /**< address of its dynamic section, 0: none */
    bool is_libc;     /**< libc, libpthread, ld.so */
    bool is_cxx;      /**< the runtime of C++, whose own locks are normal mutexes */
    bool is_java;     /**< the JVM, the JDK's libraries, and the agent */
    bool asked;       /**< `imports` has been found out */
    uint32_t imports; /**< CKPT_IMPORTS_* */
};

#define CKPT_IMPORTS_MUTEX 1u
#define CKPT_IMPORTS_RWLOCK 2u
#define CKPT_IMPORTS_ANY 4u /* those that find functions by name */

struct ckpt_areas {
    struct ckpt_scratch *scratch;
    struct ckpt_array areas, libraries; /* both ascending */
    char *window;                       /* to look into a library's strings */
};

/** Read /proc/self/maps. */
int ckpt_areas_read(struct ckpt_areas *areas, struct ckpt_scratch *scratch,
                    struct ckpt_error *error);

/** The mapping at @address, or NULL. */
const struct ckpt_area *ckpt_areas_at(const struct ckpt_areas *areas, uint64_t address);

/** The library around @address, or NULL. */
struct ckpt_library *ckpt_areas_library(const struct ckpt_areas *areas, uint64_t address);

/** Whether @address is executable and comes after a call instruction: what a call returns to. */
bool ckpt_areas_is_return(const struct ckpt_areas *areas, uint64_t address);

/** Which locks' functions the library takes from elsewhere, by the names in its string table. */
uint32_t ckpt_areas_imports(const struct ckpt_areas *areas, struct ckpt_library *library);

/** Copy memory that may not be there. */
bool ckpt_areas_peek(uint64_t address, void *to, size_t size);

/**
 * The end of what can be read in [@start, @end): the first page that cannot, such as a guard page
 * that no mapping's end shows, or @end.  With all threads parked it stays readable.
 */
uint64_t ckpt_areas_readable_end(uint64_t start, uint64_t end);

#endif
