/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engines of the command: one for each name in src/engine/meson.build, which writes
 * engine_rows.h.
 */
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/engine_rows.h"

#define ENGINE(name) extern const struct ckpt_engine ckpt_engine_##name;
CKPT_ENGINE_ROWS
#undef ENGINE

#define ENGINE(name) &ckpt_engine_##name,
static const struct ckpt_engine *const engines[] = {CKPT_ENGINE_ROWS NULL};
#undef ENGINE

const struct ckpt_engine *ckpt_engine_at(size_t index)
{
    return engines[index];
}

static const struct ckpt_engine *find(const char *name)
{
    for (size_t i = 0; engines[i]; i++)
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    return NULL;
}

/* All names, each quoted. */
static void list_names(char *names, size_t size)
{
    size_t length = 0;

    names[0] = '\0';
    for (size_t i = 0; engines[i] && length < size; i++)
        length += (size_t)snprintf(names + length, size - length, "%s'%s'",
                                   i == 0           ? ""
                                   : engines[i + 1] ? ", "
                                                    : " and ",
                                   engines[i]->name);
}

const struct ckpt_engine *ckpt_engine_find(const char *name, struct ckpt_error *error)
{
    const struct ckpt_engine *found = find(name);
    char names[256];

    if (found)
        return found;
    list_names(names, sizeof names);
    ckpt_error_set(
        error, 0,
        "the image was made by the engine '%s', and this checkpointer has only %s; use a "
        "checkpointer with that engine",
        name, names);
    return NULL;
}

const struct ckpt_engine *ckpt_engine_choose(const char *name, struct ckpt_error *error)
{
    const struct ckpt_engine *found = strcmp(name, "auto") == 0 ? engines[0] : find(name);
    char names[256];

    if (found)
        return found;
    list_names(names, sizeof names);
    ckpt_error_set(error, 0, "there is no engine '%s'; expected 'auto', or one of %s", name, names);
    return NULL;
}
