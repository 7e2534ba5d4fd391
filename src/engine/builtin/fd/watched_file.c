/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See watched_file.h.
 */
#include "engine/builtin/fd/watched_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/syscall.h"

/* The number after @label in @line; false: there is no such label. */
static bool number_after(const char *line, const char *label, uint64_t *ret_value)
{
    const char *at = ckpt_raw_find(line, label);

    if (!at)
        return false;
    at += ckpt_raw_length(label);
    *ret_value = ckpt_raw_number(&at, 16);
    return true;
}

static unsigned digit(char c)
{
    return c >= 'a' ? (unsigned)(c - 'a') + 10 : (unsigned)(c - '0');
}

static void parse_handle(const char *line, struct ckpt_watched_file *file)
{
    const char *hex = ckpt_raw_find(line, "f_handle:");
    uint64_t size, type;

    file->handle.size = 0;
    if (!hex || !number_after(line, "fhandle-bytes:", &size) ||
        !number_after(line, "fhandle-type:", &type) || size > sizeof file->handle.bytes)
        return;
    hex += sizeof "f_handle:" - 1;
    if (ckpt_raw_length(hex) < 2 * size)
        return;
    for (uint64_t i = 0; i < size; i++)
        file->handle.bytes[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    file->handle.type = (int32_t)type;
    file->handle.size = (uint32_t)size;
}

bool ckpt_watched_file_parse(const char *line, struct ckpt_watched_file *ret_file)
{
    uint64_t wd, mask;

    if (!ckpt_raw_starts(line, "inotify ") || !number_after(line, "wd:", &wd) ||
        !number_after(line, "ino:", &ret_file->inode) ||
        !number_after(line, "sdev:", &ret_file->device) || !number_after(line, "mask:", &mask))
        return false;
    ret_file->wd = (int32_t)wd;
    ret_file->mask = (uint32_t)mask;
    parse_handle(line, ret_file);
    return true;
}

/* A device as fdinfo and /proc/self/mountinfo show it: 20 bits of the kernel's number are minor. */
static uint64_t kernel_device(uint64_t device)
{
    uint64_t major = device >> 8 & 0xfff, minor = (device & 0xff) | (device >> 12 & 0xfff00);

    return major << 20 | minor;
}

static bool is_same(const struct ckpt_watched_file *file, const struct stat *status)
{
    return status->st_ino == file->inode && kernel_device(status->st_dev) == file->device;
}

/*
 * On overlayfs and btrfs stat() has other numbers than fdinfo. So the path is watched for a moment,
 * by another descriptor, whose fdinfo is compared.
 */
static bool is_same_when_watched(const struct ckpt_watched_file *file, const char *path)
{
    long fd = ckpt_syscall(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK, 0, 0, 0, 0, 0);
    struct ckpt_watched_file found;
    char name[64], info[1024];
    const char *line = NULL;

    if (fd < 0)
        return false;
    ckpt_raw_format(name, sizeof name, "/proc/self/fdinfo/%d", (int)fd);
    if (ckpt_syscall(SYS_inotify_add_watch, fd, path, IN_DELETE_SELF, 0, 0, 0) >= 0 &&
        ckpt_raw_read_file(name, info, sizeof info) > 0)
        line = ckpt_raw_find(info, "inotify wd:");
    ckpt_sys_close((int)fd);
    return line && ckpt_watched_file_parse(line, &found) && found.inode == file->inode &&
           found.device == file->device;
}

enum ckpt_watched_found ckpt_watched_file_is_at(const struct ckpt_watched_file *file,
                                                const char *path)
{
    struct stat status;

    if (ckpt_sys_fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        is_same(file, &status))
        return S_ISLNK(status.st_mode) ? CKPT_WATCHED_LINK : CKPT_WATCHED_FOUND;
    if (ckpt_sys_fstatat(AT_FDCWD, path, &status, 0) == 0 &&
        (is_same(file, &status) || is_same_when_watched(file, path)))
        return CKPT_WATCHED_FOUND;
    return CKPT_WATCHED_NOT_FOUND;
}

/* ---- by its handle ---- */

/* The path of the open file @fd. */
static enum ckpt_watched_found path_of(const struct ckpt_watched_file *file, int fd, char *ret_path)
{
    char name[64];
    struct stat status;
    long length;

    ckpt_raw_format(name, sizeof name, "/proc/self/fd/%d", fd);
    length = ckpt_sys_readlinkat(AT_FDCWD, name, ret_path, CKPT_WATCHED_PATH_MAX - 1);
    if (length < 0 || ckpt_sys_fstat(fd, &status) < 0)
        return CKPT_WATCHED_NOT_FOUND;
    ret_path[length] = '\0';
    if (status.st_nlink == 0)
        return CKPT_WATCHED_DELETED;
    return ckpt_watched_file_is_at(file, ret_path);
}

/* The mount point in a line of mountinfo; blanks and the like are octal numbers in it. */
static bool mount_point(const char *line, char *ret_path)
{
    size_t length = 0;

    for (int field = 0; field < 4; field++) {
        while (*line && *line != ' ')
            line++;
        ckpt_raw_blanks(&line);
    }
    while (*line && *line != ' ' && length < CKPT_WATCHED_PATH_MAX - 1) {
        if (*line != '\\') {
            ret_path[length++] = *line++;
            continue;
        }
        for (int i = 1; i < 4; i++)
            if (line[i] < '0' || line[i] > '7')
                return false;
        ret_path[length++] = (char)((line[1] - '0') << 6 | (line[2] - '0') << 3 | (line[3] - '0'));
        line += 4;
    }
    ret_path[length] = '\0';
    return length;
}

/* Whether the line of mountinfo is about the file's device. */
static bool is_of_device(const struct ckpt_watched_file *file, const char *line)
{
    uint64_t major, minor;

    for (int field = 0; field < 2; field++) {
        while (*line && *line != ' ')
            line++;
        ckpt_raw_blanks(&line);
    }
    major = ckpt_raw_number(&line, 10);
    if (*line++ != ':')
        return false;
    minor = ckpt_raw_number(&line, 10);
    return (major << 20 | minor) == file->device;
}

static enum ckpt_watched_found open_handle(const struct ckpt_watched_file *file, char *path)
{
    long mount = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), fd;
    enum ckpt_watched_found found;

    if (mount < 0)
        return CKPT_WATCHED_NOT_FOUND;
    fd = ckpt_syscall(SYS_open_by_handle_at, mount, &file->handle, O_PATH | O_CLOEXEC, 0, 0, 0);
    ckpt_sys_close((int)mount);
    if (fd < 0)
        return CKPT_WATCHED_NOT_FOUND;
    found = path_of(file, (int)fd, path);
    ckpt_sys_close((int)fd);
    return found;
}

enum ckpt_watched_found ckpt_watched_file_by_handle(const struct ckpt_watched_file *file,
                                                    struct ckpt_raw_lines *lines, char *ret_path)
{
    enum ckpt_watched_found found = CKPT_WATCHED_NOT_FOUND;
    const char *line;
    long fd;

    if (!file->handle.size)
        return CKPT_WATCHED_NOT_FOUND;
    fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return CKPT_WATCHED_NOT_FOUND;
    ckpt_raw_lines_init(lines, (int)fd);
    while (found == CKPT_WATCHED_NOT_FOUND && (line = ckpt_raw_lines_next(lines)))
        if (is_of_device(file, line) && mount_point(line, ret_path))
            found = open_handle(file, ret_path);
    ckpt_sys_close((int)fd);
    return found;
}

/* ---- among what the process has open ---- */

/* Whether the file is at @path or is a directory above it; @path is cut to that. */
static enum ckpt_watched_found at_or_above(const struct ckpt_watched_file *file, char *path)
{
    size_t length = ckpt_raw_length(path);
    enum ckpt_watched_found found = ckpt_watched_file_is_at(file, path);

    while (found == CKPT_WATCHED_NOT_FOUND && length > 1) {
        while (length > 1 && path[length - 1] != '/')
            length--;
        if (length > 1)
            length--;
        path[length] = '\0';
        found = ckpt_watched_file_is_at(file, path);
    }
    return found;
}

static enum ckpt_watched_found at_link(const struct ckpt_watched_file *file, const char *link,
                                       char *path)
{
    long length = ckpt_sys_readlinkat(AT_FDCWD, link, path, CKPT_WATCHED_PATH_MAX - 1);
    struct stat status;

    if (length <= 0 || path[0] != '/')
        return CKPT_WATCHED_NOT_FOUND;
    path[length] = '\0';
    if (ckpt_sys_fstatat(AT_FDCWD, link, &status, 0) == 0 && status.st_nlink == 0 &&
        is_same(file, &status))
        return CKPT_WATCHED_DELETED;
    return at_or_above(file, path);
}

enum ckpt_watched_found ckpt_watched_file_among_open(const struct ckpt_watched_file *file,
                                                     struct ckpt_raw_entries *entries,
                                                     const char *tmp_dir, char *ret_path)
{
    enum ckpt_watched_found found = at_link(file, "/proc/self/cwd", ret_path);
    const char *name;
    char link[64];
    long fd = ckpt_sys_openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (found == CKPT_WATCHED_NOT_FOUND && tmp_dir) {
        ckpt_raw_format(ret_path, CKPT_WATCHED_PATH_MAX, "%s", tmp_dir);
        found = at_or_above(file, ret_path);
    }
    if (fd < 0)
        return found;
    ckpt_raw_entries_init(entries, (int)fd);
    while (found == CKPT_WATCHED_NOT_FOUND && (name = ckpt_raw_entries_next(entries))) {
        ckpt_raw_format(link, sizeof link, "/proc/self/fd/%s", name);
        found = at_link(file, link, ret_path);
    }
    ckpt_sys_close((int)fd);
    return found;
}
