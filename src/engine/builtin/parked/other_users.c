/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See other_users.h.  The kernel has no count of a file's users that can be read, so all processes
 * are examined.
 */
#include "engine/builtin/parked/other_users.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/descriptors.h"
#include "base/map_line.h"
#include "base/raw.h"
#include "base/syscall.h"

#define OTHERS (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)

/* In scratch space, because it is large. */
struct search {
    const char *path;
    uint64_t inode;
    bool is_hidden; /* of the process that was examined last: something cannot be read */
    struct ckpt_raw_entries processes;
    struct ckpt_raw_lines lines;
    struct ckpt_descriptors descriptors;
    char link[1024];
};

static bool has_mapped(struct search *search, uint64_t pid)
{
    struct ckpt_map_line map;
    char path[64];
    const char *line;
    bool found = false;
    long fd;

    ckpt_raw_format(path, sizeof path, "/proc/%lu/maps", (unsigned long)pid);
    fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    search->is_hidden = fd == -EACCES || fd == -EPERM;
    if (fd < 0)
        return false;
    ckpt_raw_lines_init(&search->lines, (int)fd);
    while (!found && (line = ckpt_raw_lines_next(&search->lines))) {
        ckpt_map_line_parse(line, &map);
        found = map.inode == search->inode && ckpt_raw_equal(map.path, search->path);
    }
    ckpt_sys_close((int)fd);
    return found;
}

static bool has_open(struct search *search, uint64_t pid)
{
    struct ckpt_descriptors *list = &search->descriptors;
    struct stat status;
    bool found = false;

    ckpt_descriptors_open(list, (pid_t)pid);
    search->is_hidden |= list->failed == -EACCES || list->failed == -EPERM;
    while (!found && ckpt_descriptors_next(list))
        found = ckpt_descriptors_link(list, search->link, sizeof search->link) > 0 &&
                ckpt_raw_equal(search->link, search->path) &&
                ckpt_descriptors_status(list, &status) == 0 && status.st_ino == search->inode;
    ckpt_descriptors_close(list);
    return found;
}

/* The number of this process in the /proc that is mounted. */
static uint64_t own_pid(void)
{
    char text[32];
    const char *at = text;
    long length = ckpt_sys_readlinkat(AT_FDCWD, "/proc/self", text, sizeof text - 1);

    text[length < 0 ? 0 : length] = '\0';
    return ckpt_raw_number(&at, 10);
}

/*
 * Whether the process uses the file, or may: one that cannot be examined, if the mode lets others
 * than the owner open the file. Without that it would have to get it from this process.
 */
static bool is_user(struct search *search, uint64_t pid, uint32_t mode)
{
    if (has_mapped(search, pid) || has_open(search, pid))
        return !(search->is_hidden = false);
    return search->is_hidden && (mode & OTHERS);
}

int ckpt_other_users_find(struct ckpt_gather *gather, const struct ckpt_nameless_file *file,
                          struct ckpt_other_user *ret_user, struct ckpt_error *error)
{
    struct search *search = ckpt_scratch_take(&gather->scratch, sizeof *search, error);
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    uint64_t own = own_pid();
    const char *name;

    *ret_user = (struct ckpt_other_user){.pid = 0};
    if (!search)
        return -1;
    if (fd < 0)
        return ckpt_error_set(error, (int)-fd, "cannot list /proc");
    search->path = file->path;
    search->inode = file->inode;
    ckpt_raw_entries_init(&search->processes, (int)fd);
    while ((!ret_user->pid || ret_user->is_hidden) &&
           (name = ckpt_raw_entries_next(&search->processes))) {
        uint64_t pid = ckpt_raw_number(&name, 10);

        if (pid && !*name && pid != own && is_user(search, pid, file->mode))
            *ret_user = (struct ckpt_other_user){.pid = pid, .is_hidden = search->is_hidden};
    }
    ckpt_sys_close((int)fd);
    return 0;
}
