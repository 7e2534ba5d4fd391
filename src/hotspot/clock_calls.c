/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See clock_calls.h.  All that HotSpot knows of monotonic time comes through clock_gettime() and
 * goes into pthread_cond_timedwait(); it calls both by addresses in its writable data: the linker's
 * table, or variables (JDK 8 and 11).  These addresses are looked for before a freeze and exchanged
 * in the restored process.  Nothing is exchanged while it is not needed.
 *
 * Not reached: a deadline that a thread has just handed to libc and not yet to the kernel when it
 * is frozen; monotonic time in native libraries other than libjvm.
 */
#include "hotspot/clock_calls.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/page.h"
#include "hotspot/parked/clock_redirect.h"

#define EPOCH_LEAST 1000000000 /* seconds: later is a date, earlier is an uptime */

static struct ckpt_clock_calls *const found = &ckpt_clock_calls;

typedef int clock_fn(clockid_t clock, struct timespec *now);
typedef int wait_fn(pthread_cond_t *condition, pthread_mutex_t *mutex,
                    const struct timespec *deadline);

static struct timespec moved(const struct timespec *time, int64_t by)
{
    int64_t seconds = time->tv_sec + by / CKPT_SECOND_NS;
    int64_t rest = time->tv_nsec + by % CKPT_SECOND_NS;

    if (rest < 0) {
        rest += CKPT_SECOND_NS;
        seconds--;
    } else if (rest >= CKPT_SECOND_NS) {
        rest -= CKPT_SECOND_NS;
        seconds++;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

static int moved_clock(clockid_t clock, struct timespec *now)
{
    int failed = clock_gettime(clock, now);

    if (!failed && clock == CLOCK_MONOTONIC)
        *now = moved(now, ckpt_clock_calls.offset_ns);
    return failed;
}

/* A condition does not tell its clock, but the deadline does. */
static int moved_wait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                      const struct timespec *deadline)
{
    struct timespec here = *deadline;

    if (deadline->tv_sec < EPOCH_LEAST) {
        here = moved(deadline, -ckpt_clock_calls.offset_ns);
        if (here.tv_sec < 0) /* long ago, and no time that the kernel would take */
            here = (struct timespec){.tv_sec = 0};
    }
    return pthread_cond_timedwait(condition, mutex, &here);
}

/* ---- where libjvm calls from ---- */

static void search(const struct dl_phdr_info *info, const ElfW(Phdr) * segment, void *function,
                   void *replacement)
{
    void **at = (void **)(info->dlpi_addr + segment->p_vaddr);
    void **end = (void **)(info->dlpi_addr + segment->p_vaddr + segment->p_memsz);

    for (; at < end && found->count < CKPT_CLOCK_CALLS_MAX; at++)
        if (*at == function)
            found->calls[found->count++] =
                (struct ckpt_clock_call){.at = at, .replacement = replacement};
}

static void mark_read_only(const struct dl_phdr_info *info, const ElfW(Phdr) * relro)
{
    uintptr_t start = ckpt_page_floor(info->dlpi_addr + relro->p_vaddr);
    uintptr_t end = ckpt_page_floor(info->dlpi_addr + relro->p_vaddr + relro->p_memsz);

    for (size_t i = 0; i < found->count; i++)
        if ((uintptr_t)found->calls[i].at >= start && (uintptr_t)found->calls[i].at < end)
            found->calls[i].read_only = true;
}

struct wanted {
    void *in_libjvm; /* any address of it */
    clock_fn *clock;
    wait_fn *wait;
};

static int look(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct wanted *wanted = context;
    uintptr_t inside = (uintptr_t)wanted->in_libjvm;
    bool is_libjvm = false;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;

        is_libjvm |=
            segment->p_type == PT_LOAD && inside >= start && inside < start + segment->p_memsz;
    }
    if (!is_libjvm)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W))
            continue;
        search(info, segment, (void *)wanted->clock, (void *)moved_clock);
        search(info, segment, (void *)wanted->wait, (void *)moved_wait);
    }
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
            mark_read_only(info, &info->dlpi_phdr[i]);
    return 1;
}

static bool has_place_for(void *replacement)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->calls[i].replacement == replacement)
            return true;
    return false;
}

bool ckpt_clock_prepare(void)
{
    void *libjvm = dlopen("libjvm.so", RTLD_LAZY | RTLD_NOLOAD);
    struct wanted wanted = {.in_libjvm = libjvm ? dlsym(libjvm, "gHotSpotVMStructs") : NULL,
                            .clock = (clock_fn *)dlsym(RTLD_DEFAULT, "clock_gettime"),
                            .wait = (wait_fn *)dlsym(RTLD_DEFAULT, "pthread_cond_timedwait")};

    if (libjvm)
        dlclose(libjvm);
    if (found->are_redirected)
        return true; /* the addresses looked for are not there any more; the places are known */
    found->count = 0;
    if (wanted.in_libjvm && wanted.clock && wanted.wait)
        dl_iterate_phdr(look, &wanted);
    return found->count < CKPT_CLOCK_CALLS_MAX && has_place_for((void *)moved_clock) &&
           has_place_for((void *)moved_wait);
}
