/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See handover.h. Runs in the command, before it becomes the JVM.
 */
#include "engine/builtin/restore/handover.h"

#include <linux/prctl.h>

#include <stddef.h>
#include <string.h>

#include "base/page.h"

/* Where the member of a structure ends: an agent whose structure is smaller does not have it. */
#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)NULL)->member))

int ckpt_handover_check(const struct ckpt_restore *restore, struct ckpt_error *error)
{
    const struct ckpt_restore_request *request = restore->request;
    const struct ckpt_image_agent *agent = restore->image.view.agent;
    const char *option = NULL;

    if (request->keep_start_time &&
        agent->mailbox_size < END_OF(struct ckpt_mailbox, keep_start_time))
        option = "--keep-start-time";
    if (request->missing_as_exception &&
        agent->parameters_size < END_OF(struct ckpt_parameters, missing))
        option = "--missing=exception";
    if (request->new_image && agent->parameters_size < END_OF(struct ckpt_parameters, new_image))
        option = "--image";
    if (!option)
        return 0;
    return ckpt_error_set(error, 0,
                          "the agent in the image is of release %s and does not know %s; take a "
                          "new checkpoint, or restore without %s",
                          restore->image.view.header->release, option, option);
}

/* The size of a list of words; NULL is an empty list. */
static size_t words_size(char *const *words)
{
    size_t size = sizeof *words;

    for (; words && *words; words++)
        size += sizeof *words + strlen(*words) + 1;
    return size;
}

static size_t new_image_size(const struct ckpt_restore_request *request)
{
    return request->new_image ? strlen(request->new_image) + 1 : 0;
}

/* The size of the structure, in the agent's version or this command's, whichever is larger. */
static size_t structure_size(const struct ckpt_restore *restore)
{
    size_t size = restore->image.view.agent->parameters_size;

    return size > sizeof(struct ckpt_parameters) ? size : sizeof(struct ckpt_parameters);
}

size_t ckpt_handover_parameters_size(const struct ckpt_restore *restore)
{
    const struct ckpt_restore_request *request = restore->request;
    size_t size = structure_size(restore) + words_size(request->environment) +
                  words_size(request->properties) + words_size(request->arguments) +
                  words_size(restore->missing) + 4 * sizeof(char *) + strlen(restore->cwd) + 1 +
                  new_image_size(request) + sizeof(struct prctl_mm_map) + sizeof(uint64_t);

    return ckpt_page_ceil(size);
}

/* Write an array of strings, then the strings, at the address that they have in the process. */
static uint64_t write_words(char **at, char *const *words)
{
    char **array = (char **)(((uintptr_t)*at + sizeof *array - 1) & -sizeof *array);
    size_t count = 0;
    char *text;

    while (words && words[count])
        count++;
    text = (char *)(array + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(words[i]) + 1;

        array[i] = memcpy(text, words[i], size);
        text += size;
    }
    array[count] = NULL;
    *at = text;
    return (uint64_t)array;
}

void ckpt_handover_fill_parameters(const struct ckpt_restore *restore, char *to)
{
    const struct ckpt_restore_request *request = restore->request;
    struct ckpt_parameters *parameters = (struct ckpt_parameters *)to;
    char *at = to + structure_size(restore);

    parameters->environment = write_words(&at, request->environment);
    parameters->properties = write_words(&at, request->properties);
    parameters->arguments = write_words(&at, request->arguments);
    if (restore->missing) /* otherwise the agent's structure may not have the field */
        parameters->missing = write_words(&at, restore->missing);
    if (restore->cwd[0]) {
        parameters->cwd = (uint64_t)strcpy(at, restore->cwd);
        at += strlen(at) + 1;
    }
    if (request->new_image) {
        parameters->new_image = (uint64_t)strcpy(at, request->new_image);
        at += strlen(at) + 1;
    }
    parameters->size = ckpt_handover_parameters_size(restore);
    parameters->mm_map = ((uint64_t)at + sizeof(uint64_t) - 1) & -sizeof(uint64_t);
    parameters->mm_map_size = sizeof(struct prctl_mm_map);
}

void ckpt_handover_fill_mailbox(const struct ckpt_image_agent *agent,
                                const struct ckpt_mailbox *mailbox, char *to)
{
    size_t known = agent->mailbox_size < sizeof *mailbox ? agent->mailbox_size : sizeof *mailbox;
    uint32_t layout[2] = {agent->mailbox_version, agent->mailbox_size};

    memset(to, 0, agent->mailbox_size);
    memcpy(to, mailbox, known);
    memcpy(to, layout, sizeof layout); /* the agent reads its own version and size */
}
