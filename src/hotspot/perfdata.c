/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See perfdata.h. HotSpot keeps the name in a variable that cannot be found, so libjvm's unlink()
 * is replaced instead. Only when the JVM ends: then HotSpot removes no other file of that kind, and
 * the agent has already removed the file with the present PID.
 */
#include "hotspot/perfdata.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "hotspot/parked/process_files.h"
#include "hotspot/redirect.h"
#include "hotspot/vmstructs.h"

/* vmstructs has the memory's address; /proc/self/maps has the name of the file mapped there. */
uint64_t ckpt_perfdata_find(void)
{
    ckpt_auto_fclose FILE *maps = fopen("/proc/self/maps", "re");
    char *const *start = ckpt_vm_static("PerfMemory", "_start");
    char line[PATH_MAX + 128];

    ckpt_perfdata.path[0] = '\0';
    while (maps && start && *start && fgets(line, sizeof line, maps)) {
        unsigned long from, inode;
        char sharing;
        int path_at = 0;

        if (sscanf(line, "%lx-%*x %*3c%c %*x %*x:%*x %lu %n", &from, &sharing, &inode, &path_at) <
                3 ||
            from != (uintptr_t)*start)
            continue;
        line[strcspn(line, "\n")] = '\0';
        if (sharing != 's')
            return 0; /* private memory, with -XX:+PerfDisableSharedMem */
        if (path_at && line[path_at] == '/')
            snprintf(ckpt_perfdata.path, sizeof ckpt_perfdata.path, "%s", line + path_at);
        ckpt_perfdata.inode = inode;
        ckpt_perfdata.start = from;
        return from;
    }
    return 0;
}

static int unlink_except_perfdata(const char *path)
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

void ckpt_perfdata_disable_unlink(void)
{
    static const struct ckpt_redirect table[] = {
        {"unlink", (void (*)(void))unlink_except_perfdata}};

    ckpt_redirect(table, 1, is_libjvm);
}
