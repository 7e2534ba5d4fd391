/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See memory_limit.h. HotSpot chooses its maximum heap size at its start, from the memory of the
 * machine or cgroup. The maximum of an existing heap cannot be lowered. But SoftMaxHeapSize (ZGC
 * and Shenandoah) and the free ratios (Serial, Parallel, G1) are flags that can be changed at any
 * time, for example by jcmd VM.set_flag: HotSpot reads them whenever it resizes the heap.
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
    uint64_t *value, original, lowered;
};

static uint64_t first_limit; /* the memory limit at the first freeze; 0: not recorded */
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
    flag->original = *flag->value;
    flag->lowered = value < flag->original ? value : flag->original;
    *flag->value = flag->lowered;
}

/* Set the flag back, unless it was set to another value meanwhile (jcmd PID VM.set_flag). */
static void reset(const struct flag *flag)
{
    if (flag->value && *flag->value == flag->lowered)
        *flag->value = flag->original;
}

static const char *lower_heap(uint64_t limit)
{
    bool has_free_ratios = ckpt_vm_flag_is_set("UseSerialGC") ||
                           ckpt_vm_flag_is_set("UseParallelGC") || ckpt_vm_flag_is_set("UseG1GC");

    is_lowered = true;
    lower(&soft_max, limit);
    if (has_free_ratios) {
        lower(&free_min, FREE_MIN);
        lower(&free_max, FREE_MAX);
        return "free heap is now returned to the kernel earlier (MaxHeapFreeRatio)";
    }
    return soft_max.value
               ? "the soft limit of its heap is now half of the memory limit (SoftMaxHeapSize)"
               : "this collector has no soft limit";
}

void ckpt_memory_limit_apply(void)
{
    const uint64_t *heap = ckpt_vm_flag("MaxHeapSize");
    uint64_t limit = memory_limit();
    const char *done = "";

    if (is_lowered) {
        reset(&soft_max);
        reset(&free_min);
        reset(&free_max);
        is_lowered = false;
    }
    if (!heap || !first_limit || limit >= first_limit || *heap <= limit / 4)
        return; /* by default HotSpot uses a quarter of the memory */
    if (*heap > limit / 2)
        done = lower_heap(limit / 2);
    ckpt_log("warning",
             "the memory limit here is %lu MiB, and was %lu MiB when the JVM was frozen; its heap "
             "may still grow to %lu MiB, and the kernel kills it if it exceeds the limit; %s%s"
             "freeze it with the smaller limit, or with -Xmx",
             (unsigned long)(limit >> 20), (unsigned long)(first_limit >> 20),
             (unsigned long)(*heap >> 20), done, *done ? "; " : "");
}
