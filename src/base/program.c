/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See program.h. A folder that may not be searched has no program: it may be one of root's.
 */
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/raw.h"
#include "base/syscall.h"

#define MORE_FOLDERS "/usr/local/sbin:/usr/sbin:/sbin"

static int access_of(const char *path, int mode)
{
    return (int)ckpt_syscall(SYS_faccessat, AT_FDCWD, path, mode, 0, 0, 0);
}

static int check(const char *path)
{
    struct stat status;
    int failed = (int)ckpt_sys_fstatat(AT_FDCWD, path, &status, 0);

    if (failed)
        return failed;
    if (!S_ISREG(status.st_mode))
        return S_ISDIR(status.st_mode) ? -EISDIR : -EACCES;
    return access_of(path, X_OK);
}

/* @result: that of the folders before these. */
static int search(const char *name, const char *folders, int result, char *path, size_t size)
{
    char candidate[PATH_MAX];

    for (size_t length; *folders && result; folders += length + (folders[length] == ':')) {
        int found;

        for (length = 0; folders[length] && folders[length] != ':'; length++)
            ;
        if (!length || length + ckpt_raw_length(name) + 2 > sizeof candidate)
            continue;
        __builtin_memcpy(candidate, folders, length);
        ckpt_raw_format(candidate + length, sizeof candidate - length, "/%s", name);
        if (access_of(candidate, F_OK) < 0)
            continue;
        found = check(candidate);
        if (found && result != -ENOENT)
            continue;
        ckpt_raw_format(path, size, "%s", candidate);
        result = found;
    }
    return result;
}

int ckpt_program_find(const char *name, const char *folders, char *ret_path, size_t size)
{
    int result = -ENOENT;

    ckpt_raw_format(ret_path, size, "%s", name);
    if (ckpt_raw_find(name, "/"))
        return check(name);
    if (!*name)
        return -ENOENT;
    if (folders)
        result = search(name, folders, result, ret_path, size);
    return search(name, MORE_FOLDERS, result, ret_path, size);
}
