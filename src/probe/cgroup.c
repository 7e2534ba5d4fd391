/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See cgroup.h. Runs in the agent before threads are parked, and in the command; uses libc.
 */
#include "probe/cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static uint64_t read_number(const char *directory, const char *name)
{
    char path[PATH_MAX + 64], text[32];
    ckpt_auto_fclose FILE *file = NULL;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "re");
    /* If there is no limit, the file of cgroup v2 contains "max", and that of v1 a huge number. */
    if (!file || !fgets(text, sizeof text, file) || *text < '0' || *text > '9')
        return UINT64_MAX;
    return strtoull(text, NULL, 10);
}

/* The smallest limit of @group and of its ancestors. */
static uint64_t smallest_limit(const char *mount, const char *group, const char *name)
{
    char directory[PATH_MAX];
    size_t top = strlen(mount);
    uint64_t smallest = UINT64_MAX;

    if (snprintf(directory, sizeof directory, "%s%s", mount, group) >= (int)sizeof directory)
        return smallest;
    for (;;) {
        uint64_t limit = read_number(directory, name);
        char *cut = strrchr(directory, '/');

        smallest = limit < smallest ? limit : smallest;
        if (strlen(directory) <= top || !cut)
            return smallest;
        *cut = '\0';
    }
}

/*
 * Find the group of this process in the hierarchy that limits memory: v1's memory controller, or
 * v2.
 */
static bool find_group(bool v1, char *group, size_t size)
{
    ckpt_auto_fclose FILE *file = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX];

    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *path;

        if (!controllers || !(path = strchr(++controllers, ':')))
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (v1 ? strcmp(controllers, "memory") != 0 : *controllers != '\0')
            continue;
        snprintf(group, size, "%s", strcmp(path, "/") == 0 ? "" : path);
        return true;
    }
    return false;
}

/* Find the mount point of that hierarchy, and the group that is the root of the mount. */
static bool find_mount(bool v1, char *mount, char *root)
{
    ckpt_auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[4 * PATH_MAX];

    while (file && fgets(line, sizeof line, file)) {
        const char *type = strstr(line, " - ");

        if (!type || sscanf(line, "%*d %*d %*s %4095s %4095s", root, mount) != 2)
            continue;
        if (v1 ? strncmp(type, " - cgroup ", 10) == 0 && strstr(type, "memory")
               : strncmp(type, " - cgroup2 ", 11) == 0)
            return true;
    }
    return false;
}

static uint64_t limit_of(bool v1)
{
    char group[PATH_MAX], mount[PATH_MAX], root[PATH_MAX];
    const char *inside = group;
    size_t length;

    if (!find_group(v1, group, sizeof group) || !find_mount(v1, mount, root))
        return UINT64_MAX;
    length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(group, root, length) == 0)
        inside = group + length;
    else if (length)
        /* in a container its own group is mounted, and that group has another name outside */
        inside = "";
    return smallest_limit(mount, inside, v1 ? "memory.limit_in_bytes" : "memory.max");
}

uint64_t ckpt_probe_cgroup_memory(void)
{
    uint64_t v1 = limit_of(true), v2 = limit_of(false);

    return v1 < v2 ? v1 : v2;
}
