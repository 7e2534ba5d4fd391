/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The content of an image in terms that all engines share. An engine's describe() (engine.h) writes
 * it, `inspect` shows it.
 *
 * Texts are copied from the image, which any user may have made: they may contain control
 * characters.
 */
#ifndef CKPT_ENGINE_DESCRIPTION_H
#define CKPT_ENGINE_DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/** Random generators of a class that all processes restored from the image share. */
struct ckpt_described_generators {
    uint64_t count;
    const char *class_name;
};

struct ckpt_described_thread {
    uint32_t tid;
    const char *name;
    bool leader;
    const char *at; /**< where it was stopped: "libjvm.so+0x1234", or a kind of memory */
    uint64_t ip, sp;
};

struct ckpt_described_fd {
    int number;
    const char *kind, *what; /**< "TCP socket", "listens at 127.0.0.1:80" */
    const char *path;        /**< or NULL */
    bool has_position;
    uint64_t position;
    uint32_t open_flags;
    bool close_on_exec;
    int same_as; /**< the number of an earlier one with the same open file, or -1 */
};

/** What a restore requires of a file. */
enum ckpt_described_rule {
    CKPT_RULE_SAME,
    CKPT_RULE_ANY,
    CKPT_RULE_GROWN,           /**< the same, or longer */
    CKPT_RULE_MADE,            /**< nothing, a new one is created */
    CKPT_RULE_SAME_OR_COPY,    /**< the same, or else the copy in the image */
    CKPT_RULE_MADE_IF_MISSING, /**< created, or copied from the image, if it is missing */
};

struct ckpt_described_file {
    const char *path;
    enum ckpt_described_rule rule;
    uint64_t size, image_bytes;
    int64_t modified_s;   /**< since 1970 */
    const char *build_id; /**< in hexadecimal, or NULL */
};

struct ckpt_described_memory_file {
    const char *name;
    uint64_t size, image_bytes;
};

struct ckpt_described_mapping {
    uint64_t start, end;
    bool readable, writable, executable, shared;
    const char *kind, *what; /**< "file", its path; "memory", "[heap]" or "" */
    bool what_implies_kind;  /**< `what` suffices: a path, "[heap]", "stack of 'main'" */
    bool has_offset;         /**< the mapping has an offset in a file or memory file */
    uint64_t offset, image_bytes;
    const char *const *flags; /**< words, NULL after the last */
};

struct ckpt_description {
    const char *engine, *release; /**< engine and release of checkpointer that made the image */
    const char *id;               /**< in hexadecimal; the manifest has the same */
    uint32_t format;              /**< the version of the engine's format */
    const char *architecture;     /**< of the processor, as uname(2) calls it */
    const char *features; /**< the processor features that the code in the image needs, as words */
    uint32_t page_size;
    const char *java, *executable, *working_directory;
    const char **command; /**< words, NULL after the last */
    const char **labels;  /**< words KEY=VALUE, NULL after the last */
    uint64_t realtime_ns, monotonic_ns, boottime_ns;
    uint32_t pid, uid, gid, generation;
    uint64_t image_bytes, page_bytes, metadata_bytes, mapped_bytes, memory_file_bytes;
    size_t run_count;           /**< runs of pages in the image */
    bool verified;              /**< the checksums of all pages were compared */
    bool restorable;            /**< owner, machine and files allow a restore here */
    struct ckpt_error obstacle; /**< if not: the reason */
    /** Where descriptors, files and mappings are, if only another program reads them; or NULL. */
    const char *content_in;
    const char *not_compared; /**< what only a rehearsal finds out, for people; NULL: nothing */

    struct ckpt_described_generators *generators;
    struct ckpt_described_thread *threads;
    struct ckpt_described_fd *fds;
    struct ckpt_described_file *files;
    struct ckpt_described_memory_file *memory_files;
    struct ckpt_described_mapping *mappings;
    size_t generator_count, thread_count, fd_count, file_count, memory_file_count, mapping_count;

    struct ckpt_description_block *blocks; /**< the memory that the pointers above refer to */
    bool out_of_memory;                    /**< the description is incomplete */
};

/** For engines: zeroed memory for @count elements, owned by @description; NULL: out of memory. */
void *ckpt_description_array(struct ckpt_description *description, size_t count, size_t size);

/** For engines: a formatted text, owned by @description. Never NULL: "" if out of memory. */
const char *ckpt_description_text(struct ckpt_description *description, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** For engines: @count bytes in hexadecimal, owned by @description. "" if out of memory. */
const char *ckpt_description_digits(struct ckpt_description *description, const uint8_t *bytes,
                                    size_t count);

/** Free the memory of a description. A zeroed one has none. */
void ckpt_description_free(struct ckpt_description *description);

#endif
