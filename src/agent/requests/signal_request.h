/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent option signal=NAME: a signal asks for a checkpoint into the directory of image=.
 *
 * It is carried out by one thread, which exists only where the option is given.  Signals that come
 * while one is carried out are that same request; one that comes in the restored process is a new
 * one.
 */
#ifndef CKPT_AGENT_REQUESTS_SIGNAL_REQUEST_H
#define CKPT_AGENT_REQUESTS_SIGNAL_REQUEST_H

#include "agent/options.h"

/** Whether @options can be done: there is a directory, and nobody else has the signal. 0 or -1. */
int ckpt_signal_check(const struct ckpt_options *options, struct ckpt_error *error);

/**
 * Handle signal @number from now on, and give back the one before; 0: none.  What comes before
 * ckpt_signal_start() waits.
 */
void ckpt_signal_take(int number);

/** Carry out what is asked for, if a signal is handled.  Needs a JVM that can run Java. 0 or -1. */
int ckpt_signal_start(struct ckpt_error *error);

#endif
