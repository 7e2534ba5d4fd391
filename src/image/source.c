/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See source.h. Opens the directory and the image in it, checks their owner and mode, and reads the
 * metadata. Only in the command.
 */
#include "image/source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "base/trust.h"
#include "image/parse.h"

static int read_exactly(int fd, void *to, size_t size, uint64_t offset, struct ckpt_error *error)
{
    char *at = to;

    while (size) {
        ssize_t got = pread(fd, at, size, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ckpt_error_set(error, errno, "cannot read the image");
        if (got == 0)
            return ckpt_image_damaged(error, "it ends too early");
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

/* Read only the header, of an image of any engine. */
static int read_header(int fd, uint64_t file_size, struct ckpt_image_header *ret_header,
                       struct ckpt_error *error)
{
    struct ckpt_image_start start;
    struct ckpt_image_first_note first;
    uint64_t offset;

    if (file_size < sizeof start)
        return ckpt_error_set(error, 0, "this is not an image of checkpointer");
    if (read_exactly(fd, &start, sizeof start, 0, error) < 0)
        return -1;
    offset = ckpt_image_first_offset(&start);
    if (!offset || file_size < sizeof first || offset > file_size - sizeof first)
        return ckpt_error_set(error, 0, "this is not an image of checkpointer");
    return read_exactly(fd, &first, sizeof first, offset, error) < 0
               ? -1
               : ckpt_image_parse_header(&first, file_size, ret_header, error);
}

/* A file that was not written completely has no end mark. */
static int check_end(int fd, const struct ckpt_image_header *header, struct ckpt_error *error)
{
    struct ckpt_image_end end;

    if (read_exactly(fd, &end, sizeof end, header->image_size - sizeof end, error) < 0)
        return -1;
    return end.magic == CKPT_TRAILER_MAGIC && memcmp(end.id, header->id, sizeof end.id) == 0
               ? 0
               : ckpt_image_damaged(error, "it was not written completely");
}

static int read_metadata(int fd, uint64_t file_size, void **ret_metadata, size_t *ret_size,
                         struct ckpt_error *error)
{
    struct ckpt_image_header header;
    ckpt_auto_free void *metadata = NULL;

    if (read_header(fd, file_size, &header, error) < 0)
        return -1;
    metadata = malloc(header.meta_size + 1);
    if (!metadata)
        return ckpt_error_set(error, ENOMEM, "cannot hold the image's metadata");
    if (read_exactly(fd, metadata, header.meta_size, 0, error) < 0)
        return -1;
    *ret_size = header.meta_size;
    *ret_metadata = CKPT_STEAL_POINTER(metadata);
    return 0;
}

static int open_trusted(const char *directory, const char *name, bool trusted,
                        struct stat *ret_status, int *ret_fd, struct ckpt_error *error)
{
    ckpt_auto_close int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ckpt_auto_close int fd = -1;
    char path[PATH_MAX];

    snprintf(path, sizeof path, "'%s'", directory);
    if (dir < 0)
        return ckpt_error_set(error, errno, "cannot open the image directory '%s'", directory);
    if (fstat(dir, ret_status) < 0)
        return ckpt_error_set(error, errno, "cannot open the image directory '%s'", directory);
    if (trusted && ckpt_trust_check(path, ret_status, error) < 0)
        return -1;
    fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return ckpt_error_set(error, ENOENT,
                              "there is no checkpoint in '%s'; take one with 'checkpointer "
                              "checkpoint PID %s'",
                              directory, directory);
    if (fd < 0 || fstat(fd, ret_status) < 0)
        return ckpt_error_set(error, errno, "cannot open '%s/%s'", directory, name);
    snprintf(path, sizeof path, "'%s/%s'", directory, name);
    if (!S_ISREG(ret_status->st_mode))
        return ckpt_error_set(error, 0, "%s is not a regular file", path);
    if (trusted && ckpt_trust_check(path, ret_status, error) < 0)
        return -1;
    *ret_fd = CKPT_STEAL_FD(fd);
    return 0;
}

int ckpt_image_open(const char *directory, bool trusted, struct ckpt_image *ret_image,
                    struct ckpt_error *error)
{
    return ckpt_image_open_as(directory, CKPT_IMAGE_NAME, trusted, ret_image, error);
}

int ckpt_image_open_as(const char *directory, const char *name, bool trusted,
                       struct ckpt_image *ret_image, struct ckpt_error *error)
{
    ckpt_auto_free void *metadata = NULL;
    ckpt_auto_close int fd = -1;
    struct ckpt_image_view view;
    struct stat status;
    size_t size = 0;

    if (open_trusted(directory, name, trusted, &status, &fd, error) < 0)
        return -1;
    if (read_metadata(fd, (uint64_t)status.st_size, &metadata, &size, error) < 0 ||
        ckpt_image_parse(metadata, size, (uint64_t)status.st_size, &view, error) < 0)
        return ckpt_error_prefix(error, "'%s/%s'", directory, name);
    if (check_end(fd, view.header, error) < 0) {
        ckpt_image_view_free(&view);
        return ckpt_error_prefix(error, "'%s/%s'", directory, name);
    }
    ret_image->view = view;
    ret_image->metadata = CKPT_STEAL_POINTER(metadata);
    ret_image->fd = CKPT_STEAL_FD(fd);
    return 0;
}

int ckpt_image_engine_name(const char *directory, const char *name, char ret_engine[16],
                           struct ckpt_error *error)
{
    struct ckpt_image_header header;
    ckpt_auto_close int fd = -1;
    struct stat status;

    if (open_trusted(directory, name, false, &status, &fd, error) < 0)
        return -1;
    if (read_header(fd, (uint64_t)status.st_size, &header, error) < 0)
        return ckpt_error_prefix(error, "'%s/%s'", directory, name);
    memcpy(ret_engine, header.engine, sizeof header.engine);
    return 0;
}

int ckpt_image_read_metadata(const char *directory, bool trusted, void **ret_metadata,
                             struct ckpt_image_header *ret_header, struct ckpt_error *error)
{
    ckpt_auto_close int fd = -1;
    struct stat status;
    size_t size;

    if (open_trusted(directory, CKPT_IMAGE_NAME, trusted, &status, &fd, error) < 0)
        return -1;
    if (read_header(fd, (uint64_t)status.st_size, ret_header, error) < 0 ||
        check_end(fd, ret_header, error) < 0 ||
        read_metadata(fd, (uint64_t)status.st_size, ret_metadata, &size, error) < 0)
        return ckpt_error_prefix(error, "'%s/" CKPT_IMAGE_NAME "'", directory);
    return 0;
}

void ckpt_image_close(struct ckpt_image *image)
{
    ckpt_image_view_free(&image->view);
    free(image->metadata);
    if (image->fd >= 0)
        close(image->fd);
    image->metadata = NULL;
    image->fd = -1;
}

/* Read the checksums of the runs' pages; the trailer must have one for each run. */
static int read_sums(const struct ckpt_image *image, uint32_t **ret_sums, struct ckpt_error *error)
{
    const struct ckpt_image_header *header = image->view.header;
    size_t size = header->image_size - header->pages_end, count = image->view.run_count;
    ckpt_auto_free char *trailer = malloc(size);
    struct ckpt_image_note prefix;
    struct ckpt_image_end *end;
    uint32_t crc;

    if (!trailer || !(*ret_sums = calloc(count + 1, sizeof **ret_sums)))
        return ckpt_error_set(error, ENOMEM, "cannot read the pages");
    if (read_exactly(image->fd, trailer, size, header->pages_end, error) < 0)
        return -1;
    end = (struct ckpt_image_end *)(trailer + size - sizeof *end);
    crc = end->crc;
    end->crc = 0;
    if (ckpt_raw_crc32c(0, trailer, size) != crc)
        return ckpt_image_damaged(error, "the checksum of its trailer does not match");
    memcpy(&prefix, trailer, sizeof prefix);
    if (prefix.version > CKPT_TRAILER_VERSION)
        return ckpt_error_set(error, 0,
                              "the image was made by a newer checkpointer (%s), and this one "
                              "cannot read its trailer; use that release to verify it",
                              header->release);
    if (prefix.count != count || prefix.entry_size < sizeof **ret_sums ||
        (uint64_t)prefix.entry_size * count > size - sizeof prefix - sizeof *end)
        return ckpt_image_damaged(error, "its trailer has the wrong size");
    for (size_t i = 0; i < count; i++)
        memcpy(*ret_sums + i, trailer + sizeof prefix + i * prefix.entry_size, sizeof **ret_sums);
    return 0;
}

int ckpt_image_verify(const struct ckpt_image *image, struct ckpt_error *error)
{
    const size_t piece = (size_t)1 << 20;
    ckpt_auto_free void *buffer = malloc(piece);
    ckpt_auto_free uint32_t *sums = NULL;

    if (!buffer)
        return ckpt_error_set(error, ENOMEM, "cannot read the pages");
    if (read_sums(image, &sums, error) < 0)
        return -1;
    for (size_t i = 0; i < image->view.run_count; i++) {
        const struct ckpt_image_run *run = &image->view.runs[i];
        uint32_t crc = 0;

        for (uint64_t at = 0; at < run->size && !(run->flags & CKPT_RUN_GUARD); at += piece) {
            size_t size = run->size - at < piece ? (size_t)(run->size - at) : piece;

            if (read_exactly(image->fd, buffer, size, run->offset + at, error) < 0)
                return -1;
            crc = ckpt_raw_crc32c(crc, buffer, size);
        }
        if (crc != sums[i])
            return ckpt_image_damaged(error, "the checksum of pages does not match");
    }
    return 0;
}
