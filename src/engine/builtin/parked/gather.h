/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The state of one walk over the process, which gathers what goes into the image.
 *
 * A checkpoint does this walk twice: first while the JVM still runs, to refuse what cannot be
 * restored before any thread is stopped; then with all threads parked, for the image.  Both run the
 * same code, under the rules for parked processes.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_GATHER_H
#define CKPT_ENGINE_BUILTIN_PARKED_GATHER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/range.h"
#include "base/scratch.h"
#include "engine/allowance.h"
#include "engine/policy_rules.h"
#include "engine/report.h"
#include "image/tables.h"

struct ckpt_child_tree;
struct ckpt_fd_walk;
struct ckpt_watched_paths;

/** Shared memory that is mapped and not open (shared_memory.h). */
struct ckpt_shared_seen {
    uint64_t device, inode;
    uint32_t object; /**< index in the table of objects */
    bool is_file, is_system_v, swapped;
};

/** A temporary file or directory, which a restore makes again where it is missing. */
struct ckpt_temporary {
    const char *path;
    uint32_t base; /**< how many bytes of @path are the directory for temporary files */
};

struct ckpt_gather {
    struct ckpt_scratch scratch;
    struct ckpt_tables tables;
    struct ckpt_report *report;
    const struct ckpt_policies *policies;    /**< NULL: none */
    enum ckpt_connection_policy connections; /**< see engine/host.h */
    enum ckpt_child_policy children;         /**< likewise */
    struct ckpt_child_tree *child_tree;      /**< NULL: there is no child (fd/child_pipes.h) */
    const char *executable;                  /**< see freeze.h */
    struct ckpt_report *warnings; /**< for what policies change, in the first walk; or NULL */
    uint64_t perf_start;          /**< address of HotSpot's own shared hsperfdata; 0: it has none */
    const struct ckpt_mailbox *mailbox;       /**< of the last restore; generation 0: none */
    const char *tmp_dir;                      /**< java.io.tmpdir, or NULL */
    const char *java_home;                    /**< java.home, or NULL */
    const char *agent_jar;                    /**< see engine/host.h */
    const struct ckpt_temporary *temporaries; /**< ascending by path */
    size_t temporary_count;
    uint64_t deleted_limit; /**< bytes of deleted files that may be in the image */
    int64_t started_ns;     /**< when the JVM was first started, before any restore; wall clock */
    const int *own_fds;     /**< descriptors of the agent that are not restored */
    size_t own_fd_count;
    const char *const *jvm_logs;              /**< see engine/host.h */
    struct ckpt_watched_paths *watched_paths; /**< see engine/host.h; NULL: none */
    const uint16_t *reconnecting_ports;       /**< see engine/host.h */
    size_t reconnecting_port_count;
    uint32_t *file_slots; /**< a hash table of the files' paths (file_records.c) */
    uint32_t file_slot_count;
    struct ckpt_fd_walk *fd_walk;  /**< the state of the walk over descriptors (fd/walk.h) */
    uint64_t deleted_size;         /**< bytes of deleted files that go into the image */
    const struct ckpt_range *free; /**< memory whose content does not matter, ascending */
    size_t free_count;
    struct ckpt_range *lazy; /**< memory that may be mapped from the image, ascending */
    size_t lazy_count;
    struct ckpt_range *uprobe_maps; /**< the kernel's mappings for uprobes (breakpoints.c) */
    size_t uprobe_map_count;
    uint8_t *file_page; /**< a buffer for a page of a file (breakpoints.c); NULL: not needed yet */
    const char
        *unknown_code; /**< changed code whose file cannot be read (breakpoints.c), or NULL */
    struct ckpt_array shared_seen; /**< struct ckpt_shared_seen */
    bool record_locks;             /**< the process has record locks on files (child_fds.h) */
    bool name_copies;   /**< report each descriptor of a refused open file, not only the first */
    bool leave_running; /**< the process continues, and may write to mapped files */
    bool parked;        /**< the second walk: memory can be read safely */
};

/**
 * Add @path to the table of files if it is not there yet.
 * @param image   NULL, or where the start of the file is mapped (@image_size bytes), to find an ELF
 *                build-id; it is read through the kernel
 * @return 0 with *ret_index, or -1: the file does not exist, or there is no room
 */
int ckpt_file_records_add(struct ckpt_gather *gather, const char *path, uint32_t flags,
                          const void *image, size_t image_size, uint32_t *ret_index,
                          struct ckpt_error *error);

/** The entry of @path in the table of files, or NULL. */
struct ckpt_image_file *ckpt_file_records_find(const struct ckpt_gather *gather, const char *path);

/** Add @path, which is not in the table yet, with its @status. NULL: no room. */
struct ckpt_image_file *ckpt_file_records_append(struct ckpt_gather *gather, const char *path,
                                                 const struct stat *status, uint32_t flags,
                                                 struct ckpt_error *error);

/**
 * The source that ckpt_file_records_build_id() reads: memory or a file, which may change meanwhile.
 */
struct ckpt_byte_source {
    /** Read all of @size bytes, or return a negative number. */
    int (*read)(const struct ckpt_byte_source *source, void *to, size_t size, uint64_t offset);
    uint64_t address; /**< of the memory */
    int fd;           /**< or of the file */
    uint64_t size;
};

/**
 * Compute checksums of files with CKPT_FILE_SUMMED, where the time of last change does not show
 * that they were written: on tmpfs, writes to a mapping never change it; elsewhere, a write to a
 * page that the process has already made dirty does not.  When the files have 64 MiB in all,
 * further ones get no checksum.
 */
int ckpt_file_records_sum(struct ckpt_gather *gather, struct ckpt_error *error);

/** Set the build-id in @file if @source is an ELF object that has one. */
void ckpt_file_records_build_id(const struct ckpt_byte_source *source,
                                struct ckpt_image_file *file);

/** Fill in maps, and while parked their runs. Refusals go to the report. */
int ckpt_memory_gather(struct ckpt_gather *gather, struct ckpt_error *error);

/** Make unreadable memory of the process readable for the writer, or give it its old protection. */
int ckpt_memory_set_readable(const struct ckpt_tables *tables, bool readable,
                             struct ckpt_error *error);

/**
 * Whether the file at @path will probably be deleted, so that a restore may not find it: it is
 * below a directory for temporary files, or is newer than the JVM's start; and it is not the JDK's
 * (file_copies.c).
 */
bool ckpt_file_copies_is_temporary(const struct ckpt_gather *gather, const char *path);

/**
 * Add @size bytes of a deleted file, whose name in /proc is @path, to the sum of such bytes.
 * Refuses the file in the report if the sum is more than is allowed (file_copies.c).
 */
void ckpt_file_copies_count_deleted(struct ckpt_gather *gather, const char *path, uint64_t size);

/**
 * Add temporary files, and runs for the content of files with CKPT_FILE_COPIED. Called after all
 * other runs are known.
 */
int ckpt_file_copies_gather(struct ckpt_gather *gather, struct ckpt_error *error);

/** Add runs that cover the content of a file, without its holes (file_copies.c). */
int ckpt_file_copies_runs(struct ckpt_gather *gather, int fd, uint32_t *ret_first,
                          uint32_t *ret_count, struct ckpt_error *error);

/** Fill in process, signals and most of the header; refuse children, timers and the like. */
int ckpt_process_state_gather(struct ckpt_gather *gather, struct ckpt_error *error);

#endif
