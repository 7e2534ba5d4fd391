/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See control_name.h. Raw system calls only, no libc: parked code calls it too.
 */
#include "base/control_name.h"

#include <fcntl.h>

#include "base/raw.h"
#include "base/syscall.h"

#define INITIAL_NAMESPACE 0xeffffffcul /* the kernel's PROC_PID_INIT_INO */

unsigned long ckpt_control_namespace(const char *pid)
{
    char path[64], text[64];
    const char *number = text + 5;
    unsigned long inode;
    long length;

    ckpt_raw_format(path, sizeof path, "/proc/%s/ns/pid", pid);
    length = ckpt_sys_readlinkat(AT_FDCWD, path, text, sizeof text - 1);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    inode = ckpt_raw_starts(text, "pid:[") ? ckpt_raw_number(&number, 10) : 0;
    return inode == INITIAL_NAMESPACE ? 0 : inode;
}

void ckpt_control_name(char path[CKPT_CONTROL_NAME_MAX], const char *tmp, unsigned uid, int pid,
                       unsigned long pid_namespace)
{
    size_t length =
        ckpt_raw_format(path, CKPT_CONTROL_NAME_MAX, "%s/.checkpointer_%u_pid%d", tmp, uid, pid);

    if (pid_namespace)
        ckpt_raw_format(path + length, CKPT_CONTROL_NAME_MAX - length, "_%lu", pid_namespace);
}
