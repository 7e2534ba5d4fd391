/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See descriptors.h.
 */
#include "base/descriptors.h"

#include <fcntl.h>

#include "base/syscall.h"

static void open_folder(struct ckpt_descriptors *ret, const char *path, bool own)
{
    long folder = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    ret->number = -1;
    ret->name = NULL;
    ret->folder = folder < 0 ? -1 : (int)folder;
    ret->failed = folder < 0 ? (int)folder : 0;
    ret->own = own;
    ckpt_raw_entries_init(&ret->entries, ret->folder);
}

void ckpt_descriptors_open(struct ckpt_descriptors *ret, pid_t pid)
{
    char path[64];

    ckpt_raw_format(path, sizeof path, "/proc/%d/fd", pid);
    open_folder(ret, path, false);
}

void ckpt_descriptors_open_own(struct ckpt_descriptors *ret)
{
    open_folder(ret, "/proc/self/fd", true);
}

bool ckpt_descriptors_next(struct ckpt_descriptors *list)
{
    const char *digits;

    if (list->folder < 0)
        return false;
    do {
        list->name = digits = ckpt_raw_entries_next(&list->entries);
        if (!digits) {
            list->failed = list->entries.failed;
            return false;
        }
        list->number = (int)ckpt_raw_number(&digits, 10);
    } while (list->own && list->number == list->folder);
    return true;
}

long ckpt_descriptors_link(const struct ckpt_descriptors *list, char *text, size_t size)
{
    long length = ckpt_sys_readlinkat(list->folder, list->name, text, size - 1);

    text[length > 0 ? length : 0] = '\0';
    return length;
}

long ckpt_descriptors_status(const struct ckpt_descriptors *list, struct stat *ret)
{
    return ckpt_sys_fstatat(list->folder, list->name, ret, 0);
}

void ckpt_descriptors_close(struct ckpt_descriptors *list)
{
    if (list->folder >= 0)
        ckpt_sys_close(list->folder);
}
