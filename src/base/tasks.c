/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See tasks.h. Runs on the thread that parks the others, while threads start and end.
 */
#include "base/tasks.h"

#include <fcntl.h>

#include "base/raw.h"
#include "base/syscall.h"

/*
 * num_threads is field 20 of /proc/PID/stat. `status` has it too, but may be
 * longer than a fixed buffer: it lists the user's groups.
 */
uint64_t ckpt_tasks_count(void)
{
    char text[1024];

    if (ckpt_raw_read_file("/proc/self/stat", text, sizeof text) <= 0)
        return 0;
    return ckpt_raw_stat_field(text, 20);
}

/*
 * The TID in this process's own PID namespace: if /proc shows an outer namespace, the names in
 * task/ are TIDs of that one.
 */
static int inner_tid(const char *name)
{
    struct ckpt_raw_lines lines;
    char path[64];
    const char *line;
    int tid = 0;
    long fd;

    ckpt_raw_format(path, sizeof path, "/proc/self/task/%s/status", name);
    fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    ckpt_raw_lines_init(&lines, (int)fd);
    while ((line = ckpt_raw_lines_next(&lines))) {
        if (!ckpt_raw_starts(line, "NSpid:"))
            continue;
        for (line += 6; *line;) {
            ckpt_raw_blanks(&line);
            tid = (int)ckpt_raw_number(&line, 10);
        }
        break;
    }
    ckpt_sys_close((int)fd);
    return tid;
}

static bool proc_has_own_pids(void)
{
    char text[32];
    const char *at = text;
    long length = ckpt_sys_readlinkat(AT_FDCWD, "/proc/self", text, sizeof text - 1);

    if (length <= 0)
        return false;
    text[length] = '\0';
    return ckpt_raw_number(&at, 10) == (uint64_t)ckpt_sys_getpid();
}

long ckpt_tasks_each(ckpt_task_fn *visit, void *context)
{
    struct ckpt_raw_entries entries;
    const char *name;
    bool own_tids = proc_has_own_pids();
    int self = (int)ckpt_sys_gettid();
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    ckpt_raw_entries_init(&entries, (int)fd);
    while ((name = ckpt_raw_entries_next(&entries))) {
        const char *digits = name;
        int tid = own_tids ? (int)ckpt_raw_number(&digits, 10) : inner_tid(name);

        if (tid > 0 && tid != self && !visit(tid, name, context))
            break;
    }
    ckpt_sys_close((int)fd);
    return entries.failed;
}

static void read_name(const char *task, struct ckpt_task *ret)
{
    char path[64], text[64];
    long length;

    ckpt_raw_format(path, sizeof path, "/proc/self/task/%s/comm", task);
    length = ckpt_raw_read_file(path, text, sizeof text);
    if (length > 0)
        text[length - 1] = '\0'; /* the newline */
    ckpt_raw_format(ret->name, sizeof ret->name, "%s", length > 0 ? text : "?");
}

static uint64_t mask_after(const char *line, const char *label)
{
    line += ckpt_raw_length(label);
    ckpt_raw_blanks(&line);
    return ckpt_raw_number(&line, 16);
}

bool ckpt_tasks_read_signals(const char *name, struct ckpt_task *ret)
{
    struct ckpt_raw_lines lines;
    char path[64];
    const char *line;
    long fd;

    ckpt_raw_format(path, sizeof path, "/proc/self/task/%s/status", name);
    fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    ckpt_raw_lines_init(&lines, (int)fd);
    while ((line = ckpt_raw_lines_next(&lines))) {
        if (ckpt_raw_starts(line, "State:")) {
            line += 6;
            ckpt_raw_blanks(&line);
            ret->state = *line;
        } else if (ckpt_raw_starts(line, "SigPnd:")) {
            ret->pending = mask_after(line, "SigPnd:");
        } else if (ckpt_raw_starts(line, "SigBlk:")) {
            ret->blocked = mask_after(line, "SigBlk:");
            break;
        }
    }
    ckpt_sys_close((int)fd);
    return true;
}

bool ckpt_tasks_read(const char *name, struct ckpt_task *ret)
{
    char path[64], text[1024];

    *ret = (struct ckpt_task){.state = 0};
    ckpt_raw_format(path, sizeof path, "/proc/self/task/%s/stat", name);
    if (ckpt_raw_read_file(path, text, sizeof text) <= 0)
        return false;
    ret->cpu = ckpt_raw_stat_field(text, 14) + ckpt_raw_stat_field(text, 15);
    if (!ckpt_tasks_read_signals(name, ret))
        return false;
    read_name(name, ret);
    return true;
}
