/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Files that are open only for a short time, such as a configuration file that is polled.  A
 * restore requires that each open file is unchanged, and the restored process needs such a file
 * only for that short time.  So a checkpoint is made, if possible, while no such file is open.
 *
 * The same for connections that live only for a short time.  They prevent the checkpoint unless a
 * policy closes them, so they are looked for only once something has prevented it: an application
 * may open some all the time.
 */
#ifndef CKPT_ENGINE_PARKED_TRANSIENT_FILES_H
#define CKPT_ENGINE_PARKED_TRANSIENT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CKPT_FILE_LIST_MAX 4096

/** Open regular files, or those and connections. */
struct ckpt_file_list {
    bool connections; /**< set by the caller: sockets and pipes too */
    size_t count;     /**< more than CKPT_FILE_LIST_MAX: too many, the list is incomplete */
    struct {
        int number;
        uint64_t device, inode;
    } file[CKPT_FILE_LIST_MAX];
};

/** List the files that are open now. */
void ckpt_transient_files_list(struct ckpt_file_list *ret);

/**
 * While threads run, list the files that stay open for some milliseconds: those that are
 * open each time in that period, so that a file that is opened repeatedly is not among them.
 * @param scratch  memory for a second list
 */
void ckpt_transient_files_list_stable(struct ckpt_file_list *ret, struct ckpt_file_list *scratch);

/**
 * Whether a descriptor in @now is missing in @before or is another file there; false if a list is
 * incomplete.
 */
bool ckpt_transient_files_has_new(const struct ckpt_file_list *before,
                                  const struct ckpt_file_list *now);

/** While threads run, wait, at most some milliseconds, until only files in @stable are open. */
void ckpt_transient_files_wait(const struct ckpt_file_list *stable, struct ckpt_file_list *scratch);

/** The search for a moment without such files, in one freeze. */
struct ckpt_transient_files {
    struct ckpt_file_list stable, now;
    int tries;
};

/** While threads run, begin a search; @connections: no short-lived connections either. */
void ckpt_transient_files_begin(struct ckpt_transient_files *search, bool connections);

/**
 * While threads are parked: whether such a file is open, and another try is allowed. Then release
 * the threads and call ckpt_transient_files_wait() before they are parked again.
 */
bool ckpt_transient_files_found(struct ckpt_transient_files *search);

#endif
