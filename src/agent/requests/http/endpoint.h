/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The HTTP endpoint: how tools that know nothing of checkpointer ask a JVM to get ready for a
 * checkpoint, to take up work again, or to write an image. docs/openapi.yaml describes it.
 *
 * It is opened before the application starts, so that a busy port is known in time, and served by
 * one thread from when the JVM can run Java code.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_H
#define CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_H

#include "base/error.h"

/** Listen where the option's text says, if anywhere. 0, or -1 with what is wrong and a hint. */
int ckpt_http_open(const char *addr, struct ckpt_error *error);

/** Start the thread, if anything was opened. On failure it is closed. */
int ckpt_http_start(struct ckpt_error *error);

/** Open and start in a JVM that has run without; -1 if there is an endpoint elsewhere already. */
int ckpt_http_change(const char *addr, struct ckpt_error *error);

/** The process was restored by another program: the endpoint closes, unless shutdown=false. */
void ckpt_http_restored(void);

/** Close what was opened and not yet started. */
void ckpt_http_close(void);

#endif
