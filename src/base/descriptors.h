/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The open descriptors of this or of another process, from /proc/PID/fd:
 *
 *     ckpt_auto_descriptors struct ckpt_descriptors list;
 *
 *     ckpt_descriptors_open(&list, pid);
 *     while (ckpt_descriptors_next(&list))
 *         ... list.number ...
 */
#ifndef CKPT_BASE_DESCRIPTORS_H
#define CKPT_BASE_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/raw.h"

struct ckpt_descriptors {
    int number;       /**< the current descriptor */
    const char *name; /**< its name in the folder */
    int folder;       /**< /proc/PID/fd; -1 if it could not be opened */
    int failed;       /**< negative errno value if the descriptors cannot be listed; 0 otherwise */
    bool own;         /**< of this process: the folder is one of them, and is left out */
    struct ckpt_raw_entries entries;
};

/** Start with those of a process. A failure is in @ret->failed, and then there are none. */
void ckpt_descriptors_open(struct ckpt_descriptors *ret, pid_t pid);

/** Start with those of this process, whatever PID it has where /proc was mounted. */
void ckpt_descriptors_open_own(struct ckpt_descriptors *ret);

/** Go to the next descriptor; false at the end, or if it cannot be read (@list->failed). */
bool ckpt_descriptors_next(struct ckpt_descriptors *list);

/**
 * What the current descriptor's link leads to, such as "/a/file" or "socket:[1234]", cut to fit.
 * @return its length; or a negative errno value, and then @text is empty
 */
long ckpt_descriptors_link(const struct ckpt_descriptors *list, char *text, size_t size);

/** The status of the file at the current descriptor. 0 or a negative errno value. */
long ckpt_descriptors_status(const struct ckpt_descriptors *list, struct stat *ret);

void ckpt_descriptors_close(struct ckpt_descriptors *list);

/** Closes the list at the end of its scope. It must be opened before the scope can be left. */
#define ckpt_auto_descriptors __attribute__((cleanup(ckpt_descriptors_close)))

#endif
