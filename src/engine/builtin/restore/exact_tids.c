/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * restore --tids: checks that each thread can get its old TID, by starting a process with that
 * identifier, which ends at once. /proc does not show this: an identifier without a process may
 * still be that of a process group or session. Runs in the command while it has one thread.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/builtin/restore/restore.h"

#define WAIT_MS 200 /* how long to wait for the identifiers of threads that are ending */

/* Start a process with the TID @tid, which ends at once. Returns 0 or an errno value. */
static int try_tid(uint32_t tid)
{
    struct clone_args arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uint64_t)&tid, .set_tid_size = 1};
    long child = syscall(SYS_clone3, &arguments, CLONE_ARGS_SIZE_VER1);

    if (child == 0)
        _exit(0);
    if (child < 0)
        return errno;
    while (waitpid((pid_t)child, NULL, __WALL) < 0 && errno == EINTR)
        ;
    return 0;
}

static int refuse(uint32_t tid, int number, struct ckpt_error *error)
{
    if (number == EEXIST)
        return ckpt_error_set(error, 0,
                              "the thread identifier %u is in use; restore in a PID namespace of "
                              "its own, or without --tids",
                              tid);
    if (number == EPERM)
        return ckpt_error_set(error, EPERM,
                              "--tids needs CAP_CHECKPOINT_RESTORE in the user namespace that owns "
                              "this PID namespace; grant it, or leave out --tids");
    return ckpt_error_set(error, number,
                          "the thread identifier %u cannot be chosen (clone3 with set_tid, Linux "
                          "5.5; some seccomp filters forbid it); leave out --tids",
                          tid);
}

int ckpt_tids_check(const struct ckpt_image_view *image, struct ckpt_error *error)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + WAIT_MS;

    for (size_t i = 1; i < image->thread_count; i++) {
        int number;

        while ((number = try_tid(image->threads[i].tid)) == EEXIST &&
               ckpt_clock_ms(CLOCK_MONOTONIC) < deadline)
            sched_yield();
        if (number)
            return refuse(image->threads[i].tid, number, error);
    }
    return 0;
}
