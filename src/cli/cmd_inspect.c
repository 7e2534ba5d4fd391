/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer inspect DIR: gets a description of the image from the engine that made it, and
 * prints it with inspect_text.c or inspect_json.c. The image is not trusted; nothing is changed or
 * started.
 */
#include "cli/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/image_engine.h"
#include "engine/engine.h"
#include "image/format.h"

static json_t *read_manifest(const char *directory, enum ckpt_manifest_state *ret_state)
{
    ckpt_auto_close int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* O_NONBLOCK: the owner of the directory may have put a pipe there */
    int fd = openat(dir, CKPT_MANIFEST_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ckpt_auto_fclose FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    json_t *manifest;

    *ret_state = file || errno != ENOENT ? CKPT_MANIFEST_DAMAGED : CKPT_MANIFEST_MISSING;
    if (!file)
        return NULL;
    manifest = json_loadf(file, JSON_REJECT_DUPLICATES, NULL);
    if (manifest && !json_is_string(json_object_get(manifest, "id"))) {
        json_decref(manifest);
        return NULL;
    }
    return manifest;
}

static void compare_manifest(struct ckpt_inspection *inspection, json_t *manifest)
{
    const char *id = json_string_value(json_object_get(manifest, "id"));

    if (!manifest)
        return;
    inspection->manifest_state = CKPT_MANIFEST_OTHER;
    if (strcmp(id, inspection->image.id) != 0)
        return;
    inspection->manifest_state = CKPT_MANIFEST_BELONGS;
    inspection->kernel = json_string_value(json_object_get(manifest, "kernel"));
}

static int inspect(const char *directory, bool json, bool verify, struct ckpt_error *error)
{
    struct ckpt_inspection inspection = {.directory = directory};
    const struct ckpt_engine *engine = ckpt_image_engine(directory, NULL, error);
    json_t *manifest;
    int result;

    if (!engine || engine->describe(directory, verify, &inspection.image, error) < 0)
        return -1;
    manifest = read_manifest(directory, &inspection.manifest_state);
    compare_manifest(&inspection, manifest);
    result = json ? ckpt_inspect_json(&inspection) : ckpt_inspect_text(&inspection);
    if (result < 0 || fflush(stdout) != 0)
        result = ckpt_error_set(error, errno, "cannot write to standard output");
    json_decref(manifest);
    ckpt_description_free(&inspection.image);
    return result;
}

static int run(int argc, char **argv)
{
    const char *directory = NULL;
    bool json = false, verify = false;
    struct ckpt_error error;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--verify") == 0)
            verify = true;
        else if (argv[i][0] == '-' && argv[i][1])
            return ckpt_cli_usage(&ckpt_command_inspect, "'%s' is not an option", argv[i]);
        else if (directory)
            return ckpt_cli_usage(&ckpt_command_inspect, "'%s' is one argument too many", argv[i]);
        else
            directory = argv[i];
    }
    if (!directory || !*directory)
        return ckpt_cli_usage(&ckpt_command_inspect, "the image directory is missing");
    if (inspect(directory, json, verify, &error) < 0)
        return ckpt_cli_fail(&error);
    return CKPT_EXIT_DONE;
}

const struct ckpt_command ckpt_command_inspect = {
    .name = "inspect",
    .arguments = "[--json] [--verify] DIR",
    .summary = "Show what is in the image directory DIR",
    .help = "Shows the JVM and its command line, sizes, whether the image could be restored here "
            "and\n"
            "now, threads, descriptors, files and mappings. The image may be any user's; nothing "
            "in it\n"
            "is run.\n\n"
            "  --json     one JSON document; its keys are in checkpointer(1)\n"
            "  --verify   compare the checksums of all pages (reads the whole image)\n",
    .run = run,
};
