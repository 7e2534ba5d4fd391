/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See park_options.h.  Runs on the requester's thread, while all others run; uses libc.
 */
#include "engine/prepare/park_options.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>

#include "base/page.h"

/* A real-time signal that the process does not handle.  The JDK's networking uses 62. */
static int free_signal(void)
{
    for (int signal = SIGRTMAX - 3; signal >= SIGRTMIN; signal--) {
        struct sigaction action;

        if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
            return signal;
    }
    return 0;
}

static void find_vdso(struct ckpt_park_options *options)
{
    const Elf64_Ehdr *vdso = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Phdr *segment;

    if (!vdso)
        return;
    segment = (const Elf64_Phdr *)((const char *)vdso + vdso->e_phoff);
    options->vdso_start = (uint64_t)vdso;
    for (int i = 0; i < vdso->e_phnum; i++)
        if (segment[i].p_type == PT_LOAD)
            options->vdso_end = ckpt_page_ceil((uint64_t)vdso + segment[i].p_memsz);
}

/* glibc from 2.35 on registers a struct rseq for every thread and exports its offset. */
static void find_rseq(struct ckpt_park_options *options)
{
    const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
    const unsigned *size = dlsym(RTLD_DEFAULT, "__rseq_size");

    if (!offset || !size || !*size)
        return;
    options->rseq_offset = *offset;
    options->rseq_size = *size < 32 ? 32 : *size;
}

/* glibc exports the place of a thread's TID for debuggers: bits, count and offset of the field. */
static void find_tid(struct ckpt_park_options *options)
{
    const uint32_t *field = dlsym(RTLD_DEFAULT, "_thread_db_pthread_tid");

    if (field && field[0] == 32 && field[1] == 1)
        options->tid_offset = field[2];
}

int ckpt_park_options_find(const struct ckpt_host *host, struct ckpt_park_options *ret_options,
                           struct ckpt_error *error)
{
    struct ckpt_park_options options = {.signal = ckpt_park_kept_signal(),
                                        .request_signal = host->request_signal,
                                        .timeout_ms = host->park_timeout_ms,
                                        .cached_tid = host->parked->cached_tid};

    if (!options.signal)
        options.signal = free_signal();
    if (!options.signal)
        return ckpt_error_set(error, 0, "no real-time signal is free to stop the threads with");
    find_vdso(&options);
    find_rseq(&options);
    find_tid(&options);
    *ret_options = options;
    return 0;
}
