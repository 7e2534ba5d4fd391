/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Creates temporary files and folders of the JVM that are missing at a restore, from the copies in
 * the image, and missing logs of the JVM. Runs in the command.
 *
 * A directory for temporary files is shared with other users, who may create anything under a free
 * name. So below that directory no link is followed, and each folder on the path must belong to
 * this user or to root; a file gets its name only when it is complete; and an existing file is not
 * changed. Created files stay if the restore is refused later, because another restore of the image
 * may use them by then. A rehearsal creates nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/restore/restore.h"

static const char *path_of(const struct ckpt_restore *restore, const struct ckpt_image_file *file)
{
    return ckpt_view_text(&restore->image.view, file->path);
}

static int refuse(struct ckpt_error *error, const char *path)
{
    return ckpt_error_set(error, errno, "cannot make the JVM's temporary file '%s' again", path);
}

static int check_owner(int fd, const char *path, size_t length, struct ckpt_error *error)
{
    char folder[PATH_MAX];
    struct stat status;

    if (fstat(fd, &status) < 0 || status.st_uid == geteuid() || status.st_uid == 0)
        return 0;
    snprintf(folder, sizeof folder, "%.*s", (int)length, path);
    return ckpt_error_set(error, 0, "'%s' was the JVM's and is another user's now; remove it",
                          folder);
}

/* Open the directory for temporary files; it and its parents are created if they are missing. */
static int open_base(const char *path, size_t length)
{
    char base[PATH_MAX];
    int fd;

    if (length >= sizeof base)
        return -1;
    memcpy(base, path, length);
    base[length] = '\0';
    fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (char *slash = base; fd < 0 && errno == ENOENT && slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(base, 0700) < 0 && errno != EEXIST)
            return -1;
        if (slash)
            *slash = '/';
        else
            fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
        errno = ENOENT;
    }
    return fd;
}

/* Open the folder of @path, after creating it below its base; *ret_name: the path's last part. */
static int open_folder(const char *path, size_t base, const char **ret_name,
                       struct ckpt_error *error)
{
    ckpt_auto_close int folder = open_base(path, base);
    const char *part = path + base + 1, *slash;

    if (folder < 0)
        return refuse(error, path);
    for (; (slash = strchr(part, '/')); part = slash + 1) {
        char name[NAME_MAX + 1];
        int next;

        snprintf(name, sizeof name, "%.*s", (int)(slash - part), part);
        if (mkdirat(folder, name, 0700) < 0 && errno != EEXIST)
            return refuse(error, path);
        next = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return refuse(error, path);
        close(folder);
        folder = next;
        if (check_owner(folder, path, (size_t)(slash - path), error) < 0)
            return -1;
    }
    *ret_name = part;
    return CKPT_STEAL_FD(folder);
}

static int fill(const struct ckpt_restore *restore, const struct ckpt_image_file *file, int fd)
{
    for (uint32_t i = 0; i < file->run_count; i++) {
        const struct ckpt_image_run *run = &restore->image.view.runs[file->first_run + i];
        off_t from = (off_t)run->offset;
        uint64_t left = run->size;

        if (lseek(fd, (off_t)run->address, SEEK_SET) < 0)
            return -1;
        while (left) {
            ssize_t sent = sendfile(fd, restore->image.fd, &from, left);

            if (sent == 0)
                errno = EIO;
            if (sent <= 0)
                return -1;
            left -= (uint64_t)sent;
        }
    }
    return ftruncate(fd, (off_t)file->size); /* whole pages were written */
}

/* Set content, mode and time of @fd, then link it to its name, unless that exists. */
static int finish_file(const struct ckpt_restore *restore, const struct ckpt_image_file *file,
                       int fd, int folder, const char *from_name, const char *name)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = file->mtime_s, .tv_nsec = file->mtime_ns}};
    char self[64];

    if (fill(restore, file, fd) < 0 || fchmod(fd, file->mode & 0777) < 0 || futimens(fd, times) < 0)
        return -1;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (from_name ? linkat(folder, from_name, folder, name, 0) < 0
                  : linkat(AT_FDCWD, self, folder, name, AT_SYMLINK_FOLLOW) < 0)
        return errno == EEXIST ? 0 : -1;
    return 0;
}

static int make_file(const struct ckpt_restore *restore, const struct ckpt_image_file *file,
                     int folder, const char *name)
{
    ckpt_auto_close int fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    unsigned long random = 0;
    char temporary[64];
    int result;

    if (fd >= 0)
        return finish_file(restore, file, fd, folder, NULL, name);
    if (getrandom(&random, sizeof random, 0) < 0) /* a file system without O_TMPFILE */
        return -1;
    snprintf(temporary, sizeof temporary, ".checkpointer-%016lx", random);
    fd = openat(folder, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    result = finish_file(restore, file, fd, folder, temporary, name);
    {
        int failed = errno;

        unlinkat(folder, temporary, 0);
        errno = failed;
    }
    return result;
}

/* Check that an existing file is no link and belongs to this user or root. 1: there is none. */
static int check_present(const char *path, struct ckpt_error *error)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return 1;
    if (S_ISLNK(status.st_mode))
        return ckpt_error_set(error, 0, "'%s' was the JVM's and is a link now; remove it", path);
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return ckpt_error_set(error, 0, "'%s' was the JVM's and is another user's now; remove it",
                              path);
    return 0;
}

/* For a rehearsal: check that the last existing folder on the path can be written. */
static int check_folder(const char *path, struct ckpt_error *error)
{
    char folder[PATH_MAX];
    char *slash;

    snprintf(folder, sizeof folder, "%s", path);
    while ((slash = strrchr(folder, '/')) && slash != folder) {
        *slash = '\0';
        if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0)
            return 0;
        if (errno != ENOENT)
            return refuse(error, path);
    }
    return refuse(error, path);
}

static int make(const struct ckpt_restore *restore, const struct ckpt_image_file *file,
                struct ckpt_error *error)
{
    const char *path = path_of(restore, file), *name;
    ckpt_auto_close int folder = open_folder(path, file->base, &name, error);

    if (folder < 0)
        return -1;
    if (S_ISDIR(file->mode) ? mkdirat(folder, name, 0700) < 0 && errno != EEXIST
                            : make_file(restore, file, folder, name) < 0)
        return refuse(error, path);
    return 0;
}

/* Whether all uses of a file are private mappings, for which its copy in the image suffices. */
static bool copy_suffices(const struct ckpt_image_view *view, size_t index)
{
    bool mapped = false;

    for (size_t i = 0; i < view->map_count; i++)
        if (view->maps[i].kind == CKPT_MAP_FILE && view->maps[i].object == index) {
            if (view->maps[i].flags & CKPT_MAP_SHARED_FLAG)
                return false;
            mapped = true;
        }
    for (size_t i = 0; i < view->fd_count; i++)
        if (ckpt_fd_file(view, &view->fds[i]) == &view->files[index])
            return false;
    return mapped;
}

/* Make a log of the JVM, empty, with the mode that the JVM would give it. */
static int make_log(struct ckpt_restore *restore, const char *path, mode_t mask,
                    struct ckpt_error *error)
{
    char folder[PATH_MAX];
    ckpt_auto_close int fd = -1;

    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (restore->rehearsal && faccessat(AT_FDCWD, *folder ? folder : "/", W_OK | X_OK, AT_EACCESS))
        fd = -1;
    else if (restore->rehearsal)
        return 0;
    else
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666 & ~mask);
    if (fd < 0)
        return ckpt_error_set(error, errno,
                              "the JVM's log '%s' is gone and cannot be made again; make its "
                              "directory, or close it by a policy",
                              path);
    ckpt_restore_warn(restore, "the JVM's log '%s' was gone; it begins again", path);
    return 0;
}

static int make_if_missing(const struct ckpt_restore *restore, size_t index, bool *made,
                           struct ckpt_error *error)
{
    const struct ckpt_image_file *file = &restore->image.view.files[index];
    int missing;

    if (!(file->flags & CKPT_FILE_TEMPORARY))
        return 0;
    missing = check_present(path_of(restore, file), error);
    if (missing < 0 && copy_suffices(&restore->image.view, index))
        return 0;
    if (missing <= 0)
        return missing;
    if (restore->rehearsal)
        return check_folder(path_of(restore, file), error);
    made[index] = make(restore, file, error) == 0;
    return made[index] ? 0 : -1;
}

/* Set modes and times of created folders, after all files in them are created. */
static void finish_folders(const struct ckpt_restore *restore, const bool *made)
{
    const struct ckpt_image_view *view = &restore->image.view;

    for (size_t i = view->file_count; i-- > 0;) {
        const struct ckpt_image_file *file = &view->files[i];
        struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                    {.tv_sec = file->mtime_s, .tv_nsec = file->mtime_ns}};
        ckpt_auto_close int fd = -1;

        if (!made[i] || !S_ISDIR(file->mode))
            continue;
        fd = open(path_of(restore, file), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fchmod(fd, file->mode & 0777) == 0)
            futimens(fd, times);
    }
}

bool ckpt_remake_is_missing(const struct ckpt_image_view *image, const struct ckpt_image_file *file)
{
    struct stat status;

    return (file->flags & (CKPT_FILE_TEMPORARY | CKPT_FILE_LOG)) &&
           lstat(ckpt_view_text(image, file->path), &status) < 0;
}

int ckpt_remake_files(struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_image_view *view = &restore->image.view;
    ckpt_auto_free bool *made = calloc(view->file_count + 1, sizeof *made);
    mode_t mask = umask(0);
    int result = made ? 0 : ckpt_error_set(error, ENOMEM, "cannot describe the files");

    for (size_t i = 0; result == 0 && i < view->file_count; i++)
        if (S_ISDIR(view->files[i].mode))
            result = make_if_missing(restore, i, made, error);
    for (size_t i = 0; result == 0 && i < view->file_count; i++)
        if (S_ISREG(view->files[i].mode))
            result = make_if_missing(restore, i, made, error);
    for (size_t i = 0; result == 0 && i < view->file_count; i++)
        if ((view->files[i].flags & (CKPT_FILE_LOG | CKPT_FILE_MADE_AGAIN)) == CKPT_FILE_LOG &&
            ckpt_remake_is_missing(view, &view->files[i]))
            result = make_log(restore, path_of(restore, &view->files[i]), mask, error);
    if (made)
        finish_folders(restore, made);
    umask(mask);
    return result;
}
