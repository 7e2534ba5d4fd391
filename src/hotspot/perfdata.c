/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See perfdata.h. HotSpot keeps the name in a variable that cannot be found, so libjvm's unlink()
 * is replaced instead. This is done only when the JVM ends: then HotSpot removes no other
 * hsperfdata file, and the agent has already removed the file with the present PID.
 */
#include "hotspot/perfdata.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map_line.h"
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
        struct ckpt_map_line map;

        line[strcspn(line, "\n")] = '\0';
        ckpt_map_line_parse(line, &map);
        if (map.start != (uint64_t)*start)
            continue;
        if (!map.shared)
            return 0; /* the performance data is in private memory (-XX:+PerfDisableSharedMem) */
        if (map.path[0] == '/')
            snprintf(ckpt_perfdata.path, sizeof ckpt_perfdata.path, "%s", map.path);
        ckpt_perfdata.inode = map.inode;
        ckpt_perfdata.start = map.start;
        return map.start;
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
