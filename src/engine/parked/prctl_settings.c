/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Settings that a process or a thread makes for itself by prctl(2) and can read.  This does not
 * include those that are inherited from the parent: capabilities, securebits, no_new_privs, seccomp
 * filters, oom_score_adj.
 *
 * A process that is not dumpable does not own its files below /proc, so that an ordinary user's JVM
 * cannot list its own descriptors.  It is therefore made dumpable while it is examined and written,
 * and not dumpable again as the last step, here or in the restored process.
 */
#include "engine/parked/prctl_settings.h"

#include <linux/prctl.h>
#include <stdbool.h>

#include "base/syscall.h"

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#define MCE_DEFAULT 2 /* PR_MCE_KILL_DEFAULT */

/* Static, so that it is in the image. */
static struct {
    bool protected; /* was not dumpable */
    long huge_pages, merge;
    int subreaper;
} saved;

void ckpt_prctl_settings_open(void)
{
    saved.protected = ckpt_sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
    if (saved.protected)
        ckpt_sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    saved.huge_pages = ckpt_sys_prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    saved.merge = ckpt_sys_prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0);
    ckpt_sys_prctl(PR_GET_CHILD_SUBREAPER, (unsigned long)&saved.subreaper, 0, 0, 0);
}

void ckpt_prctl_settings_close(void)
{
    if (saved.protected)
        ckpt_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void ckpt_prctl_settings_restore(void)
{
    long now = ckpt_sys_prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);

    /* Bit 0: huge pages are disabled; the other bits are exceptions. */
    if (saved.huge_pages >= 0 && now != saved.huge_pages)
        ckpt_sys_prctl(PR_SET_THP_DISABLE, saved.huge_pages & 1,
                       (unsigned long)saved.huge_pages & ~1ul, 0, 0);
    if (saved.merge == 1)
        ckpt_sys_prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
    ckpt_sys_prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)saved.subreaper, 0, 0, 0);
}

void ckpt_prctl_settings_get_thread(struct ckpt_thread_settings *ret)
{
    long slack = ckpt_sys_prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    long policy = ckpt_sys_prctl(PR_MCE_KILL_GET, 0, 0, 0, 0);

    *ret = (struct ckpt_thread_settings){.timer_slack_ns = slack > 0 ? (uint64_t)slack : 0,
                                         .memory_errors =
                                             policy >= 0 ? (uint32_t)policy : MCE_DEFAULT};
    ckpt_sys_prctl(PR_GET_PDEATHSIG, (unsigned long)&ret->parent_signal, 0, 0, 0);
}

void ckpt_prctl_settings_set_thread(const struct ckpt_thread_settings *settings)
{
    if (settings->timer_slack_ns)
        ckpt_sys_prctl(PR_SET_TIMERSLACK, settings->timer_slack_ns, 0, 0, 0);
    if (settings->parent_signal)
        ckpt_sys_prctl(PR_SET_PDEATHSIG, settings->parent_signal, 0, 0, 0);
    if (settings->memory_errors != MCE_DEFAULT)
        ckpt_sys_prctl(PR_MCE_KILL, PR_MCE_KILL_SET, settings->memory_errors, 0, 0);
}
