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

/* The first line of a file of the group; false if there is none. */
static bool read_line(const char *directory, const char *name, char *text, int size)
{
    char path[PATH_MAX + 64];
    ckpt_auto_fclose FILE *file = NULL;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "re");
    return file && fgets(text, size, file);
}

/* If there is no limit, the file has "max" (v2), "-1" (a quota of v1), or a huge number. */
static uint64_t read_number(const char *directory, const char *name)
{
    char text[32];

    if (!read_line(directory, name, text, sizeof text) || *text < '0' || *text > '9')
        return UINT64_MAX;
    return strtoull(text, NULL, 10);
}

/* ---- the limits of one group ---- */

typedef uint64_t limit_function(const char *directory);

static uint64_t memory_v1(const char *directory)
{
    return read_number(directory, "memory.limit_in_bytes");
}

static uint64_t memory_v2(const char *directory)
{
    return read_number(directory, "memory.max");
}

static uint64_t processors(uint64_t quota, uint64_t period)
{
    if (!quota || quota == UINT64_MAX || !period || period == UINT64_MAX)
        return UINT64_MAX;
    return quota / period + (quota % period != 0);
}

static uint64_t processors_v1(const char *directory)
{
    return processors(read_number(directory, "cpu.cfs_quota_us"),
                      read_number(directory, "cpu.cfs_period_us"));
}

static uint64_t processors_v2(const char *directory)
{
    char text[64];
    unsigned long quota, period;

    if (!read_line(directory, "cpu.max", text, sizeof text) ||
        sscanf(text, "%lu %lu", &quota, &period) != 2)
        return UINT64_MAX;
    return processors(quota, period);
}

/* ---- the groups of this process ---- */

/* The smallest limit of @group and of its ancestors. */
static uint64_t smallest_limit(const char *mount, const char *group, limit_function *limit_at)
{
    char directory[PATH_MAX];
    size_t top = strlen(mount);
    uint64_t smallest = UINT64_MAX;

    if (snprintf(directory, sizeof directory, "%s%s", mount, group) >= (int)sizeof directory)
        return smallest;
    for (;;) {
        uint64_t limit = limit_at(directory);
        char *cut = strrchr(directory, '/');

        smallest = limit < smallest ? limit : smallest;
        if (strlen(directory) <= top || !cut)
            return smallest;
        *cut = '\0';
    }
}

/* Whether @word is one of a list that is separated by commas, and may end with a newline. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (;;) {
        size_t size = strcspn(list, ",\n");

        if (size == length && strncmp(list, word, length) == 0)
            return true;
        if (list[size] != ',')
            return false;
        list += size + 1;
    }
}

/* Find the group of this process: in v1's hierarchy of @controller, or, if that is NULL, in v2. */
static bool find_group(const char *controller, char *group, size_t size)
{
    ckpt_auto_fclose FILE *file = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX];

    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *path;

        if (!controllers || !(path = strchr(++controllers, ':')))
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (controller ? !has_word(controllers, controller) : *controllers != '\0')
            continue;
        snprintf(group, size, "%s", strcmp(path, "/") == 0 ? "" : path);
        return true;
    }
    return false;
}

/* Find the mount point of that hierarchy, and the group that is the root of the mount. */
static bool find_mount(const char *controller, char *mount, char *root)
{
    ckpt_auto_fclose FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[4 * PATH_MAX];

    while (file && fgets(line, sizeof line, file)) {
        const char *type = strstr(line, " - "), *options = strrchr(line, ' ');

        if (!type || sscanf(line, "%*d %*d %*s %4095s %4095s", root, mount) != 2)
            continue;
        if (controller ? strncmp(type, " - cgroup ", 10) == 0 && has_word(options + 1, controller)
                       : strncmp(type, " - cgroup2 ", 11) == 0)
            return true;
    }
    return false;
}

static uint64_t limit_of(const char *controller, limit_function *limit_at)
{
    char group[PATH_MAX], mount[PATH_MAX], root[PATH_MAX];
    const char *inside = group;
    size_t length;

    if (!find_group(controller, group, sizeof group) || !find_mount(controller, mount, root))
        return UINT64_MAX;
    length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(group, root, length) == 0)
        inside = group + length;
    else if (length)
        /* in a container its own group is mounted, and that group has another name outside */
        inside = "";
    return smallest_limit(mount, inside, limit_at);
}

uint64_t ckpt_probe_cgroup_memory(void)
{
    uint64_t v1 = limit_of("memory", memory_v1), v2 = limit_of(NULL, memory_v2);

    return v1 < v2 ? v1 : v2;
}

uint32_t ckpt_probe_cgroup_processors(void)
{
    uint64_t v1 = limit_of("cpu", processors_v1), v2 = limit_of(NULL, processors_v2);
    uint64_t limit = v1 < v2 ? v1 : v2;

    return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}
