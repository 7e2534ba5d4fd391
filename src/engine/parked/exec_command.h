/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The last steps of a process that the JVM has made by clone() with CLONE_VM, to become the
 * command.
 */
#ifndef CKPT_ENGINE_PARKED_EXEC_COMMAND_H
#define CKPT_ENGINE_PARKED_EXEC_COMMAND_H

#include <stddef.h>

/** Why the command was not executed. */
struct ckpt_exec_failure {
    long failed; /**< a negative errno value; 0: none */
    const char *at;
};

/** Make the kernel kill this process when its parent ends; end now if it has ended already. */
void ckpt_exec_end_with_parent(long parent);

/**
 * Execute the command. Returns only on failure.
 * @param fds          become descriptors 0, 1 and so on; all must be above @count. The last is the
 *                     command's own file, and is closed by the exec
 * @param environment  words KEY=VALUE, NULL after the last
 */
void ckpt_exec_command(const int *fds, int count, char *const *arguments, char *const *environment,
                       struct ckpt_exec_failure *ret);

#endif
