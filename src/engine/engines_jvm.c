/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The engines of the agent: one for each name in src/engine/meson.build, which writes
 * engine_rows.h.
 */
#include <string.h>

#include "engine/engine.h"
#include "engine/engine_rows.h"

#define ENGINE(name) extern const struct ckpt_engine_jvm ckpt_engine_##name##_jvm;
CKPT_ENGINE_ROWS
#undef ENGINE

#define ENGINE(name) &ckpt_engine_##name##_jvm,
static const struct ckpt_engine_jvm *const engines[] = {CKPT_ENGINE_ROWS NULL};
#undef ENGINE

const struct ckpt_engine_jvm *ckpt_engine_jvm_at(size_t index)
{
    return engines[index];
}

const struct ckpt_engine_jvm *ckpt_engine_jvm_find(const char *name)
{
    if (!name || strcmp(name, "auto") == 0)
        return engines[0];
    for (size_t i = 0; engines[i]; i++)
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    return NULL;
}
