/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See command_file.h.  Runs on the requester's thread, before the others are parked.
 */
#include "engine/prepare/command_file.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/raw.h"

#define EXECUTABLE 0x10u /* MFD_EXEC, Linux 6.3 */

extern const unsigned char ckpt_command_file[]; /* made by tools/embed-binary */
extern const unsigned char ckpt_command_file_end[];

int ckpt_command_file_open(void)
{
    size_t size = (size_t)(ckpt_command_file_end - ckpt_command_file);
    ckpt_auto_close int fd = memfd_create("checkpointer", MFD_CLOEXEC | EXECUTABLE);
    int failed;

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("checkpointer", MFD_CLOEXEC);
    failed = fd < 0 ? -errno : ckpt_raw_write_all(fd, ckpt_command_file, size);
    return failed < 0 ? failed : CKPT_STEAL_FD(fd);
}
