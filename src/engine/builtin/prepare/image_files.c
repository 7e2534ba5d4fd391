/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See image_files.h.  Runs on the requester's thread, while all others run; uses libc.
 */
#include "engine/builtin/prepare/image_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/trust.h"
#include "engine/builtin/prepare/manifest.h"

#define TEMP_PREFIX ".checkpointer-"

/* Open the directory; it is made if it does not exist. */
static int open_directory(const char *path, bool *ret_made, struct ckpt_error *error)
{
    ckpt_auto_close int dir = -1;
    struct stat status;

    if (!*path)
        return ckpt_error_set(error, 0,
                              "no image directory is set; start the JVM with the agent option "
                              "image=DIR, or restore it with --image DIR");
    *ret_made = mkdir(path, 0700) == 0;
    if (!*ret_made && errno != EEXIST)
        return ckpt_error_set(
            error, errno,
            "cannot make the image directory '%s'; make its parent first, for the JVM's user",
            path);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &status) < 0)
        return ckpt_error_set(error, errno, "cannot open the image directory '%s'", path);
    if (ckpt_trust_check_directory(path, &status, error) < 0)
        return -1;
    return CKPT_STEAL_FD(dir);
}

/* Remove temporary files of writers that were killed: those that no process has locked. */
static void remove_leftovers(int dir)
{
    ckpt_auto_closedir DIR *entries = NULL;
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *entry;

    entries = copy >= 0 ? fdopendir(copy) : NULL;
    while (entries && (entry = readdir(entries))) {
        ckpt_auto_close int fd = -1;

        if (strncmp(entry->d_name, TEMP_PREFIX, sizeof TEMP_PREFIX - 1) != 0)
            continue;
        fd = openat(dir, entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dir, entry->d_name, 0);
    }
}

static int open_temporary(const struct ckpt_image_files *files, const char *name,
                          struct ckpt_error *error)
{
    struct stat status;

    for (;;) {
        int fd =
            openat(files->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
            return ckpt_error_set(
                error, errno,
                "cannot write in the image directory '%s'; the JVM's user must be able to",
                files->directory);
        flock(fd, LOCK_EX);
        if (fstat(fd, &status) < 0 || status.st_nlink)
            return fd;
        close(fd); /* another writer removed it before it was locked */
    }
}

int ckpt_image_files_open(struct ckpt_image_files *files, const char *directory,
                          const uint8_t id[16], struct ckpt_error *error)
{
    unsigned long random;

    files->directory = directory;
    files->dir_fd = open_directory(directory, &files->made, error);
    if (files->dir_fd < 0)
        return -1;
    remove_leftovers(files->dir_fd);
    /* Not named by PID: writers in several containers may share the directory. */
    memcpy(&random, id, sizeof random);
    snprintf(files->image_temp, sizeof files->image_temp, TEMP_PREFIX "image-%016lx", random);
    snprintf(files->manifest_temp, sizeof files->manifest_temp, TEMP_PREFIX "manifest-%016lx",
             random);
    return 0;
}

int ckpt_image_files_make(struct ckpt_image_files *files, const uint8_t id[16],
                          struct ckpt_error *error)
{
    files->image_fd = open_temporary(files, files->image_temp, error);
    if (files->image_fd < 0)
        return -1;
    files->manifest_fd = open_temporary(files, files->manifest_temp, error);
    return files->manifest_fd < 0 ? -1 : ckpt_manifest_write(files->manifest_fd, id, error);
}

void ckpt_image_files_remove(const struct ckpt_image_files *files)
{
    if (files->dir_fd < 0)
        return;
    unlinkat(files->dir_fd, files->image_temp, 0);
    unlinkat(files->dir_fd, files->manifest_temp, 0);
    if (files->made) /* fails if another checkpoint writes there, too */
        rmdir(files->directory);
}

void ckpt_image_files_close(struct ckpt_image_files *files)
{
    int fds[] = {files->dir_fd, files->image_fd, files->manifest_fd};

    for (size_t i = 0; i < CKPT_COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    *files = CKPT_IMAGE_FILES_NONE;
}
