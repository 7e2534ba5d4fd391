/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See processes.h.
 */
#include "base/processes.h"

#include <fcntl.h>

#include "base/syscall.h"

#define PARENT_FIELD 4 /* of /proc/PID/stat */

#define FILE_MAX 64 /* the path of a thread's file, below /proc/PID/task */

void ckpt_process_threads_open(struct ckpt_process_threads *ret, pid_t pid)
{
    char path[64];
    long folder;

    ckpt_raw_format(path, sizeof path, "/proc/%d/task", pid);
    folder = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    ret->tid = 0;
    ret->name = NULL;
    ret->folder = folder < 0 ? -1 : (int)folder;
    ckpt_raw_entries_init(&ret->entries, ret->folder);
}

bool ckpt_process_threads_next(struct ckpt_process_threads *list)
{
    const char *digits;

    list->name = digits = list->folder < 0 ? NULL : ckpt_raw_entries_next(&list->entries);
    if (!digits)
        return false;
    list->tid = (pid_t)ckpt_raw_number(&digits, 10);
    return true;
}

static long open_file(const struct ckpt_process_threads *list, const char *name)
{
    char path[FILE_MAX];

    ckpt_raw_format(path, sizeof path, "%s/%s", list->name, name);
    return ckpt_sys_openat(list->folder, path, O_RDONLY | O_CLOEXEC, 0);
}

bool ckpt_process_threads_read(const struct ckpt_process_threads *list, const char *name,
                               char *text, size_t size)
{
    long fd = open_file(list, name), length = fd < 0 ? fd : ckpt_sys_read((int)fd, text, size - 1);

    if (fd >= 0)
        ckpt_sys_close((int)fd);
    if (length > 0 && text[length - 1] == '\n')
        length--;
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

void ckpt_process_threads_close(struct ckpt_process_threads *list)
{
    if (list->folder >= 0)
        ckpt_sys_close(list->folder);
}

/* Add those of the current thread to the first @count, and return how many there are then. */
static size_t add_children(const struct ckpt_process_threads *list, pid_t *ret, size_t room,
                           size_t count)
{
    char text[512]; /* a piece of the list: numbers, each with a blank after it */
    long fd = open_file(list, "children"), length;
    pid_t child = 0;

    while (fd >= 0 && (length = ckpt_sys_read((int)fd, text, sizeof text)) > 0)
        for (long i = 0; i < length; i++) {
            if (text[i] != ' ') {
                child = child * 10 + (text[i] - '0');
                continue;
            }
            if (count + 1 < room)
                ret[count] = child;
            count++;
            child = 0;
        }
    if (fd >= 0)
        ckpt_sys_close((int)fd);
    return count;
}

size_t ckpt_process_children(pid_t pid, pid_t *ret, size_t room)
{
    ckpt_auto_process_threads struct ckpt_process_threads list;
    size_t count = 0;

    ckpt_process_threads_open(&list, pid);
    while (ckpt_process_threads_next(&list))
        count = add_children(&list, ret, room, count);
    ret[count < room ? count : room - 1] = 0;
    return count;
}

pid_t ckpt_process_parent(pid_t pid)
{
    char path[32], text[1024];

    ckpt_raw_format(path, sizeof path, "/proc/%d/stat", pid);
    return ckpt_raw_read_file(path, text, sizeof text) > 0
               ? (pid_t)ckpt_raw_stat_field(text, PARENT_FIELD)
               : 0;
}
