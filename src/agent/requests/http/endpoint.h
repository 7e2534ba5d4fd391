/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The HTTP endpoint: tools that are independent of checkpointer request a JVM to prepare for a
 * checkpoint, to resume after a restore, or to write an image. docs/openapi.yaml describes it.
 *
 * It listens before the application starts, so that a busy port is reported early. Its thread
 * starts when the JVM can run Java code.
 */
#ifndef CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_H
#define CKPT_AGENT_REQUESTS_HTTP_ENDPOINT_H

#include "base/error.h"

/** Listen at the address in the option's text, which may be "none". 0 or -1. */
int ckpt_endpoint_open(const char *addr, struct ckpt_error *error);

/** Start the thread, if the endpoint is open. On failure it is closed. */
int ckpt_endpoint_start(struct ckpt_error *error);

/** Open and start it in a running JVM; -1 if there already is an endpoint at another address. */
int ckpt_endpoint_change(const char *addr, struct ckpt_error *error);

/** The size of an address's text, with its end. */
#define CKPT_ENDPOINT_TEXT_MAX 160

/**
 * Move it in a running JVM, open it, or close it ("none"). On failure it stays where it is, except
 * if that address has been taken meanwhile; then it is closed, as the error says.
 */
int ckpt_endpoint_move(const char *addr, struct ckpt_error *error);

/** The address at which it listens, in the form of the option, or "none". */
void ckpt_endpoint_describe(char text[CKPT_ENDPOINT_TEXT_MAX]);

/** The process was restored by another program: the endpoint closes, unless shutdown=false. */
void ckpt_endpoint_restored(void);

/** Close an endpoint whose thread was not started. */
void ckpt_endpoint_close(void);

#endif
