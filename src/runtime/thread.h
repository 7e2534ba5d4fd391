/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Threads of the agent. The JVM does not know them until they attach themselves.
 */
#ifndef CKPT_RUNTIME_THREAD_H
#define CKPT_RUNTIME_THREAD_H

/** Start @function on a detached thread; @name has at most 15 bytes. Returns 0 or an errno. */
int ckpt_thread_start(const char *name, void *(*function)(void *), void *argument);

#endif
