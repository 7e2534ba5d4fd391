/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See perfdata.h.  The name is in a variable of HotSpot's own, which nobody else can find; so the
 * function is exchanged that libjvm removes files with.  Only at the very end: by then HotSpot has
 * nothing else of that kind to remove, and the agent has removed what has the right name.
 */
#include "hotspot/perfdata.h"

#include <string.h>
#include <unistd.h>

#include "hotspot/redirect.h"

static int unlink_others(const char *path)
{
    const char *name = strrchr(path, '/');
    bool is_number = name && name[1] && !name[1 + strspn(name + 1, "0123456789")];

    return is_number && strstr(path, "/hsperfdata_") ? 0 : unlink(path);
}

static bool is_libjvm(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && strcmp(slash + 1, "libjvm.so") == 0;
}

void ckpt_perfdata_keep_first(void)
{
    static const struct ckpt_redirect table[] = {{"unlink", (void (*)(void))unlink_others}};

    ckpt_redirect(table, 1, is_libjvm);
}
