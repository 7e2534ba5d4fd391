/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The threads and the children of any process, from /proc/PID/task:
 *
 *     ckpt_auto_process_threads struct ckpt_process_threads list;
 *
 *     ckpt_process_threads_open(&list, pid);
 *     while (ckpt_process_threads_next(&list))
 *         ... list.tid ...
 */
#ifndef CKPT_BASE_PROCESSES_H
#define CKPT_BASE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/raw.h"

struct ckpt_process_threads {
    pid_t tid;        /**< the current thread */
    const char *name; /**< its folder in /proc/PID/task */
    int folder;       /**< /proc/PID/task; -1 if it could not be opened */
    struct ckpt_raw_entries entries;
};

/** Start with those of a process. There are none if it has ended, or /proc cannot be read. */
void ckpt_process_threads_open(struct ckpt_process_threads *ret, pid_t pid);

/** Go to the next thread; false at the end. */
bool ckpt_process_threads_next(struct ckpt_process_threads *list);

/**
 * What the file @name of the current thread's folder has, without the newline at its end, cut to
 * fit. False if it is empty or cannot be read, and then @text is empty.
 */
bool ckpt_process_threads_read(const struct ckpt_process_threads *list, const char *name,
                               char *text, size_t size);

void ckpt_process_threads_close(struct ckpt_process_threads *list);

/** Closes the list at the end of its scope. It must be opened before the scope can be left. */
#define ckpt_auto_process_threads __attribute__((cleanup(ckpt_process_threads_close)))

/**
 * Write the children of @pid to @ret, with a 0 after the last; at most @room - 1 of them. The
 * kernel has a list for each thread that has made some.
 * @return how many there are
 */
size_t ckpt_process_children(pid_t pid, pid_t *ret, size_t room);

/** The parent of a process; 0: it is in another PID namespace, or unknown. */
pid_t ckpt_process_parent(pid_t pid);

#endif
