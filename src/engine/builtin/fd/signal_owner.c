/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked, and in the command: raw system calls only, no libc except
 * memcpy() and the like.
 *
 * See signal_owner.h.  At a restore the owner is the command's process, which becomes the JVM.
 */
#include "engine/builtin/fd/signal_owner.h"

#include <fcntl.h>

#include "base/syscall.h"

#define GET_SIGNAL 11
#define SET_SIGNAL 10
#define GET_OWNER_EX 16
#define OWNER_PROCESS 1

struct owner {
    int type, pid;
};

void ckpt_signal_owner_freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                              struct ckpt_image_fd *entry)
{
    struct owner owner = {0};
    long signal;

    if ((live->open_flags & O_PATH) ||
        ckpt_sys_fcntl(live->number, GET_OWNER_EX, (long)&owner) < 0 || owner.pid == 0)
        return;
    if (owner.type != OWNER_PROCESS || owner.pid != ckpt_sys_getpid()) {
        ckpt_report_refuse(gather->report, "resource",
                           "take that back or close it in a beforeCheckpoint hook",
                           "descriptor %d ('%s') sends its signals (F_SETOWN) to a thread, a group "
                           "or another process, which a restore cannot find",
                           live->number, live->link);
        return;
    }
    signal = ckpt_sys_fcntl(live->number, GET_SIGNAL, 0);
    entry->owner = CKPT_FD_OWNED | (signal > 0 && signal <= 64 ? (uint32_t)signal : 0);
}

int ckpt_signal_owner_thaw(const struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    long failed, flags;

    if (!(entry->owner & CKPT_FD_OWNED))
        return 0;
    /* In a rehearsal some are opened only as paths, which have no owner. */
    flags = ckpt_sys_fcntl(entry->number, F_GETFL, 0);
    if (flags < 0 || (flags & O_PATH))
        return 0;
    failed = ckpt_sys_fcntl(entry->number, F_SETOWN, ckpt_sys_getpid());
    if (failed == 0)
        failed = ckpt_sys_fcntl(entry->number, SET_SIGNAL, entry->owner & 0x7f);
    if (failed == 0 && (entry->open_flags & O_ASYNC))
        failed = ckpt_sys_fcntl(entry->number, F_SETFL, flags | O_ASYNC);
    return failed < 0
               ? ckpt_error_set(error, (int)-failed, "cannot make descriptor %d send signals again",
                                entry->number)
               : 0;
}
