/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads of the agent's own, which the JVM does not know until they attach themselves.
 */
#ifndef CKPT_RUNTIME_THREAD_H
#define CKPT_RUNTIME_THREAD_H

/** Start @function on a thread that nobody waits for; @name has at most 15 bytes. 0 or an errno. */
int ckpt_thread_start(const char *name, void *(*function)(void *), void *argument);

#endif
