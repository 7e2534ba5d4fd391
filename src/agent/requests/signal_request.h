/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent option signal=NAME: a signal requests a checkpoint into the directory of image=.
 *
 * A thread carries it out, which exists only if the option is given. Signals that arrive during a
 * request belong to that request. A signal to the restored process is a new request.
 */
#ifndef CKPT_AGENT_REQUESTS_SIGNAL_REQUEST_H
#define CKPT_AGENT_REQUESTS_SIGNAL_REQUEST_H

#include "agent/options.h"

/** Check that there is an image directory and that the signal has no other handler. 0 or -1. */
int ckpt_signal_request_check(const struct ckpt_options *options, struct ckpt_error *error);

/**
 * Handle signal @number (0: none), and restore the action of the previous signal. Signals before
 * ckpt_signal_request_start() stay pending.
 */
void ckpt_signal_request_handle(int number);

/** The signal that requests checkpoints now; 0: none, or something else handles it meanwhile. */
int ckpt_signal_request_number(void);

/** Start the thread, if a signal is handled. The JVM must be able to run Java code. 0 or -1. */
int ckpt_signal_request_start(struct ckpt_error *error);

#endif
