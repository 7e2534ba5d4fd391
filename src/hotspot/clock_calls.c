/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See clock_calls.h. HotSpot reads monotonic time by clock_gettime(), and passes it only to
 * pthread_cond_timedwait(). It calls both by pointers in its writable data: the global offset
 * table, or variables (JDK 8 and 11). These pointers are found before a freeze and replaced in the
 * restored process, only if that is necessary.
 *
 * Not corrected: a deadline that a thread has passed to libc, but libc not yet to the kernel, at
 * the freeze; monotonic time in native libraries other than libjvm.
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

#define EPOCH_MIN 1000000000 /* seconds: from here on a time is a date, below it is an uptime */

static struct ckpt_clock_calls *const found = &ckpt_clock_calls;

typedef int clock_fn(clockid_t clock, struct timespec *now);
typedef int wait_fn(pthread_cond_t *condition, pthread_mutex_t *mutex,
                    const struct timespec *deadline);

static struct timespec shifted(const struct timespec *time, int64_t by)
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

static int shifted_clock(clockid_t clock, struct timespec *now)
{
    int failed = clock_gettime(clock, now);

    if (!failed && clock == CLOCK_MONOTONIC)
        *now = shifted(now, ckpt_clock_calls.offset_ns);
    return failed;
}

/* The clock of a condition cannot be read from it, but is known from the size of the deadline. */
static int shifted_wait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                        const struct timespec *deadline)
{
    struct timespec here = *deadline;

    if (deadline->tv_sec < EPOCH_MIN) {
        here = shifted(deadline, -ckpt_clock_calls.offset_ns);
        if (here.tv_sec < 0) /* already past; the kernel refuses negative times */
            here = (struct timespec){.tv_sec = 0};
    }
    return pthread_cond_timedwait(condition, mutex, &here);
}

/* ---- the pointers in libjvm ---- */

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

static int search_libjvm(struct dl_phdr_info *info, size_t size, void *context)
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
        search(info, segment, (void *)wanted->clock, (void *)shifted_clock);
        search(info, segment, (void *)wanted->wait, (void *)shifted_wait);
    }
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
            mark_read_only(info, &info->dlpi_phdr[i]);
    return 1;
}

static bool has_call_to(void *replacement)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->calls[i].replacement == replacement)
            return true;
    return false;
}

bool ckpt_clock_calls_find(void)
{
    void *libjvm = dlopen("libjvm.so", RTLD_LAZY | RTLD_NOLOAD);
    struct wanted wanted = {.in_libjvm = libjvm ? dlsym(libjvm, "gHotSpotVMStructs") : NULL,
                            .clock = (clock_fn *)dlsym(RTLD_DEFAULT, "clock_gettime"),
                            .wait = (wait_fn *)dlsym(RTLD_DEFAULT, "pthread_cond_timedwait")};

    if (libjvm)
        dlclose(libjvm);
    if (found->are_redirected)
        return true; /* the pointers are known, and no longer have the values to search for */
    found->count = 0;
    if (wanted.in_libjvm && wanted.clock && wanted.wait)
        dl_iterate_phdr(search_libjvm, &wanted);
    return found->count < CKPT_CLOCK_CALLS_MAX && has_call_to((void *)shifted_clock) &&
           has_call_to((void *)shifted_wait);
}
