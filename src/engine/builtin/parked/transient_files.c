/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See transient_files.h.
 */
#include "engine/builtin/parked/transient_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/raw.h"
#include "base/syscall.h"

#define STABLE_NS 8000000 /* longer than most files of this kind are open */
#define WAIT_NS 5000000   /* how long to wait until the files that are open now are closed */

static void add_file(struct ckpt_file_list *ret, int number)
{
    struct stat status;

    if (ckpt_sys_fstat(number, &status) < 0)
        return;
    if (!S_ISREG(status.st_mode) &&
        !(ret->connections && (S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode))))
        return;
    if (ret->count < CKPT_FILE_LIST_MAX) {
        ret->file[ret->count].number = number;
        ret->file[ret->count].device = status.st_dev;
        ret->file[ret->count].inode = status.st_ino;
    }
    ret->count++;
}

void ckpt_transient_files_list(struct ckpt_file_list *ret)
{
    struct ckpt_raw_entries entries;
    const char *name;
    long dir = ckpt_sys_openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    ret->count = dir < 0 ? CKPT_FILE_LIST_MAX + 1 : 0;
    if (dir < 0)
        return;
    ckpt_raw_entries_init(&entries, (int)dir);
    while ((name = ckpt_raw_entries_next(&entries)))
        add_file(ret, (int)ckpt_raw_number(&name, 10));
    ckpt_sys_close((int)dir);
}

static bool has(const struct ckpt_file_list *list, int number, uint64_t device, uint64_t inode)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->file[i].number == number)
            return list->file[i].device == device && list->file[i].inode == inode;
    return false;
}

void ckpt_transient_files_list_stable(struct ckpt_file_list *ret, struct ckpt_file_list *scratch)
{
    int64_t end = ckpt_clock_ns(CLOCK_MONOTONIC) + STABLE_NS;

    ckpt_transient_files_list(ret);
    while (ret->count && ret->count <= CKPT_FILE_LIST_MAX && ckpt_clock_ns(CLOCK_MONOTONIC) < end) {
        size_t kept = 0;

        ckpt_transient_files_list(scratch);
        if (scratch->count > CKPT_FILE_LIST_MAX)
            return;
        for (size_t i = 0; i < ret->count; i++)
            if (has(scratch, ret->file[i].number, ret->file[i].device, ret->file[i].inode))
                ret->file[kept++] = ret->file[i];
        ret->count = kept;
    }
}

bool ckpt_transient_files_has_new(const struct ckpt_file_list *before,
                                  const struct ckpt_file_list *now)
{
    if (before->count > CKPT_FILE_LIST_MAX || now->count > CKPT_FILE_LIST_MAX)
        return false;
    for (size_t i = 0; i < now->count; i++)
        if (!has(before, now->file[i].number, now->file[i].device, now->file[i].inode))
            return true;
    return false;
}

void ckpt_transient_files_wait(const struct ckpt_file_list *stable, struct ckpt_file_list *scratch)
{
    int64_t end = ckpt_clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

    do
        ckpt_transient_files_list(scratch);
    while (ckpt_transient_files_has_new(stable, scratch) && ckpt_clock_ns(CLOCK_MONOTONIC) < end);
}
