/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See rehearsal_command.h.  Runs on the requester's thread, before the others are parked.
 */
#include "engine/builtin/prepare/rehearsal_command.h"

#include <stdint.h>
#include <stdio.h>

#include "engine/prepare/command_file.h"
#include "runtime/thread.h"

static void fill_arguments(struct ckpt_rehearsal_command *command,
                           const struct ckpt_rehearsal_subject *subject)
{
    char **next = command->arguments;

    snprintf(command->name, sizeof command->name, "--rehearse=%s", subject->image);
    snprintf(command->directory, sizeof command->directory, "%s%s",
             *subject->directory == '/' ? "" : "./", subject->directory);
    snprintf(command->policies, sizeof command->policies, "--policies=%s", subject->policies);
    snprintf(command->cwd, sizeof command->cwd, "--cwd=%s", subject->cwd);
    *next++ = (char *)"checkpointer";
    *next++ = (char *)"restore";
    *next++ = command->name;
    if (subject->policies[0])
        *next++ = command->policies;
    if (subject->cwd[0])
        *next++ = command->cwd;
    *next++ = command->directory;
    *next = NULL;
}

int ckpt_rehearsal_prepare(struct ckpt_rehearsal_command *ret,
                           const struct ckpt_rehearsal_subject *subject, struct ckpt_error *error)
{
    int fd = ckpt_command_file_open();

    if (fd < 0)
        return ckpt_error_set(error, -fd,
                              "the image cannot be rehearsed, so the JVM was not ended: "
                              "memfd_create; allow that here, or do without the rehearsal "
                              "(--no-rehearsal)");
    fill_arguments(ret, subject);
    ret->rehearsal = (struct ckpt_rehearsal){
        .command_fd = fd, .arguments = ret->arguments, .timeout_s = subject->timeout_s};
    return 0;
}

static void *reap(void *unused)
{
    (void)unused;
    ckpt_run_rehearsal_reap();
    return NULL;
}

void ckpt_rehearsal_reap_later(void)
{
    static uint32_t with_thread; /* needs no lock: there is only one checkpoint at a time */
    uint32_t hangs = ckpt_run_rehearsal_hanging();

    if (hangs && hangs != with_thread && ckpt_thread_start("ckpt rehearsal", reap, NULL) == 0)
        with_thread = hangs;
}
