/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * manifest.json describes an image for people and tools, so that they need not read the image.  A
 * restore does not use it.  It belongs to the image next to it if the two have the same id.
 */
#include "engine/builtin/prepare/manifest.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "image/format.h"
#include "runtime/generation.h"
#include "runtime/jvm.h"

#define COMMAND_MAX 65536

static json_t *command_line(void)
{
    ckpt_auto_free char *text = malloc(COMMAND_MAX);
    json_t *words = json_array();
    long length = text ? ckpt_raw_read_file("/proc/self/cmdline", text, COMMAND_MAX) : 0;

    for (long at = 0; at < length; at += (long)strlen(text + at) + 1) {
        json_t *word = json_string(text + at);

        json_array_append_new(words, word ? word : json_string("?")); /* not UTF-8 */
    }
    return words;
}

static json_t *now_text(void)
{
    char text[40];
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

static json_t *id_text(const uint8_t id[16])
{
    char text[33];

    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    return json_string(text);
}

int ckpt_manifest_write(int fd, const uint8_t id[16], struct ckpt_error *error)
{
    struct utsname kernel;
    json_t *manifest = json_object();
    ckpt_auto_free char *text = NULL;
    int failed;

    uname(&kernel);
    json_object_set_new(manifest, "engine", json_string(CKPT_IMAGE_ENGINE));
    json_object_set_new(manifest, "format", json_integer(CKPT_IMAGE_VERSION));
    json_object_set_new(manifest, "id", id_text(id));
    json_object_set_new(manifest, "created", now_text());
    json_object_set_new(manifest, "checkpointer", json_string(CKPT_VERSION));
    json_object_set_new(manifest, "java", json_string(ckpt_jvm.version));
    json_object_set_new(manifest, "command", command_line());
    json_object_set_new(manifest, "pid", json_integer(getpid()));
    json_object_set_new(manifest, "uid", json_integer(geteuid()));
    json_object_set_new(manifest, "generation", json_integer(ckpt_generation()));
    json_object_set_new(manifest, "machine", json_string(kernel.machine));
    json_object_set_new(manifest, "kernel", json_string(kernel.release));
    text = json_dumps(manifest, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(manifest);
    if (!text)
        return ckpt_error_set(error, ENOMEM, "cannot describe the image");
    failed = ckpt_raw_write_all(fd, text, strlen(text));
    if (failed == 0)
        failed = ckpt_raw_write_all(fd, "\n", 1);
    return failed < 0 ? ckpt_error_set(error, -failed, "cannot write the manifest") : 0;
}
