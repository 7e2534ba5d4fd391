/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See thread_tables.h. A restore gives all threads the tables of the process, so a thread that
 * called unshare(CLONE_FILES) or unshare(CLONE_FS) would work on with other files, or in another
 * directory. kcmp(2) compares the tables without privileges. Where it is not allowed, no such
 * thread is found.
 */
#include "engine/builtin/freeze/thread_tables.h"

#include <linux/kcmp.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "base/tasks.h"

#define ENDING 4 /* PF_EXITING: it has given back its tables */

static bool differs(int tid, int table)
{
    return ckpt_syscall(SYS_kcmp, ckpt_sys_gettid(), tid, table, 0, 0, 0) > 0;
}

static bool is_ending(const char *name)
{
    char path[64], text[1024];

    ckpt_raw_format(path, sizeof path, "/proc/self/task/%s/stat", name);
    return ckpt_raw_read_file(path, text, sizeof text) <= 0 ||
           (ckpt_raw_stat_field(text, 9) & ENDING);
}

static bool check(int tid, const char *name, void *context)
{
    bool files = differs(tid, KCMP_FILES);
    struct ckpt_task task;

    if ((files || differs(tid, KCMP_FS)) && !is_ending(name) && ckpt_tasks_read(name, &task))
        ckpt_report_refuse(context, "resource", "end it in a beforeCheckpoint hook",
                           "the thread '%s' (%d) has %s for itself (%s)", task.name, tid,
                           files ? "a table of descriptors"
                                 : "a working directory, root directory and umask",
                           files ? "CLONE_FILES" : "CLONE_FS");
    return true;
}

void ckpt_thread_tables_check(struct ckpt_report *report)
{
    ckpt_tasks_each(check, report);
}
