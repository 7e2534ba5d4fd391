/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A terminal that other processes of the JVM's tree have open, of which the other side (the master)
 * is outside. The JVM gives its own up for the dump.
 *
 * criu gives these processes its own terminal at the restore, if that is the terminal of the
 * session, and none of the tree led the session of theirs.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_SHARED_TERMINAL_H
#define CKPT_ENGINE_CRIU_DRIVE_SHARED_TERMINAL_H

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

#include "base/error.h"

/** A process of the tree of @pid that has one, besides the standard streams of @pid; 0: none. */
pid_t ckpt_shared_terminal_find(pid_t pid);

/** Before a checkpoint: whether a restore could give it to them. */
int ckpt_shared_terminal_check(pid_t pid, struct ckpt_error *error);

/** This process's terminal, and how it was before the restore. */
struct ckpt_shared_terminal {
    int fd; /**< -1: none is needed */
    bool has_settings, has_size;
    struct termios settings;
    struct winsize size;
    pid_t foreground; /**< the process group that may read from it */
};

/** Open it, if @needed. @new_session: the JVM will be restored in one, which has none. */
int ckpt_shared_terminal_open(bool needed, bool new_session, struct ckpt_shared_terminal *ret,
                              struct ckpt_error *error);

/** criu gives it the settings and size of the old terminal: undo that. */
void ckpt_shared_terminal_reset(const struct ckpt_shared_terminal *terminal);

void ckpt_shared_terminal_close(struct ckpt_shared_terminal *terminal);

#endif
