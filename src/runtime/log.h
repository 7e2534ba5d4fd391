/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's log, on standard error and never on the JVM's standard output. On any thread, while
 * threads run.
 */
#ifndef CKPT_RUNTIME_LOG_H
#define CKPT_RUNTIME_LOG_H

/** Log one line, "checkpointer: LEVEL: text", in one write(). */
void ckpt_log(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The same for @text of many lines and of any length, in one write(). */
void ckpt_log_lines(const char *level, const char *text);

#endif
