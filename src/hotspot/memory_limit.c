/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See memory_limit.h.  HotSpot sizes its heap once, at its start, by the memory of the machine or
 * of its cgroup.  A heap that exists cannot get a lower maximum; but SoftMaxHeapSize (ZGC and
 * Shenandoah) and the free ratios (Serial, Parallel, G1) are flags that may change at any time, as
 * jcmd VM.set_flag does it: HotSpot reads them whenever it resizes the heap.
 */
#include "hotspot/memory_limit.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/sysinfo.h>

#include "base/cleanup.h"
#include "hotspot/vmstructs.h"
#include "probe/cgroup.h"
#include "runtime/generation.h"
#include "runtime/log.h"

#define FREE_MIN 10u /* percent of the heap that may stay free after a collection */
#define FREE_MAX 20u

struct flag {
    const char *name;
    uint64_t *value, first, lowered; /* what it was before, and what it was set to */
};

static uint64_t first_limit; /* under which the JVM was frozen first; 0: not known */
static bool is_lowered;
static struct flag soft_max = {.name = "SoftMaxHeapSize"};
static struct flag free_min = {.name = "MinHeapFreeRatio"};
static struct flag free_max = {.name = "MaxHeapFreeRatio"};

/* ---- the limit ---- */

static uint64_t memory_limit(void)
{
    uint64_t least = ckpt_probe_cgroup_memory();
    struct sysinfo machine;

    if (sysinfo(&machine) == 0 && (uint64_t)machine.totalram * machine.mem_unit < least)
        least = (uint64_t)machine.totalram * machine.mem_unit;
    return least;
}

void ckpt_memory_limit_prepare(void)
{
    if (!ckpt_is_restored())
        first_limit = memory_limit();
}

/* ---- the JVM's flags ---- */

static void lower(struct flag *flag, uint64_t value)
{
    flag->value = ckpt_vm_flag(flag->name);
    if (!flag->value)
        return;
    flag->first = *flag->value;
    flag->lowered = value < flag->first ? value : flag->first;
    *flag->value = flag->lowered;
}

/* Unless someone has set it since (jcmd PID VM.set_flag). */
static void put_back(const struct flag *flag)
{
    if (flag->value && *flag->value == flag->lowered)
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
    ckpt_log("warning",
             "the memory limit here is %lu MiB, and the JVM was frozen under %lu MiB; its heap "
             "may still grow to %lu MiB, and beyond the limit the kernel kills it; %s%s"
             "freeze it under the smaller limit, or with -Xmx",
             (unsigned long)(limit >> 20), (unsigned long)(first_limit >> 20),
             (unsigned long)(*heap >> 20), done, *done ? "; " : "");
}
