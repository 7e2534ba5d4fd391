/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See criu_image.h. The image is not trusted further than its owner and mode allow.
 */
#include "engine/criu/drive/criu_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/raw.h"
#include "base/trust.h"
#include "engine/criu/command/criu.h"
#include "engine/criu/command/criu_options.h"
#include "engine/criu/drive/changed_files.h"
#include "engine/criu/drive/keep_logs.h"
#include "engine/criu/drive/keep_perfdata.h"
#include "engine/criu/drive/numbers.h"
#include "engine/criu/drive/sockets.h"
#include "engine/criu/frozen.h"
#include "image/document.h"
#include "image/parse.h"

#define VERSION 1 /* of the document */

const char *ckpt_criu_image_text(const struct ckpt_criu_image *image, const char *key)
{
    const char *text = json_string_value(json_object_get(image->document, key));

    return text ? text : "";
}

static int check_folder(const char *directory, const char *name, int fd, bool trusted,
                        struct ckpt_error *error)
{
    char what[PATH_MAX];
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return ckpt_error_set(error, errno, "cannot open '%s/%s'; take a new checkpoint", directory,
                              name);
    snprintf(what, sizeof what, "'%s/%s'", directory, name);
    return trusted ? ckpt_trust_check(what, &status, error) : 0;
}

static int open_folder(const char *directory, const char *name, bool trusted,
                       struct ckpt_error *error)
{
    ckpt_auto_close int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ckpt_auto_close int fd = -1;

    if (!*name || strchr(name, '/') || name[0] == '.')
        return ckpt_image_damaged(error, "its document");
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (check_folder(directory, name, fd, trusted, error) < 0)
        return -1;
    flock(fd, LOCK_SH | LOCK_NB);
    return CKPT_STEAL_FD(fd);
}

int ckpt_criu_image_open(const char *directory, bool trusted, struct ckpt_criu_image *ret,
                         struct ckpt_error *error)
{
    struct ckpt_criu_image image = {.folder = -1};
    ckpt_auto_free char *text = NULL;
    json_int_t version;

    if (ckpt_image_document_read(directory, trusted, &image.header, &text, error) < 0)
        return -1;
    image.document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    version = json_integer_value(json_object_get(image.document, "version"));
    if (version > VERSION)
        ckpt_error_set(error, 0,
                       "the image was made by a newer checkpointer (%s), and this one cannot read "
                       "its document; restore it with that release",
                       image.header.release);
    else if (version < 1)
        ckpt_image_damaged(error, "its document");
    else
        image.folder =
            open_folder(directory, ckpt_criu_image_text(&image, "folder"), trusted, error);
    if (image.folder < 0) {
        ckpt_criu_image_close(&image);
        return -1;
    }
    *ret = image;
    return 0;
}

void ckpt_criu_image_close(struct ckpt_criu_image *image)
{
    json_decref(image->document);
    image->document = NULL;
    if (image->folder >= 0)
        close(CKPT_STEAL_FD(image->folder));
}

int ckpt_criu_image_check(const struct ckpt_criu_image *image, struct ckpt_error *error)
{
    json_int_t protocol = json_integer_value(json_object_get(image->document, "protocol"));

    if (strcmp(image->header.architecture, ckpt_arch.name) != 0)
        return ckpt_error_set(error, 0,
                              "the image was made on a processor of the architecture %s, and this "
                              "one is %s; restore it on a machine of that architecture",
                              image->header.architecture, ckpt_arch.name);
    if (protocol > CKPT_FROZEN_VERSION)
        return ckpt_error_set(error, 0,
                              "the image was made by a newer checkpointer (%s), and this one "
                              "cannot talk to its agent; restore it with that release",
                              image->header.release);
    if (ckpt_criu_numbers_check((pid_t)image->header.pid, image->document, error) < 0)
        return -1;
    return ckpt_criu_sockets_check(image->document, error);
}

int ckpt_criu_image_open_files(const struct ckpt_criu_image *image, bool allow_changed,
                               char *const *options, struct ckpt_error *error)
{
    const json_t *logs = json_object_get(image->document, "logs");
    const json_t *streams = json_object_get(image->document, "streams");

    if (!allow_changed && ckpt_criu_open_files_check(json_object_get(image->document, "open_files"),
                                                     streams, error) < 0)
        return -1;
    if (ckpt_criu_options_have(options, "root") || ckpt_criu_options_have(options, "r"))
        return 0; /* the paths are those of another file tree */
    return ckpt_criu_logs_check(logs, error) < 0
               ? -1
               : ckpt_criu_needed_files_check(
                     json_object_get(image->document, "needed_files"), logs, streams,
                     !ckpt_criu_options_have(options, "file-validation"), error);
}

int ckpt_criu_image_verify(const struct ckpt_criu_image *image, enum ckpt_criu_files_checks checks,
                           struct ckpt_error *error)
{
    if (ckpt_criu_files_check(image->folder, json_object_get(image->document, "files"), checks,
                              error) < 0)
        return -1;
    return ckpt_criu_perfdata_check(json_object_get(image->document, "perfdata"), image->folder,
                                    checks, error);
}
