/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Values that inspect_text.c and inspect_json.c print in the same format.
 */
#include <stdio.h>
#include <time.h>

#include "cli/inspect.h"

void ckpt_inspect_time(int64_t seconds, char *text, size_t size)
{
    time_t moment = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&moment, &parts) || !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &parts))
        snprintf(text, size, "?");
}

void ckpt_inspect_protection(const struct ckpt_described_mapping *mapping, char text[4])
{
    snprintf(text, 4, "%c%c%c", mapping->readable ? 'r' : '-', mapping->writable ? 'w' : '-',
             mapping->executable ? 'x' : '-');
}
