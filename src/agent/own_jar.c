/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See own_jar.h. Set when the agent is loaded (jar_entry.c), only read afterwards.
 */
#include "agent/own_jar.h"

#include <stdlib.h>

static char *own_jar; /* malloc'd, never freed */

const char *ckpt_own_jar(void)
{
    return own_jar;
}

void ckpt_own_jar_set(const char *path)
{
    own_jar = realpath(path, NULL);
}
