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

const struct ckpt_engine *ckpt_engine_find(const char *name, struct ckpt_error *error)
{
    char names[256] = "";
    size_t length = 0;

    for (size_t i = 0; engines[i]; i++) {
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
        if (length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s'%s'",
                                       i ? ", " : "", engines[i]->name);
    }
    ckpt_error_set(
        error, 0,
        "the image was made by the engine '%s', and this checkpointer has only %s; use a "
        "checkpointer with that engine",
        name, names);
    return NULL;
}
