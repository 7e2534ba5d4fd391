/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's log, on standard error and never on the JVM's standard output. These functions may be
 * called on any thread, while threads run.
 */
#ifndef CKPT_RUNTIME_LOG_H
#define CKPT_RUNTIME_LOG_H

/** Log one line, "checkpointer: LEVEL: text", in one write(). */
void ckpt_log(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Log @text, which may have many lines and any length, in one write(). */
void ckpt_log_lines(const char *level, const char *text);

#endif
