/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Names, sizes and checksums of criu's files. criu trusts what it reads: from a pages file that was
 * cut short it reads for ever, and its log fills the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "base/trust.h"
#include "engine/criu/command/criu.h"

#define CHUNK (1 << 20)

static bool is_image(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && strcmp(name + length - 4, ".img") == 0;
}

/* What another user may have written, or may still write, is not given to criu. */
static int check_owner(const char *name, const struct stat *stat, struct ckpt_error *error)
{
    char what[PATH_MAX];

    snprintf(what, sizeof what, "the image's file '%s'", name);
    return ckpt_trust_check(what, stat, error);
}

static int open_file(int images, const char *name, struct stat *ret_stat, struct ckpt_error *error)
{
    int fd = openat(images, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 || fstat(fd, ret_stat) < 0)
        ckpt_error_set(error, errno, "the image's file '%s' cannot be read", name);
    else if (!S_ISREG(ret_stat->st_mode))
        ckpt_error_set(error, 0, "the image's file '%s' is not a regular file", name);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int sum_file(int fd, const char *name, uint32_t *ret_sum, struct ckpt_error *error)
{
    ckpt_auto_free char *chunk = malloc(CHUNK);
    uint32_t sum = 0;
    ssize_t length;

    if (!chunk)
        return ckpt_error_set(error, ENOMEM, "no memory to read criu's files");
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    while ((length = read(fd, chunk, CHUNK)) != 0) {
        if (length < 0 && errno != EINTR)
            return ckpt_error_set(error, errno, "the image's file '%s' cannot be read", name);
        if (length > 0)
            sum = ckpt_raw_crc32c(sum, chunk, (size_t)length);
    }
    *ret_sum = sum;
    return 0;
}

/* Call @visit for each of criu's files, until it fails. */
static int each_image(int images,
                      int (*visit)(int images, const char *name, void *context,
                                   struct ckpt_error *error),
                      void *context, struct ckpt_error *error)
{
    int fd = openat(images, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ckpt_auto_closedir DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (!directory) {
        int number = errno;

        if (fd >= 0)
            close(fd);
        return ckpt_error_set(error, number, "the directory of criu's files cannot be read");
    }
    while ((errno = 0, entry = readdir(directory)))
        if (is_image(entry->d_name) && visit(images, entry->d_name, context, error) < 0)
            return -1;
    return errno ? ckpt_error_set(error, errno, "the directory of criu's files cannot be read") : 0;
}

/* ---- record ---- */

json_t *ckpt_criu_file_record(int images, const char *name, struct ckpt_error *error)
{
    ckpt_auto_close int fd = -1;
    struct stat stat;
    json_t *file;
    uint32_t sum;

    fd = open_file(images, name, &stat, error);
    if (fd < 0 || sum_file(fd, name, &sum, error) < 0)
        return NULL;
    if (fsync(fd) < 0) {
        ckpt_error_set(error, errno, "the image's file '%s' cannot be written to the disk", name);
        return NULL;
    }
    file = json_pack("{ss sI sI}", "name", name, "size", (json_int_t)stat.st_size, "crc32c",
                     (json_int_t)sum);
    if (!file)
        ckpt_error_set(error, ENOMEM, "no memory for the list of criu's files");
    return file;
}

static int record_file(int images, const char *name, void *context, struct ckpt_error *error)
{
    json_t *file = ckpt_criu_file_record(images, name, error);

    if (!file)
        return -1;
    if (json_array_append_new(context, file) < 0)
        return ckpt_error_set(error, ENOMEM, "no memory for the list of criu's files");
    return 0;
}

json_t *ckpt_criu_files_record(int images, struct ckpt_error *error)
{
    json_t *files = json_array();

    if (!files) {
        ckpt_error_set(error, ENOMEM, "no memory for the list of criu's files");
    } else if (each_image(images, record_file, files, error) < 0) {
        json_decref(files);
        files = NULL;
    }
    return files;
}

/* ---- check ---- */

static int check_listed(int images, const char *name, void *context, struct ckpt_error *error)
{
    json_t *files = context, *file;
    size_t i;

    (void)images;
    json_array_foreach(files, i, file)
    {
        const char *listed = json_string_value(json_object_get(file, "name"));

        if (listed && strcmp(listed, name) == 0)
            return 0;
    }
    return ckpt_error_set(error, 0,
                          "'%s' is not of this image; remove it, or take the checkpoint "
                          "again",
                          name);
}

static int is_damaged(struct ckpt_error *error)
{
    return ckpt_error_set(error, 0,
                          "the list of criu's files is damaged; take the checkpoint again");
}

int ckpt_criu_file_check(int images, const json_t *file, enum ckpt_criu_files_checks checks,
                         struct ckpt_error *error)
{
    const char *name = json_string_value(json_object_get(file, "name"));
    const json_t *size = json_object_get(file, "size"), *sum = json_object_get(file, "crc32c");
    ckpt_auto_close int fd = -1;
    struct stat stat;
    uint32_t found;

    if (!name || !*name || strchr(name, '/') || !json_is_integer(size) || !json_is_integer(sum))
        return is_damaged(error);
    fd = open_file(images, name, &stat, error);
    if (fd < 0 || ((checks & CKPT_CRIU_FILES_OWNER) && check_owner(name, &stat, error) < 0))
        return -1;
    if (stat.st_size != json_integer_value(size))
        return ckpt_error_set(
            error, 0,
            "the image's file '%s' has %lld bytes, and had %lld when it was written; "
            "take the checkpoint again, or copy it again",
            name, (long long)stat.st_size, (long long)json_integer_value(size));
    if (!(checks & CKPT_CRIU_FILES_SUMS))
        return 0;
    if (sum_file(fd, name, &found, error) < 0)
        return -1;
    if (found != json_integer_value(sum))
        return ckpt_error_set(error, 0,
                              "the image's file '%s' was changed: its checksum is wrong; "
                              "take the checkpoint again, or copy it again",
                              name);
    return 0;
}

int ckpt_criu_files_check(int images, const json_t *files, enum ckpt_criu_files_checks checks,
                          struct ckpt_error *error)
{
    if (!json_is_array(files) || !json_array_size(files))
        return is_damaged(error);
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        const char *name = json_string_value(json_object_get(file, "name"));

        if (!name || !is_image(name))
            return is_damaged(error);
        if (ckpt_criu_file_check(images, file, checks, error) < 0)
            return -1;
    }
    return each_image(images, check_listed, (json_t *)files, error);
}
