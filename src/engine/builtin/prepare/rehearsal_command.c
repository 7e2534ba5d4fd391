/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See rehearsal_command.h.  On the requester's thread, before the others are parked: the command
 * goes into a memory file, from which it can be run also where every file system is mounted noexec.
 */
#include "engine/builtin/prepare/rehearsal_command.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "runtime/thread.h"

#define EXECUTABLE 0x10u /* MFD_EXEC, Linux 6.3 */

extern const unsigned char ckpt_command_file[]; /* made by tools/embed-binary */
extern const unsigned char ckpt_command_file_end[];

static void name_command(struct ckpt_rehearsal_words *words,
                         const struct ckpt_rehearsal_subject *subject)
{
    char **next = words->arguments;

    snprintf(words->name, sizeof words->name, "--rehearse=%s", subject->image);
    snprintf(words->directory, sizeof words->directory, "%s%s",
             *subject->directory == '/' ? "" : "./", subject->directory);
    snprintf(words->policies, sizeof words->policies, "--policies=%s", subject->policies);
    snprintf(words->cwd, sizeof words->cwd, "--cwd=%s", subject->cwd);
    *next++ = (char *)"checkpointer";
    *next++ = (char *)"restore";
    *next++ = words->name;
    if (subject->policies[0])
        *next++ = words->policies;
    if (subject->cwd[0])
        *next++ = words->cwd;
    *next++ = words->directory;
    *next = NULL;
}

int ckpt_rehearsal_prepare(struct ckpt_rehearsal_words *ret,
                           const struct ckpt_rehearsal_subject *subject, struct ckpt_error *error)
{
    size_t size = (size_t)(ckpt_command_file_end - ckpt_command_file);
    ckpt_auto_close int fd = memfd_create("checkpointer", MFD_CLOEXEC | EXECUTABLE);
    int failed;

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("checkpointer", MFD_CLOEXEC);
    failed = fd < 0 ? -errno : ckpt_raw_write_all(fd, ckpt_command_file, size);
    if (failed < 0)
        return ckpt_error_set(error, -failed,
                              "the image cannot be rehearsed, so the JVM was not ended: "
                              "memfd_create; allow that here, or do without the rehearsal "
                              "(--no-rehearsal)");
    name_command(ret, subject);
    ret->rehearsal = (struct ckpt_rehearsal){.command_fd = CKPT_STEAL_FD(fd),
                                             .arguments = ret->arguments,
                                             .timeout_s = subject->timeout_s};
    return 0;
}

static void *bury(void *unused)
{
    (void)unused;
    ckpt_rehearse_bury();
    return NULL;
}

void ckpt_rehearsal_leave(void)
{
    static uint32_t with_thread; /* turns take care that there is one checkpoint at a time */
    uint32_t hangs = ckpt_rehearse_hangs();

    if (hangs && hangs != with_thread && ckpt_thread_start("ckpt rehearsal", bury, NULL) == 0)
        with_thread = hangs;
}
