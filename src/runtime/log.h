/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's voice: to standard error, never to the JVM's standard output.  On any thread, while
 * threads run.
 */
#ifndef CKPT_RUNTIME_LOG_H
#define CKPT_RUNTIME_LOG_H

/** One line, written as a whole: "checkpointer: LEVEL: text". */
void ckpt_log(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The same for @text of many lines, which is written as a whole however long it is. */
void ckpt_log_lines(const char *level, const char *text);

#endif
