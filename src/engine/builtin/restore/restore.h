/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The parts of the restoring half of the built-in engine.  They run in the command, in this order;
 * each may refuse, and nothing is harmed until ckpt_plan_run().
 */
#ifndef CKPT_ENGINE_BUILTIN_RESTORE_RESTORE_H
#define CKPT_ENGINE_BUILTIN_RESTORE_RESTORE_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "engine/engine.h"
#include "image/source.h"

#define CKPT_SPECIAL_MAPS 8

/** Where the kernel put the vDSO and its data in this process. */
struct ckpt_special {
    struct {
        uint64_t start, end;
        bool vdso;
    } map[CKPT_SPECIAL_MAPS];
    int count;
    uint64_t start, end;                /**< from the first to the last */
    uint64_t image_device, image_inode; /**< of the image, as the kernel shows its mappings */
};

/** What a restore has open beside the descriptors of the image. */
struct ckpt_restore {
    const struct ckpt_restore_request *request;
    bool rehearsal; /**< no effect that others can see, see engine.h */
    struct ckpt_image image;
    struct ckpt_special special;
    int high;            /**< numbers from here on are ours */
    int *file_fds;       /**< for each file of the image that is mapped: open; -1: its copy is
                            mapped, or the file is not */
    int *shared_fds;     /**< for each shared object */
    int perf_fd;         /**< the new hsperfdata file, -1 */
    char perf_path[256]; /**< its name, to be removed if the restore fails; "" */
    int streams[3];      /**< copies of the caller's standard streams; or -1 */
    char cwd[PATH_MAX];  /**< the new working directory, absolute; "": that of the image */
    int64_t monotonic_shift_ns;
    bool redirect_clock; /**< the agent makes up for it */
    struct {
        char text[8][512];
        int count;
    } warnings;
};

/**
 * Keep a warning, lower case and with a hint like an error, until all that may refuse without
 * effects on others has been done: a refusal is one line (warnings.c).
 */
void ckpt_restore_warn(struct ckpt_restore *restore, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Give the warnings to the caller. */
void ckpt_restore_warn_all(struct ckpt_restore *restore);

/** Let the rules of request->policies change what is opened (apply_policies.c). */
int ckpt_restore_policies(struct ckpt_restore *restore, struct ckpt_error *error);

/** This CPU, kernel and vDSO are what the image needs (machine.c). */
int ckpt_machine_check(struct ckpt_restore *restore, struct ckpt_error *error);

/**
 * Find vDSO and vvar of this process, and what the kernel calls the image when it is mapped: on
 * some file systems (overlayfs, btrfs) stat() tells another device.
 */
int ckpt_special_find(int image_fd, struct ckpt_special *ret_special, struct ckpt_error *error);

/**
 * A file is the one that was mapped or open (file_identity.c).
 * @param fd  a descriptor of it, or -1: look at the path
 */
int ckpt_identity_check(const struct ckpt_image_view *image, const struct ckpt_image_file *file,
                        int fd, struct ckpt_error *error);

/**
 * Whether @fd is the file of which the image has a copy too, and no other user can have made it or
 * can change it: a name in a directory for temporary files is anybody's once it is free.
 */
bool ckpt_identity_is_own(const struct ckpt_image_view *image, const struct ckpt_image_file *file,
                          int fd);

/**
 * The same as ckpt_identity_check() for all files of an image but those of which its copy
 * will do, or that will be made again.
 * @param fds      NULL, or a descriptor or -1 for each
 * @param restore  warned of those that have grown; or NULL
 */
int ckpt_identity_check_all(const struct ckpt_image_view *image, const int *fds,
                            struct ckpt_restore *restore, struct ckpt_error *error);

/**
 * Let the clocks continue where they stopped (clocks.c): sets monotonic_shift_ns, by which the
 * kernel's monotonic clock is ahead of the image's all the same, and redirect_clock.
 */
int ckpt_time_enter(struct ckpt_restore *restore, struct ckpt_error *error);

/** Open the mapped files and check that all files are those that they were (objects.c). */
int ckpt_objects_open(struct ckpt_restore *restore, struct ckpt_error *error);

/** Make temporary files and folders that are missing (missing_files.c). */
int ckpt_remake_files(struct ckpt_restore *restore, struct ckpt_error *error);

/** Whether that will make it. */
bool ckpt_remake_is_missing(const struct ckpt_image_view *image,
                            const struct ckpt_image_file *file);

/** Make shared objects and hsperfdata (objects.c). */
int ckpt_objects_make(struct ckpt_restore *restore, struct ckpt_error *error);

/** Move a descriptor out of the way of those in the image. -1 with @error; @fd is closed. */
int ckpt_objects_raise(const struct ckpt_restore *restore, int fd, struct ckpt_error *error);

/**
 * Whether threads can have the TIDs that they have in the image (exact_tids.c): no one else has
 * them, and the kernel lets this process choose.  All but the first, whose TID is the command's
 * PID.
 */
int ckpt_tids_check(const struct ckpt_image_view *image, struct ckpt_error *error);

struct ckpt_plan;

/**
 * Lay out memory and threads for the restorer (plan.c).
 * @return the plan, or NULL with @error
 */
struct ckpt_plan *ckpt_plan_make(struct ckpt_restore *restore, struct ckpt_error *error);

/** Hand over to the restorer. */
void ckpt_plan_run(const struct ckpt_restore *restore, struct ckpt_plan *plan)
    __attribute__((noreturn));

/**
 * The limits of the process, the machine and the cgroup allow what the plan asks for: mappings,
 * memory, threads (limits.c).  It computes; nothing is mapped.
 */
int ckpt_limits_check(struct ckpt_restore *restore, const struct ckpt_plan *plan,
                      struct ckpt_error *error);

/** The same for the memory files and their sizes, before they are made. */
int ckpt_limits_check_files(const struct ckpt_restore *restore, struct ckpt_error *error);

/** This process may start @count threads more (thread_limit.c); tried where it is in doubt. */
int ckpt_threads_check(size_t count, struct ckpt_error *error);

#endif
