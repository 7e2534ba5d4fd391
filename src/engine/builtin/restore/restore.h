/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The parts of the built-in engine's restoring half. They run in the command, in the order that
 * restore.c sets. Each may refuse the restore; nothing is irreversible before ckpt_plan_run().
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORE_RESTORE_H
#define CKPT_ENGINE_BUILTIN_RESTORE_RESTORE_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "engine/engine.h"
#include "image/source.h"

#define CKPT_SPECIAL_MAPS 8

/** The mappings of the vDSO and its data in this process. */
struct ckpt_special {
    struct {
        uint64_t start, end;
        bool vdso;
    } map[CKPT_SPECIAL_MAPS];
    int count;
    uint64_t start, end;                /**< from the start of the first to the end of the last */
    uint64_t image_device, image_inode; /**< of the image, as in /proc/self/maps */
};

/** The state of a restore. */
struct ckpt_restore {
    const struct ckpt_restore_request *request;
    bool rehearsal; /**< no effect that others can see, see engine.h */
    struct ckpt_image image;
    struct ckpt_special special;
    int first_own_fd; /**< the image's descriptors are below, those of this command at or above */
    int *file_fds;    /**< for each file of the image: a descriptor if it is to be mapped, else
                            -1, also where its copy in the image is mapped instead */
    int *shared_fds;  /**< for each shared object */
    int *shared_read_fds; /**< the same for reading only; -1: it has no seals */
    bool *is_copied;      /**< for each file of the image: it was open, and is not the same now */
    int *copy_fds;        /**< for those files, a memory file with the old content; for others -1 */
    char **missing;       /**< what could not be opened again, for the JVM; NULL: not requested */
    int perf_fd;          /**< the new hsperfdata file, or -1 */
    char perf_path[256];  /**< its path, to be removed if the restore fails, or "" */
    int streams[3];       /**< copies of the caller's standard streams, or -1 */
    char cwd[PATH_MAX];   /**< the new working directory, absolute; "": that of the image */
    int64_t elapsed_ns;   /**< time since the freeze that counts as passed, 0 unless requested */
    int64_t monotonic_shift_ns;
    bool redirect_clock; /**< the agent corrects the clock by that difference */
    struct {
        char text[8][512];
        int count;
    } warnings;
};

/**
 * Record a warning, lower case with a hint, like an error. It is printed only when the last step
 * that can refuse without side effects has succeeded: a refusal prints one line (warnings.c).
 */
void ckpt_restore_warn(struct ckpt_restore *restore, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Pass the recorded warnings to request->warn. */
void ckpt_restore_warn_all(struct ckpt_restore *restore);

/** Apply the rules of request->policies to the image's descriptors (apply_policies.c). */
int ckpt_restore_policies(struct ckpt_restore *restore, struct ckpt_error *error);

/**
 * With request->missing_as_exception: replace descriptors that cannot be opened again by dead ones,
 * and list them in @restore->missing (replace_missing.c).
 */
int ckpt_missing_replace(struct ckpt_restore *restore, struct ckpt_error *error);

/** Check that CPU, page size and vDSO are those that the image needs (machine.c). */
int ckpt_machine_check(struct ckpt_restore *restore, struct ckpt_error *error);

/**
 * Find vDSO and vvar of this process, and the device and inode that /proc/self/maps shows for the
 * mapped image: on some file systems (overlayfs, btrfs) stat() returns another device.
 */
int ckpt_special_find(int image_fd, struct ckpt_special *ret_special, struct ckpt_error *error);

/**
 * Check that a file is the one that was mapped or open at the checkpoint (file_identity.c).
 * @param fd  a descriptor of the file; -1: the path is examined
 */
int ckpt_identity_check(const struct ckpt_image_view *image, const struct ckpt_image_file *file,
                        int fd, struct ckpt_error *error);

/** The same for a file that is open and not mapped, with the rules for files that have grown. */
int ckpt_identity_check_open(const struct ckpt_image_view *image, size_t index,
                             struct ckpt_error *error);

/**
 * Whether @fd is the unchanged original of a file that the image has a copy of, and no other user
 * can have created it or can write to it: in a directory for temporary files any user may create a
 * file under a free name.
 */
bool ckpt_identity_is_own(const struct ckpt_image_view *image, const struct ckpt_image_file *file,
                          int fd);

/**
 * ckpt_identity_check() for all files of an image, except those whose copy in the image suffices,
 * and those that the restore creates.
 * @param fds      a descriptor or -1 for each file; or NULL
 * @param restore  gets warnings about files that have grown; or NULL
 */
int ckpt_identity_check_all(const struct ckpt_image_view *image, const int *fds,
                            struct ckpt_restore *restore, struct ckpt_error *error);

/**
 * Make the clocks continue where they stopped, as far as possible (clocks.c), or elapsed_ns later.
 * Sets elapsed_ns, redirect_clock, and monotonic_shift_ns to the remaining difference by which the
 * kernel's monotonic clock is ahead of the clock that the process is to see.
 */
int ckpt_time_enter(struct ckpt_restore *restore, struct ckpt_error *error);

/** Open the mapped files, and check that no file of the image has changed (objects.c). */
int ckpt_objects_open(struct ckpt_restore *restore, struct ckpt_error *error);

/** Create temporary files and folders of the JVM that are missing (missing_files.c). */
int ckpt_remake_files(struct ckpt_restore *restore, struct ckpt_error *error);

/** Whether @file is missing and ckpt_remake_files() creates it. */
bool ckpt_remake_is_missing(const struct ckpt_image_view *image,
                            const struct ckpt_image_file *file);

/** Create missing files, shared memory and hsperfdata (objects.c). */
int ckpt_objects_make(struct ckpt_restore *restore, struct ckpt_error *error);

/** Move @fd to a number from first_own_fd on and close @fd. Returns the new number or -1. */
int ckpt_objects_raise(const struct ckpt_restore *restore, int fd, struct ckpt_error *error);

/**
 * Check that threads can get the TIDs that they have in the image (exact_tids.c): the TIDs are
 * free, and this process may choose them. The first thread is excepted: its TID is the command's
 * PID.
 */
int ckpt_tids_check(const struct ckpt_image_view *image, struct ckpt_error *error);

/**
 * Whether a file that was open for reading may be another one at the restore, because the image has
 * its content (open_copies.c).
 */
bool ckpt_copies_suffice(const struct ckpt_image_file *file);

/** Find such files that have been replaced, and make memory files with their old content. */
int ckpt_copies_find(struct ckpt_restore *restore, struct ckpt_error *error);
int ckpt_copies_make(struct ckpt_restore *restore, struct ckpt_error *error);

/**
 * A memory file with the content of @run_count runs, which a rehearsal leaves empty.
 * @return its descriptor, or -1
 */
int ckpt_objects_memory_file(const struct ckpt_restore *restore, const char *name, unsigned flags,
                             uint64_t size, uint32_t first_run, uint32_t run_count,
                             struct ckpt_error *error);

struct ckpt_plan;

/**
 * Lay out memory and threads for the restorer (plan.c).
 * @return the plan, or NULL with @error
 */
struct ckpt_plan *ckpt_plan_make(struct ckpt_restore *restore, struct ckpt_error *error);

/** Whether the files of @plan can be mapped as it maps them (rehearse_maps.c); keeps nothing. */
int ckpt_maps_rehearse(const struct ckpt_plan *plan, struct ckpt_error *error);

/** Jump into the restorer. */
void ckpt_plan_run(const struct ckpt_restore *restore, struct ckpt_plan *plan)
    __attribute__((noreturn));

/**
 * Check that the limits of the process, the cgroup and the machine allow the mappings, memory and
 * threads of @plan (limits.c). Maps nothing.
 */
int ckpt_limits_check(struct ckpt_restore *restore, const struct ckpt_plan *plan,
                      struct ckpt_error *error);

/** Check the limit on file sizes for memory files and temporary files, before they are created. */
int ckpt_limits_check_files(const struct ckpt_restore *restore, struct ckpt_error *error);

/**
 * Check that this process can start @count more threads, if in doubt by trying (thread_limit.c).
 */
int ckpt_threads_check(size_t count, struct ckpt_error *error);

#endif
