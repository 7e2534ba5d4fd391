/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked, and in the command: raw system calls only, no libc except
 * memcpy() and the like.
 *
 * See unix_name.h.
 */
#include "engine/builtin/fd/unix_name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/rehearsal.h"

#define START sizeof(sa_family_t)
#define SEARCH_MAX 4096 /* files of a folder */

static const char *path_of(const struct ckpt_unix_name *name)
{
    return (const char *)name->address + START;
}

bool ckpt_unix_name_get(int call, int fd, struct ckpt_unix_name *ret_name)
{
    socklen_t size = sizeof ret_name->address - 2;

    *ret_name = (struct ckpt_unix_name){.size = 0};
    if (ckpt_syscall(call, fd, ret_name->address, &size, 0, 0, 0) < 0)
        return false;
    if (size <= START)
        return true;
    /* For a path of 108 bytes, which fills the structure, the size counts a zero byte after it. */
    ret_name->size =
        (uint16_t)(size > sizeof(struct sockaddr_un) ? sizeof(struct sockaddr_un) : size);
    ret_name->file = path_of(ret_name)[0] ? CKPT_UNIX_FILE_GONE : CKPT_UNIX_NO_FILE;
    return true;
}

void ckpt_unix_name_complete(struct ckpt_unix_name *name)
{
    name->file = path_of(name)[0] ? CKPT_UNIX_FILE_THERE : CKPT_UNIX_NO_FILE;
    name->user = name->group = ~0u;
}

bool ckpt_unix_name_is_valid(const struct ckpt_unix_name *name)
{
    return name->size <= sizeof(struct sockaddr_un) && (name->size == 0 || name->size > START) &&
           name->file <= CKPT_UNIX_FILE_LAST && !name->address[sizeof name->address - 1] &&
           !name->address[sizeof name->address - 2] && !name->moved[sizeof name->moved - 1] &&
           (name->size == 0 || *(const sa_family_t *)name->address == AF_UNIX) &&
           (name->size == 0 || !path_of(name)[0] == (name->file == CKPT_UNIX_NO_FILE));
}

bool ckpt_unix_name_same(const struct ckpt_unix_name *left, const struct ckpt_unix_name *right)
{
    return left->size == right->size &&
           __builtin_memcmp(left->address, right->address, left->size) == 0;
}

const char *ckpt_unix_name_text(const struct ckpt_unix_name *name, struct ckpt_unix_text *text)
{
    size_t length = name->size > START ? name->size - START : 0;

    __builtin_memcpy(text->text, path_of(name), length);
    text->text[length] = '\0';
    if (length && !text->text[0])
        text->text[0] = '@';
    return text->text;
}

/* ---- the file, in the JVM ---- */

static bool is_its_file(const char *path, const struct ckpt_unix_diag *diag, struct stat *status)
{
    return ckpt_sys_fstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISSOCK(status->st_mode) && (!diag || (uint32_t)status->st_ino == diag->file);
}

/* The folder of a path. */
static void parent_of(const char *path, char parent[112])
{
    size_t slash = ckpt_raw_length(path);

    while (slash && path[slash] != '/')
        slash--;
    ckpt_raw_format(parent, 112, "%s", path[0] == '/' || slash ? path : ".");
    parent[slash ? slash : 1] = '\0';
}

/* Search the file in the folder of its old path; servers make it there and rename it. */
static bool find_moved(struct ckpt_unix_name *name, const struct ckpt_unix_diag *diag,
                       struct stat *status)
{
    static struct ckpt_raw_entries entries; /* static because it is large */
    char parent[112], path[512];
    const char *entry;
    bool found = false;
    long folder;

    parent_of(path_of(name), parent);
    folder = ckpt_sys_openat(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (folder < 0)
        return false;
    ckpt_raw_entries_init(&entries, (int)folder);
    for (int i = 0; i < SEARCH_MAX && !found && (entry = ckpt_raw_entries_next(&entries)); i++) {
        size_t length = ckpt_raw_format(path, sizeof path, "%s/%s", parent, entry);

        /* No process can connect to a longer path. */
        found =
            length <= sizeof((struct sockaddr_un){0}).sun_path && is_its_file(path, diag, status);
        if (found)
            __builtin_memcpy(name->moved, path, length + 1);
    }
    ckpt_sys_close((int)folder);
    return found;
}

void ckpt_unix_name_find_file(struct ckpt_unix_name *name, const struct ckpt_unix_diag *diag)
{
    struct stat status;

    if (name->size == 0 || name->file == CKPT_UNIX_NO_FILE)
        return;
    if (is_its_file(path_of(name), diag, &status))
        name->file = CKPT_UNIX_FILE_THERE;
    else if (diag && diag->file && find_moved(name, diag, &status))
        name->file = CKPT_UNIX_FILE_RENAMED;
    else
        return;
    name->mode = status.st_mode & 0777;
    name->user = status.st_uid;
    name->group = status.st_gid;
}

/* ---- binding again, in the command ---- */

static long bind_to(int fd, const struct ckpt_unix_name *name)
{
    return ckpt_syscall(SYS_bind, fd, name->address, name->size, 0, 0, 0);
}

/* The kernel chooses a free abstract name. */
static long bind_anywhere(int fd)
{
    const sa_family_t family = AF_UNIX;

    return ckpt_syscall(SYS_bind, fd, &family, sizeof family, 0, 0, 0);
}

/* Whether the file is a socket that no process has any more. */
static bool is_stale(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = ckpt_raw_length(path);
    struct stat status;
    long answer, fd;

    if (ckpt_sys_fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISSOCK(status.st_mode) || length > sizeof address.sun_path)
        return false;
    __builtin_memcpy(address.sun_path, path, length);
    fd = ckpt_syscall(SYS_socket, AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0, 0, 0);
    if (fd < 0)
        return false;
    answer = ckpt_syscall(SYS_connect, fd, &address, START + length, 0, 0, 0);
    ckpt_sys_close((int)fd);
    return answer == -ECONNREFUSED;
}

/* Bind to a path; the file's permissions are those that the mask leaves. */
static long bind_to_path(int fd, int type, const struct ckpt_unix_name *name, unsigned mask)
{
    long old = ckpt_syscall(SYS_umask, mask, 0, 0, 0, 0, 0), failed = bind_to(fd, name);

    if (failed == -EADDRINUSE && is_stale(path_of(name), type)) {
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, path_of(name), 0, 0, 0, 0);
        failed = bind_to(fd, name);
    }
    ckpt_syscall(SYS_umask, old, 0, 0, 0, 0, 0);
    return failed;
}

static long rename_file(const struct ckpt_unix_name *name, int type)
{
    struct stat status;

    if (ckpt_sys_fstatat(AT_FDCWD, name->moved, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        !is_stale(name->moved, type))
        return -EADDRINUSE;
    return ckpt_syscall(SYS_renameat2, AT_FDCWD, path_of(name), AT_FDCWD, name->moved, 0, 0);
}

/*
 * Set the owner and the permissions of the file. In a folder in which others may write, another
 * file, or a link to one, may be at the path by now.
 */
static void set_rights(const char *path, const struct ckpt_unix_name *name)
{
    long file = ckpt_sys_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    struct stat status;
    char link[32];

    if (file < 0)
        return;
    if (ckpt_sys_fstat((int)file, &status) == 0 && S_ISSOCK(status.st_mode)) {
        /* Only root, or a member of the group, may change them; others could not before either. */
        if (status.st_uid != name->user || status.st_gid != name->group)
            ckpt_syscall(SYS_fchownat, file, "", name->user, name->group, AT_EMPTY_PATH, 0);
        ckpt_raw_format(link, sizeof link, "/proc/self/fd/%d", (int)file);
        ckpt_syscall(SYS_fchmodat, AT_FDCWD, link, name->mode & 0777, 0, 0, 0);
    }
    ckpt_sys_close((int)file);
}

/* Bind without permissions first, so that the file never has more of them than before. */
static long bind_with_file(int fd, int type, const struct ckpt_unix_name *name)
{
    const char *path = path_of(name);
    long failed = bind_to_path(fd, type, name, 0777);

    if (failed == 0 && name->file == CKPT_UNIX_FILE_RENAMED) {
        failed = rename_file(name, type);
        if (failed < 0)
            ckpt_syscall(SYS_unlinkat, AT_FDCWD, path, 0, 0, 0, 0);
        path = name->moved;
    }
    if (failed < 0)
        return failed;
    set_rights(path, name);
    return 0;
}

/* A datagram socket has such a name when it sends credentials; no one has chosen it. */
static bool is_chosen_by_kernel(const struct ckpt_unix_name *name, int type)
{
    return type == SOCK_DGRAM && name->file == CKPT_UNIX_NO_FILE &&
           name->size == START + CKPT_UNIX_AUTOBIND;
}

/* In a rehearsal: 0 if a socket could be bound to the path, or a negative error. */
static long rehearse_path(const struct ckpt_fd_thaw *thaw, int type, const char *path)
{
    struct stat status;
    char parent[112];
    long failed;

    parent_of(path, parent);
    failed = ckpt_fd_rehearse_access(parent, 2 | 1 /* W_OK | X_OK */);
    if (failed < 0 || ckpt_sys_fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
        thaw->original_runs)
        return failed;
    return S_ISSOCK(status.st_mode) && !ckpt_fd_rehearse_is_bound(path, type) ? 0 : -EADDRINUSE;
}

static long rehearse(const struct ckpt_fd_thaw *thaw, int fd, int type,
                     const struct ckpt_unix_name *name)
{
    long failed;

    if (name->file == CKPT_UNIX_NO_FILE) {
        failed = bind_to(fd, name);
        return failed == -EADDRINUSE && (thaw->original_runs || is_chosen_by_kernel(name, type))
                   ? 0
                   : failed;
    }
    return rehearse_path(thaw, type,
                         name->file == CKPT_UNIX_FILE_RENAMED ? name->moved : path_of(name));
}

/*
 * No process can reach the socket by its name. It has that name again if no file is there, and
 * otherwise another one. A datagram socket may be the target of one of this process (connect()),
 * which needs a name that works.
 */
static long bind_to_nothing(const struct ckpt_fd_thaw *thaw, int fd, int type,
                            const struct ckpt_unix_name *name)
{
    if (thaw->rehearsal || type == SOCK_DGRAM || bind_to(fd, name) < 0)
        return bind_anywhere(fd);
    ckpt_syscall(SYS_unlinkat, AT_FDCWD, path_of(name), 0, 0, 0, 0);
    return 0;
}

long ckpt_unix_name_bind(const struct ckpt_fd_thaw *thaw, int fd, int type,
                         const struct ckpt_unix_name *name)
{
    long failed;

    if (name->file == CKPT_UNIX_FILE_GONE)
        return bind_to_nothing(thaw, fd, type, name);
    if (thaw->rehearsal)
        return rehearse(thaw, fd, type, name);
    if (name->file != CKPT_UNIX_NO_FILE)
        return bind_with_file(fd, type, name);
    failed = bind_to(fd, name);
    return failed == -EADDRINUSE && is_chosen_by_kernel(name, type) ? bind_anywhere(fd) : failed;
}

void ckpt_unix_name_lend(int fd, const void *address, uint32_t size)
{
    struct ckpt_unix_name name = {.size = (uint16_t)size};

    __builtin_memcpy(name.address, address, size);
    if (!path_of(&name)[0])
        bind_to(fd, &name);
    else if (bind_to_path(fd, SOCK_DGRAM, &name, 0777) == 0)
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, path_of(&name), 0, 0, 0, 0);
}

void ckpt_unix_name_reach(const struct ckpt_fd_thaw *thaw, int fd,
                          const struct ckpt_unix_name *saved, struct ckpt_unix_name *ret_address)
{
    ckpt_unix_name_get(SYS_getsockname, fd, ret_address);
    if (!ret_address->size && bind_anywhere(fd) == 0)
        ckpt_unix_name_get(SYS_getsockname, fd, ret_address);
    if (!thaw->rehearsal && saved && saved->file == CKPT_UNIX_FILE_RENAMED) {
        size_t length = ckpt_raw_length(saved->moved);

        if (length > sizeof((struct sockaddr_un){0}).sun_path)
            length = sizeof((struct sockaddr_un){0}).sun_path;
        ret_address->size = (uint16_t)(START + length);
        __builtin_memcpy(ret_address->address + START, saved->moved, length);
    }
}

const char *ckpt_unix_name_hint(long failed, const char *busy)
{
    return failed == -EADDRINUSE ? busy
           : failed == -ENOENT   ? "; create its folder"
           : failed == -EACCES || failed == -EROFS
               ? "; let the user that restores write to its folder"
               : "";
}

int ckpt_unix_name_cannot_bind(const struct ckpt_unix_name *name, long failed,
                               struct ckpt_error *error)
{
    struct ckpt_unix_text text;

    return ckpt_error_set(error, (int)-failed, "cannot bind a Unix socket to '%s' again%s",
                          ckpt_unix_name_text(name, &text),
                          ckpt_unix_name_hint(failed, "; stop the process that has this name"));
}

/* ---- connections ---- */

/* Accept the connection of this process; another one may have connected meanwhile. */
static long accept_own(int listener)
{
    long own = ckpt_sys_getpid();

    for (;;) {
        struct ucred peer = {.pid = 0};
        socklen_t size = sizeof peer;
        long fd = ckpt_syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC, 0, 0);

        if (fd < 0)
            return fd;
        ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size, 0);
        if (peer.pid == own)
            return fd;
        ckpt_sys_close((int)fd);
    }
}

/* Connect through a listener that has the name for a moment. */
static long connect_through(int listener, int type, const struct ckpt_unix_name *name, int fd)
{
    bool path = name->file != CKPT_UNIX_NO_FILE;
    /* Its user may connect, that is, this process; the others may not. */
    long failed = path ? bind_to_path(listener, type, name, 0577) : bind_to(listener, name),
         accepted;

    if (failed < 0)
        return failed;
    failed = ckpt_syscall(SYS_listen, listener, 8, 0, 0, 0, 0);
    if (failed == 0)
        failed = ckpt_syscall(SYS_connect, fd, name->address, name->size, 0, 0, 0);
    accepted = failed < 0 ? failed : accept_own(listener);
    if (path)
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, path_of(name), 0, 0, 0, 0);
    return accepted;
}

static long make_named(const struct ckpt_fd_thaw *thaw, int type,
                       const struct ckpt_unix_name *accepted,
                       const struct ckpt_unix_name *connected, int ret_ends[2])
{
    /* Not blocking, whatever others do with the listener meanwhile. */
    int flags = type | SOCK_CLOEXEC | SOCK_NONBLOCK;
    long listener = ckpt_syscall(SYS_socket, AF_UNIX, flags, 0, 0, 0, 0);
    long fd = ckpt_syscall(SYS_socket, AF_UNIX, flags, 0, 0, 0, 0);
    long failed = listener < 0 ? listener : fd;

    if (failed >= 0 && connected->size)
        failed = ckpt_unix_name_bind(thaw, (int)fd, type, connected);
    if (failed >= 0)
        failed = connect_through((int)listener, type, accepted, (int)fd);
    if (listener >= 0)
        ckpt_sys_close((int)listener);
    if (failed < 0 && fd >= 0)
        ckpt_sys_close((int)fd);
    if (failed < 0)
        return failed;
    ret_ends[0] = (int)failed;
    ret_ends[1] = (int)fd;
    return 0;
}

long ckpt_unix_name_pair(const struct ckpt_fd_thaw *thaw, int type,
                         const struct ckpt_unix_name *accepted,
                         const struct ckpt_unix_name *connected, int ret_ends[2])
{
    long failed;

    /* A connection without the listener's name serves as well, where it cannot be had. */
    if (type != SOCK_DGRAM && accepted->size && !thaw->rehearsal &&
        make_named(thaw, type, accepted, connected, ret_ends) == 0)
        return 0;
    failed = ckpt_syscall(SYS_socketpair, AF_UNIX, type | SOCK_CLOEXEC, 0, ret_ends, 0, 0);
    if (failed < 0)
        return failed;
    if (connected->size)
        failed = ckpt_unix_name_bind(thaw, ret_ends[1], type, connected);
    if (failed == 0 && type == SOCK_DGRAM && accepted->size)
        failed = ckpt_unix_name_bind(thaw, ret_ends[0], type, accepted);
    if (failed < 0) {
        ckpt_sys_close(ret_ends[0]);
        ckpt_sys_close(ret_ends[1]);
    }
    return failed;
}
