/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the freezing side of the engine works on: one walk over the process, done twice.
 *
 * First while the JVM still runs, to refuse what cannot be restored before anyone is stopped; then
 * again with everyone parked, when it is final.  Both times the same code, under the rules for
 * parked processes.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_GATHER_H
#define CKPT_ENGINE_BUILTIN_PARKED_GATHER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/scratch.h"
#include "engine/policy_rules.h"
#include "engine/report.h"
#include "image/tables.h"

struct ckpt_fd_walk;

struct ckpt_range {
    uint64_t start, end;
};

/** Shared anonymous memory that was met in a walk: a piece of an object without a name. */
struct ckpt_shared_seen {
    uint64_t inode, start, end;
};

/** A file or folder that a restore makes again where it is missing. */
struct ckpt_temporary {
    const char *path;
    uint32_t base; /**< so much of it is the directory for temporary files */
};

struct ckpt_gather {
    struct ckpt_scratch scratch;
    struct ckpt_tables tables;
    struct ckpt_report *report;
    const struct ckpt_policies *policies; /**< NULL: none */
    const char *executable;               /**< see freeze.h */
    struct ckpt_report *warnings; /**< what policies change, told in the first walk; or NULL */
    uint64_t perf_start; /**< where HotSpot's own hsperfdata is mapped and shared; 0: nowhere */
    const struct ckpt_mailbox *mailbox;       /**< of the last restore, if any */
    const char *tmp_dir;                      /**< java.io.tmpdir, or NULL */
    const char *java_home;                    /**< java.home, or NULL */
    const char *agent_jar;                    /**< see engine/host.h */
    const struct ckpt_temporary *temporaries; /**< ascending by path */
    size_t temporary_count;
    uint64_t deleted_limit; /**< bytes of deleted files that may be in the image */
    int64_t started_ns;     /**< when the JVM was started first, by the wall clock */
    const int *own_fds;     /**< descriptors of the agent that are not restored */
    size_t own_fd_count;
    uint32_t *file_slots; /**< the table of files by path (file_records.c) */
    uint32_t file_slot_count;
    struct ckpt_fd_walk *fd_walk;  /**< what the walk over descriptors remembers (fd/walk.h) */
    uint64_t deleted_size;         /**< of deleted files that go into the image */
    const struct ckpt_range *free; /**< memory whose content does not matter, ascending */
    size_t free_count;
    struct ckpt_range *lazy; /**< memory that may be mapped from the image, ascending */
    size_t lazy_count;
    struct ckpt_range *traced; /**< areas of the kernel's for uprobes (breakpoints.c) */
    size_t traced_count;
    uint8_t *traced_page; /**< one of a file that is compared with memory; NULL: not needed yet */
    struct ckpt_array shared_seen; /**< struct ckpt_shared_seen */
    bool record_locks;             /**< the process has record locks on files (child_fds.h) */
    bool name_copies;              /**< of descriptors that are refused */
    bool leave_running;            /**< the process continues, and writes to mapped files */
    bool parked;                   /**< the second walk: memory may be read */
};

/**
 * Add @path to the table of files, once.
 * @param image   NULL, or where the start of the file is mapped (@image_size bytes), to find an ELF
 *                build-id; it is read through the kernel
 * @return 0 with *ret_index, or -1: it is not there, or not a regular file or directory
 */
int ckpt_files_add(struct ckpt_gather *gather, const char *path, uint32_t flags, const void *image,
                   size_t image_size, uint32_t *ret_index, struct ckpt_error *error);

/** The entry of @path in the table of files, or NULL. */
struct ckpt_image_file *ckpt_files_find(const struct ckpt_gather *gather, const char *path);

/** Add @path, which is not in the table, with what is known of it. NULL: no room. */
struct ckpt_image_file *ckpt_files_append(struct ckpt_gather *gather, const char *path,
                                          const struct stat *status, uint32_t flags,
                                          struct ckpt_error *error);

/** Where ckpt_files_build_id() reads; either may change or vanish meanwhile. */
struct ckpt_bytes {
    /** Read all of it, or return a negative number. */
    int (*read)(const struct ckpt_bytes *source, void *to, size_t size, uint64_t offset);
    uint64_t address; /**< of memory */
    int fd;           /**< or of a file */
    uint64_t size;
};

/**
 * Checksums of files with CKPT_FILE_SUMMED, where nothing else tells that they were written: on
 * tmpfs a mapping that is written does not change the time, nor anywhere one whose page the process
 * has written before and still has.  64 MiB at most; what is beyond has none.
 */
int ckpt_files_sum(struct ckpt_gather *gather, struct ckpt_error *error);

/** Find the build-id of an ELF object, into @file; of anything else, nothing. */
void ckpt_files_build_id(const struct ckpt_bytes *source, struct ckpt_image_file *file);

/** Fill in maps, and with everyone parked their runs. Refusals go to the report. */
int ckpt_memory_gather(struct ckpt_gather *gather, struct ckpt_error *error);

/** Make memory that the process cannot read readable for the writer, and back. */
int ckpt_memory_unveil(const struct ckpt_tables *tables, bool readable, struct ckpt_error *error);

/**
 * Whether the file at @path is one that its maker means to delete: it is below a directory for
 * temporary files, or was made after the JVM had been started; and is none of the JDK's
 * (file_copies.c).
 */
bool ckpt_copies_is_passing(const struct ckpt_gather *gather, const char *path);

/**
 * Count @size bytes of the deleted file at @path, as /proc shows it; refuses it in the report where
 * it is more than is allowed (file_copies.c).
 */
void ckpt_copies_fits(struct ckpt_gather *gather, const char *path, uint64_t size);

/** Temporary files, and the content of files with CKPT_FILE_COPIED; after all other runs. */
int ckpt_copies_gather(struct ckpt_gather *gather, struct ckpt_error *error);

/** Runs that cover the content of a file, without its holes (file_copies.c). */
int ckpt_runs_of_file(struct ckpt_gather *gather, int fd, uint32_t *ret_first, uint32_t *ret_count,
                      struct ckpt_error *error);

/** Fill in process, signals and most of the header; refuse children, timers and the like. */
int ckpt_process_gather(struct ckpt_gather *gather, struct ckpt_error *error);

#endif
