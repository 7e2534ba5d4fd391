/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See folder.h.  A sub-folder that is being restored from is locked, so it stays until a later
 * checkpoint.
 */
#include "engine/criu/drive/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "base/trust.h"
#include "engine/criu/command/criu.h"
#include "image/document.h"

#define TEMP_PREFIX ".checkpointer-"
#define OLD_PREFIX TEMP_PREFIX "old-"

static int open_directory(const char *path, struct ckpt_error *error)
{
    ckpt_auto_close int dir = -1;
    struct stat status;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return ckpt_error_set(error, errno,
                              "cannot make the image directory '%s'; make its parent first", path);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &status) < 0)
        return ckpt_error_set(error, errno, "cannot open the image directory '%s'", path);
    if (ckpt_trust_check_directory(path, &status, error) < 0)
        return -1;
    if (flock(dir, LOCK_EX | LOCK_NB) < 0)
        return ckpt_error_set(error, 0,
                              "another checkpoint is being written to '%s'; wait for it, or use "
                              "another directory",
                              path);
    return CKPT_STEAL_FD(dir);
}

int ckpt_criu_folder_make(const char *directory, struct ckpt_criu_folder *ret,
                          struct ckpt_error *error)
{
    struct ckpt_criu_folder folder = CKPT_CRIU_FOLDER_NONE;
    unsigned long number;

    folder.directory = directory;
    if (getrandom(folder.id, sizeof folder.id, 0) != sizeof folder.id)
        return ckpt_error_set(error, errno, "cannot get random bytes");
    memcpy(&number, folder.id, sizeof number);
    snprintf(folder.files, sizeof folder.files, CKPT_CRIU_FOLDER "%016lx", number);
    folder.dir_fd = open_directory(directory, error);
    if (folder.dir_fd < 0)
        return -1;
    /* If criu fails before it opens its log, an older one would be quoted. */
    unlinkat(folder.dir_fd, CKPT_CRIU_FAILED_DUMP_LOG, 0);
    if (mkdirat(folder.dir_fd, folder.files, 0700) == 0)
        folder.files_fd =
            openat(folder.dir_fd, folder.files, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder.files_fd < 0) {
        ckpt_error_set(error, errno, "cannot write in the image directory '%s'", directory);
        ckpt_criu_folder_close(&folder);
        return -1;
    }
    *ret = folder;
    return 0;
}

/* ---- the commit ---- */

/* Write a file with a temporary name, and give it its name. */
static int put_file(int dir, const char *name,
                    int (*write_file)(int fd, void *context, struct ckpt_error *error),
                    void *context, const uint8_t id[16], struct ckpt_error *error)
{
    char temporary[64];
    unsigned long number;
    int fd, result;

    memcpy(&number, id, sizeof number);
    snprintf(temporary, sizeof temporary, TEMP_PREFIX "%s-%016lx", name, number);
    fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ckpt_error_set(error, errno, "cannot write in the image directory");
    result = write_file(fd, context, error);
    if (result == 0 && fsync(fd) < 0)
        result = ckpt_error_set(error, errno, "cannot write the image");
    close(fd);
    if (result == 0 && renameat(dir, temporary, dir, name) < 0)
        result = ckpt_error_set(error, errno, "cannot finish the image");
    if (result < 0)
        unlinkat(dir, temporary, 0);
    return result;
}

struct image_parts {
    struct ckpt_image_header *header;
    const char *text;
};

static int write_image(int fd, void *context, struct ckpt_error *error)
{
    const struct image_parts *parts = context;

    return ckpt_image_document_write(fd, parts->header, parts->text, error);
}

static int write_manifest(int fd, void *context, struct ckpt_error *error)
{
    const char *text = context;
    int failed = ckpt_raw_write_all(fd, text, strlen(text));

    return failed < 0 ? ckpt_error_set(error, -failed, "cannot write the manifest") : 0;
}

static void put_manifest(const struct ckpt_criu_folder *folder, json_t *manifest)
{
    ckpt_auto_free char *text = NULL;
    struct ckpt_error error;
    char id[33];

    for (int i = 0; i < 16; i++)
        snprintf(id + 2 * i, 3, "%02x", folder->id[i]);
    json_object_set_new(manifest, "id", json_string(id));
    text = json_dumps(manifest, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    /* It is only for people, and that of an older image would mislead them. */
    if (!text ||
        put_file(folder->dir_fd, CKPT_MANIFEST_NAME, write_manifest, text, folder->id, &error) < 0)
        unlinkat(folder->dir_fd, CKPT_MANIFEST_NAME, 0);
}

/* Give the old image a second name, so that a dump that fails after the commit loses nothing. */
static int keep_old(struct ckpt_criu_folder *folder, struct ckpt_error *error)
{
    struct ckpt_criu_commit *commit = &folder->commit;
    struct stat status;

    if (fstat(folder->dir_fd, &status) < 0)
        return ckpt_error_set(error, errno, "cannot write in the image directory");
    commit->device = status.st_dev;
    commit->inode = status.st_ino;
    memcpy(commit->files, folder->files, sizeof commit->files);
    snprintf(commit->old, sizeof commit->old, OLD_PREFIX "%s",
             folder->files + strlen(CKPT_CRIU_FOLDER));
    if (linkat(folder->dir_fd, CKPT_IMAGE_NAME, folder->dir_fd, commit->old, 0) == 0)
        return 0;
    commit->old[0] = '\0';
    commit->stays = errno != ENOENT; /* not every file system has links */
    return 0;
}

int ckpt_criu_folder_commit(struct ckpt_criu_folder *folder, struct ckpt_image_header *header,
                            json_t *document, json_t *manifest, struct ckpt_error *error)
{
    ckpt_auto_free char *text = NULL;
    struct image_parts parts = {.header = header};

    json_object_set_new(document, "folder", json_string(folder->files));
    text = json_dumps(document, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (!text)
        return ckpt_error_set(error, ENOMEM, "cannot describe the image");
    memcpy(header->id, folder->id, sizeof header->id);
    parts.text = text;
    if (keep_old(folder, error) < 0)
        return -1;
    /* Before the commit, so that there is no moment at which it could not be taken back. */
    if (folder->announce >= 0)
        send(folder->announce, &folder->commit, sizeof folder->commit, MSG_NOSIGNAL);
    if (put_file(folder->dir_fd, CKPT_IMAGE_NAME, write_image, &parts, folder->id, error) < 0)
        return -1;
    folder->committed = true;
    folder->manifest = json_incref(manifest);
    fsync(folder->dir_fd);
    return 0;
}

/* ---- tidying ---- */

static void remove_others(const struct ckpt_criu_folder *folder)
{
    ckpt_auto_closedir DIR *entries = NULL;
    int copy = openat(folder->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct dirent *entry;

    entries = copy >= 0 ? fdopendir(copy) : NULL;
    while (entries && (entry = readdir(entries))) {
        if (ckpt_criu_folder_is(entry->d_name) && strcmp(entry->d_name, folder->files) != 0)
            ckpt_criu_folder_remove(folder->dir_fd, entry->d_name);
        if (strncmp(entry->d_name, OLD_PREFIX, strlen(OLD_PREFIX)) == 0)
            unlinkat(folder->dir_fd, entry->d_name, 0); /* its writer was killed */
    }
}

void ckpt_criu_folder_withdraw(int dir, const struct ckpt_criu_commit *commit)
{
    if (commit->stays)
        return;
    if (!commit->old[0])
        unlinkat(dir, CKPT_IMAGE_NAME, 0);
    else if (renameat(dir, commit->old, dir, CKPT_IMAGE_NAME) == 0)
        unlinkat(dir, commit->old, 0); /* it stays if it is the same file: nothing was committed */
    fsync(dir);
    ckpt_criu_folder_remove(dir, commit->files);
}

void ckpt_criu_folder_withdraw_at(const char *directory, const struct ckpt_criu_commit *commit)
{
    ckpt_auto_close int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat status;

    if (dir >= 0 && fstat(dir, &status) == 0 && status.st_dev == commit->device &&
        status.st_ino == commit->inode && flock(dir, LOCK_EX | LOCK_NB) == 0)
        ckpt_criu_folder_withdraw(dir, commit);
}

void ckpt_criu_folder_close(struct ckpt_criu_folder *folder)
{
    if (folder->dir_fd >= 0) {
        unlinkat(folder->dir_fd, "stats-dump", 0); /* criu writes it next to its log */
        if (folder->commit.old[0])
            unlinkat(folder->dir_fd, folder->commit.old, 0);
    }
    if (folder->committed) {
        renameat(folder->dir_fd, CKPT_CRIU_FAILED_DUMP_LOG, folder->dir_fd, CKPT_CRIU_DUMP_LOG);
        put_manifest(folder, folder->manifest);
        remove_others(folder);
    }
    json_decref(folder->manifest);
    if (!folder->committed && folder->dir_fd >= 0)
        ckpt_criu_folder_remove(folder->dir_fd, folder->files);
    if (folder->files_fd >= 0)
        close(folder->files_fd);
    if (folder->dir_fd >= 0)
        close(folder->dir_fd);
    *folder = CKPT_CRIU_FOLDER_NONE;
}
