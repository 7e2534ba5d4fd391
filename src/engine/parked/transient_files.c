/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See transient_files.h.
 */
#include "engine/parked/transient_files.h"

#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/syscall.h"

#define STABLE_NS 8000000 /* longer than most files of this kind are open */
#define WAIT_NS 5000000   /* how long to wait until the files that are open now are closed */
#define TRIES 20          /* how often threads are parked until none is open */

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
    ckpt_auto_descriptors struct ckpt_descriptors list;

    ckpt_descriptors_open_own(&list);
    ret->count = 0;
    while (ckpt_descriptors_next(&list))
        add_file(ret, list.number);
    if (list.failed)
        ret->count = CKPT_FILE_LIST_MAX + 1;
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

void ckpt_transient_files_begin(struct ckpt_transient_files *search, bool connections)
{
    search->tries = 0;
    search->stable.connections = search->now.connections = connections;
    ckpt_transient_files_list_stable(&search->stable, &search->now);
}

bool ckpt_transient_files_found(struct ckpt_transient_files *search)
{
    if (search->tries == TRIES)
        return false;
    ckpt_transient_files_list(&search->now);
    if (!ckpt_transient_files_has_new(&search->stable, &search->now))
        return false;
    search->tries++;
    return true;
}
