/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 * The coordinator reads and sets the scheduling of all threads, by their TIDs.
 *
 * Two parties have a say in it: the application, and the one that starts the process (nice,
 * taskset, a service manager). The kernel does not show who has set a value. So a nice value, a
 * policy or an I/O priority that is not the kernel's default is kept, and a thread with the default
 * has what it inherits from the command that restores. Processors differ from machine to machine,
 * and have no default: a thread keeps its set if that is neither the one that the process had when
 * the agent was loaded nor that of the first thread, and only where the set is among the processors
 * of the command. The first thread runs no code of the application, so its set changes only for all
 * threads, from outside: by `taskset -a` or for a whole cpuset.
 */
#include "engine/parked/scheduling.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/parked/park.h"
#include "engine/report.h"

#define KEEPS_NICE 1u
#define KEEPS_POLICY 2u
#define KEEPS_IO 4u
#define KEEPS_CPUS 8u

#define POLICY_OTHER 0u
#define POLICY_BATCH 3u
#define CLAMP_MAX 1024u /* the value of util_max that limits nothing */
#define FLAG_RESET_ON_FORK 1u
#define FLAG_CLAMP 0x60u /* util_min and util_max are to be set */
#define IO_WHO_PROCESS 1
#define IO_CLASS_SHIFT 13
#define NICE_ZERO 20 /* getpriority(2) returns 20 minus the nice value */

/* What the process inherited; static, so that it is in the image. */
static struct {
    uint64_t cpus[CKPT_CPU_WORDS];
    uint64_t slice;
} inherited;

static bool get_cpus(long tid, uint64_t cpus[CKPT_CPU_WORDS])
{
    const size_t size = CKPT_CPU_WORDS * sizeof *cpus;

    __builtin_memset(cpus, 0, size);
    return ckpt_syscall(SYS_sched_getaffinity, tid, size, cpus, 0, 0, 0) > 0;
}

static bool get_attr(long tid, struct ckpt_sched_attr *ret)
{
    *ret = (struct ckpt_sched_attr){.size = sizeof *ret};
    return ckpt_syscall(SYS_sched_getattr, tid, ret, sizeof *ret, 0, 0, 0) == 0;
}

void ckpt_scheduling_note_inherited(void)
{
    struct ckpt_sched_attr attr;

    get_cpus(0, inherited.cpus);
    inherited.slice = get_attr(0, &attr) ? attr.runtime : 0;
}

static bool is_fair(const struct ckpt_sched_attr *attr)
{
    return attr->policy == POLICY_OTHER || attr->policy == POLICY_BATCH;
}

/* Whether there are limits on the utilization, where the kernel has such (CONFIG_UCLAMP_TASK). */
static bool is_clamped(const struct ckpt_sched_attr *attr)
{
    return (attr->util_min && is_fair(attr)) || (attr->util_max && attr->util_max != CLAMP_MAX);
}

/* Leave in @attr only what was set for the thread; false: all of it is the default. */
static bool keep_policy(struct ckpt_sched_attr *attr)
{
    attr->size = sizeof *attr;
    if (is_fair(attr) && attr->runtime == inherited.slice)
        attr->runtime = 0; /* Linux 6.12 shows the time slice here, which 0 sets to the default */
    if (is_clamped(attr))
        attr->flags |= FLAG_CLAMP;
    else
        attr->util_min = attr->util_max = 0;
    return attr->policy != POLICY_OTHER || attr->flags || attr->runtime;
}

static int get_nice(long tid)
{
    long value = ckpt_syscall(SYS_getpriority, PRIO_PROCESS, tid, 0, 0, 0, 0);

    return value > 0 ? NICE_ZERO - (int)value : 0;
}

static bool has_own_cpus(long tid, uint64_t cpus[CKPT_CPU_WORDS])
{
    const size_t size = CKPT_CPU_WORDS * sizeof *cpus;
    uint64_t first[CKPT_CPU_WORDS];

    return get_cpus(tid, cpus) && __builtin_memcmp(cpus, inherited.cpus, size) != 0 &&
           get_cpus(ckpt_sys_getpid(), first) && __builtin_memcmp(cpus, first, size) != 0;
}

/* Fill in what differs of the thread @tid; false: nothing. */
static bool describe(long tid, struct ckpt_scheduling *to)
{
    long io = ckpt_syscall(SYS_ioprio_get, IO_WHO_PROCESS, tid, 0, 0, 0, 0);

    to->kept = 0;
    to->nice = get_nice(tid);
    if (to->nice)
        to->kept |= KEEPS_NICE;
    if (get_attr(tid, &to->attr) && keep_policy(&to->attr))
        to->kept |= KEEPS_POLICY;
    if (io > 0 && io >> IO_CLASS_SHIFT) {
        to->kept |= KEEPS_IO;
        to->io_priority = (uint32_t)io;
    }
    if (has_own_cpus(tid, to->cpus))
        to->kept |= KEEPS_CPUS;
    return to->kept;
}

static void add(struct ckpt_park *park, uint32_t slot, uint32_t tid)
{
    struct ckpt_scheduling *to = &park->scheduling[park->scheduling_count];
    struct ckpt_scheduling found = {.slot = slot};

    /* Unused entries stay as they are: pages that were never written are not in the image. */
    if (describe((long)tid, &found)) {
        *to = found;
        park->scheduling_count++;
    }
}

void ckpt_scheduling_record(struct ckpt_park *park)
{
    park->scheduling_count = 0;
    for (uint32_t i = 0; i < park->taken; i++)
        add(park, i, park->slots[i].tid);
    add(park, CKPT_PARK_COORDINATOR, (uint32_t)ckpt_sys_gettid());
}

/* ---- in the restored process ---- */

/* Threads whose setting was refused. */
struct refused {
    uint32_t nice, policy, io, cpus;
};

static bool are_allowed(const uint64_t cpus[CKPT_CPU_WORDS])
{
    for (int i = 0; i < CKPT_CPU_WORDS; i++)
        if (cpus[i] & ~inherited.cpus[i])
            return false;
    return true;
}

static bool set_cpus(long tid, const struct ckpt_scheduling *from)
{
    return are_allowed(from->cpus) &&
           ckpt_syscall(SYS_sched_setaffinity, tid, sizeof from->cpus, from->cpus, 0, 0, 0) == 0;
}

static bool set_policy(long tid, const struct ckpt_scheduling *from)
{
    struct ckpt_sched_attr attr = from->attr;

    attr.nice = get_nice(tid); /* the call sets it again, so what may not be set is left out */
    return ckpt_syscall(SYS_sched_setattr, tid, &attr, 0, 0, 0, 0) == 0;
}

/* Nice values first, because the call for the policy sets them too. */
static void set(long tid, const struct ckpt_scheduling *from, struct refused *refused)
{
    if ((from->kept & KEEPS_NICE) && get_nice(tid) != from->nice)
        refused->nice += ckpt_syscall(SYS_setpriority, PRIO_PROCESS, tid, from->nice, 0, 0, 0) != 0;
    if (from->kept & KEEPS_POLICY)
        refused->policy += !set_policy(tid, from);
    if (from->kept & KEEPS_IO)
        refused->io +=
            ckpt_syscall(SYS_ioprio_set, IO_WHO_PROCESS, tid, from->io_priority, 0, 0, 0) != 0;
    if (from->kept & KEEPS_CPUS)
        refused->cpus += !set_cpus(tid, from);
}

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

static void report(const struct refused *refused, struct ckpt_report *warnings)
{
    if (refused->nice)
        ckpt_report_add(
            warnings, "warning",
            "nice values of %u thread%s are not those of the checkpoint; give 'restore' "
            "CAP_SYS_NICE, or raise 'ulimit -e'",
            refused->nice, plural(refused->nice));
    if (refused->policy)
        ckpt_report_add(warnings, "warning",
                        "scheduling policies of %u thread%s are not those of the checkpoint; give "
                        "'restore' CAP_SYS_NICE, or raise 'ulimit -r'",
                        refused->policy, plural(refused->policy));
    if (refused->io)
        ckpt_report_add(warnings, "warning",
                        "I/O priorities of %u thread%s are not those of the checkpoint; give "
                        "'restore' CAP_SYS_NICE",
                        refused->io, plural(refused->io));
    if (refused->cpus)
        ckpt_report_add(warnings, "warning",
                        "processors of %u thread%s are not those of the checkpoint, because some "
                        "are missing here; start 'restore' with all of them (taskset, cpusets)",
                        refused->cpus, plural(refused->cpus));
}

void ckpt_scheduling_restore(struct ckpt_park *park, struct ckpt_report *warnings)
{
    struct refused refused = {.nice = 0};

    ckpt_scheduling_note_inherited();
    for (uint32_t i = 0; i < park->scheduling_count; i++) {
        const struct ckpt_scheduling *from = &park->scheduling[i];
        const struct ckpt_slot *slot =
            from->slot == CKPT_PARK_COORDINATOR ? &park->coordinator : &park->slots[from->slot];

        set((long)slot->tid, from, &refused);
    }
    report(&refused, warnings);
}
