/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Warnings of a restore, recorded until no step can refuse it any more. Runs in the command, before
 * it becomes the JVM.
 */
#include <stdarg.h>
#include <stdio.h>

#include "engine/builtin/restore/restore.h"

void ckpt_restore_warn(struct ckpt_restore *restore, const char *format, ...)
{
    int max = (int)(sizeof restore->warnings.text / sizeof *restore->warnings.text);
    va_list arguments;

    if (restore->warnings.count == max)
        return;
    va_start(arguments, format);
    vsnprintf(restore->warnings.text[restore->warnings.count++], sizeof *restore->warnings.text,
              format, arguments);
    va_end(arguments);
}

void ckpt_restore_warn_all(struct ckpt_restore *restore)
{
    for (int i = 0; i < restore->warnings.count && restore->request->warn; i++)
        restore->request->warn(restore->warnings.text[i]);
    restore->warnings.count = 0;
}
