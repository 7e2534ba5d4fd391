/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The content of an image in the terms of description.h, from its document. What is in criu's own
 * files is not read: `crit` shows that.
 */
#include "engine/criu/drive/describe.h"

#include <stdlib.h>
#include <string.h>

#include "engine/criu/drive/criu_image.h"

static const char *text(struct ckpt_description *to, const char *from)
{
    return ckpt_description_text(to, "%s", from ? from : "");
}

static const char **words_of(struct ckpt_description *to, const json_t *words)
{
    size_t count = json_array_size(words);
    const char **list = ckpt_description_array(to, count + 1, sizeof *list);

    for (size_t i = 0; list && i < count; i++)
        list[i] = text(to, json_string_value(json_array_get(words, i)));
    return list;
}

static void describe_threads(struct ckpt_description *to, const json_t *threads, uint32_t leader)
{
    size_t count = json_array_size(threads);

    to->threads = ckpt_description_array(to, count, sizeof *to->threads);
    for (size_t i = 0; to->threads && i < count; i++) {
        const json_t *thread = json_array_get(threads, i);
        uint32_t tid = (uint32_t)json_integer_value(json_object_get(thread, "tid"));

        to->threads[i] = (struct ckpt_described_thread){
            .tid = tid,
            .name = text(to, json_string_value(json_object_get(thread, "name"))),
            .leader = tid == leader,
            .at = ""};
        to->thread_count = i + 1;
    }
}

static void describe_generators(struct ckpt_description *to, const json_t *words)
{
    size_t count = json_array_size(words);

    to->generators = ckpt_description_array(to, count, sizeof *to->generators);
    for (size_t i = 0; to->generators && i < count; i++) {
        const char *word = json_string_value(json_array_get(words, i));
        const char *blank = word ? strchr(word, ' ') : NULL;

        to->generators[i] =
            (struct ckpt_described_generators){.count = word ? strtoull(word, NULL, 10) : 0,
                                               .class_name = text(to, blank ? blank + 1 : word)};
        to->generator_count = i + 1;
    }
}

static void describe_files(struct ckpt_description *to, const json_t *files)
{
    size_t index;
    const json_t *file;

    json_array_foreach(files, index, file)
    {
        const char *name = json_string_value(json_object_get(file, "name"));
        uint64_t size = (uint64_t)json_integer_value(json_object_get(file, "size"));

        to->image_bytes += size;
        if (name && strncmp(name, "pages-", 6) == 0)
            to->page_bytes += size;
        else
            to->metadata_bytes += size;
    }
}

static void describe_header(struct ckpt_description *to, const struct ckpt_image_header *header)
{
    to->engine = text(to, header->engine);
    to->release = text(to, header->release);
    to->id = ckpt_description_digits(to, header->id, sizeof header->id);
    to->format = header->format;
    to->architecture = text(to, header->architecture);
    to->page_size = header->page_size;
    to->realtime_ns = header->realtime_ns;
    to->monotonic_ns = header->monotonic_ns;
    to->boottime_ns = header->boottime_ns;
    to->pid = header->pid;
    to->uid = header->uid;
    to->gid = header->gid;
    to->generation = header->generation;
    to->image_bytes = header->image_size;
    to->metadata_bytes = header->image_size;
}

int ckpt_criu_describe(const char *directory, bool verify, struct ckpt_description *ret_description,
                       struct ckpt_error *error)
{
    struct ckpt_description to = {.restorable = true};
    struct ckpt_criu_image image, trusted;

    if (ckpt_criu_image_open(directory, false, &image, error) < 0)
        return -1;
    if (verify && ckpt_criu_image_verify(&image, CKPT_CRIU_FILES_SUMS, error) < 0) {
        ckpt_criu_image_close(&image);
        return -1;
    }
    describe_header(&to, &image.header);
    to.features = "";
    to.content_in = "criu's files, which 'crit x' shows";
    to.java = text(&to, ckpt_criu_image_text(&image, "java"));
    to.executable = text(&to, ckpt_criu_image_text(&image, "executable"));
    to.working_directory = text(&to, ckpt_criu_image_text(&image, "cwd"));
    to.command = words_of(&to, json_object_get(image.document, "command"));
    to.labels = words_of(&to, json_object_get(image.document, "labels"));
    describe_threads(&to, json_object_get(image.document, "threads"), image.header.pid);
    describe_generators(&to, json_object_get(image.document, "generators"));
    describe_files(&to, json_object_get(image.document, "files"));
    to.verified = verify;
    to.not_compared = "not compared: criu and the content of its files ('restore --dry-run')";
    if (ckpt_criu_image_open(directory, true, &trusted, &to.obstacle) < 0) {
        to.restorable = false;
    } else {
        to.restorable = ckpt_criu_image_check(&trusted, &to.obstacle) == 0 &&
                        ckpt_criu_image_open_files(&trusted, false, NULL, &to.obstacle) == 0 &&
                        ckpt_criu_image_verify(&trusted, CKPT_CRIU_FILES_OWNER, &to.obstacle) == 0;
        ckpt_criu_image_close(&trusted);
    }
    ckpt_criu_image_close(&image);
    if (to.out_of_memory || !to.command || !to.labels) {
        ckpt_description_free(&to);
        return ckpt_error_set(error, 0, "there is not enough memory to describe the image");
    }
    *ret_description = to;
    return 0;
}
