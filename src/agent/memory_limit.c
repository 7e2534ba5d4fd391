/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See memory_limit.h.  HotSpot sizes its heap once, at its start, by the memory of the machine or
 * of its cgroup.  A heap that exists cannot get a lower maximum; but SoftMaxHeapSize (ZGC and
 * Shenandoah) and the free ratios (Serial, Parallel, G1) are flags that may change at any time, as
 * jcmd VM.set_flag does it: HotSpot reads them whenever it resizes the heap.
 */
#include "agent/memory_limit.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "agent/agent.h"
#include "base/cleanup.h"
#include "probe/vmstructs.h"

#define FREE_MIN 10u /* percent of the heap that may stay free after a collection */
#define FREE_MAX 20u

struct flag {
    const char *name;
    uint64_t *value, first; /* what it was before it was lowered */
};

static uint64_t first_limit; /* under which the JVM was frozen first; 0: not known */
static bool is_lowered;
static struct flag soft_max = {.name = "SoftMaxHeapSize"};
static struct flag free_min = {.name = "MinHeapFreeRatio"};
static struct flag free_max = {.name = "MaxHeapFreeRatio"};

/* ---- the limit ---- */

static uint64_t read_number(const char *directory, const char *name)
{
    char path[PATH_MAX + 64], text[32];
    ckpt_auto_fclose FILE *file = NULL;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "re");
    /* "max" of cgroup v2 is no number; v1 has an enormous one. */
    if (!file || !fgets(text, sizeof text, file) || *text < '0' || *text > '9')
        return UINT64_MAX;
    return strtoull(text, NULL, 10);
}

/* The least limit of the group @group and of those around it. */
static uint64_t least_of(const char *mount, const char *group, const char *name)
{
    char directory[PATH_MAX];
    size_t top = strlen(mount);
    uint64_t least = UINT64_MAX;

    if (snprintf(directory, sizeof directory, "%s%s", mount, group) >= (int)sizeof directory)
        return least;
    for (;;) {
        uint64_t limit = read_number(directory, name);
        char *cut = strrchr(directory, '/');

        least = limit < least ? limit : least;
        if (strlen(directory) <= top || !cut)
            return least;
        *cut = '\0';
    }
}

/* The group of this process in the hierarchy with memory, v1's if there is one. */
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

/* Where that hierarchy is mounted, and which group is its root there. */
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
        inside = ""; /* the mount shows the group of a container, whose name is another one here */
    return least_of(mount, inside, v1 ? "memory.limit_in_bytes" : "memory.max");
}

static uint64_t memory_limit(void)
{
    uint64_t v1 = limit_of(true), v2 = limit_of(false), least = v1 < v2 ? v1 : v2;
    struct sysinfo machine;

    if (sysinfo(&machine) == 0 && (uint64_t)machine.totalram * machine.mem_unit < least)
        least = (uint64_t)machine.totalram * machine.mem_unit;
    return least;
}

void ckpt_memory_limit_prepare(void)
{
    if (!ckpt_agent.mailbox.generation)
        first_limit = memory_limit();
}

/* ---- the JVM's flags ---- */

static void lower(struct flag *flag, uint64_t value)
{
    flag->value = ckpt_vm_flag(flag->name);
    if (!flag->value)
        return;
    flag->first = *flag->value;
    if (value < flag->first)
        *flag->value = value;
}

static void put_back(const struct flag *flag)
{
    if (flag->value)
        *flag->value = flag->first;
}

static const char *lower_heap(uint64_t limit)
{
    bool gives_back = ckpt_vm_flag_is_set("UseSerialGC") || ckpt_vm_flag_is_set("UseParallelGC") ||
                      ckpt_vm_flag_is_set("UseG1GC");

    is_lowered = true;
    lower(&soft_max, limit);
    if (gives_back) {
        lower(&free_min, FREE_MIN);
        lower(&free_max, FREE_MAX);
        return "free heap is given back earlier now (MaxHeapFreeRatio)";
    }
    return soft_max.value ? "its soft limit is half of that now (SoftMaxHeapSize)"
                          : "this collector has no lower limit";
}

void ckpt_memory_limit_apply(void)
{
    const uint64_t *heap = ckpt_vm_flag("MaxHeapSize");
    uint64_t limit = memory_limit();
    const char *done = "";

    if (is_lowered) {
        put_back(&soft_max);
        put_back(&free_min);
        put_back(&free_max);
        is_lowered = false;
    }
    if (!heap || !first_limit || limit >= first_limit || *heap <= limit / 4)
        return; /* a quarter is what HotSpot takes for its heap by itself */
    if (*heap > limit / 2)
        done = lower_heap(limit / 2);
    ckpt_agent_log(
        "warning",
        "the memory limit here is %lu MiB, and the JVM was frozen under %lu MiB; its heap "
        "may still grow to %lu MiB, and beyond the limit the kernel kills it; %s%s"
        "freeze it under the smaller limit, or with -Xmx",
        (unsigned long)(limit >> 20), (unsigned long)(first_limit >> 20),
        (unsigned long)(*heap >> 20), done, *done ? "; " : "");
}
