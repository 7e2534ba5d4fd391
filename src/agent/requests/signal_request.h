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

#include "agent/agent.h"

#define CKPT_SIGNAL_NAME_MAX 16

/**
 * The number of a signal by the name that kill(1) takes, with or without SIG, in either case; 0 for
 * "none" (signal_name.c).  -1 for what is no name, and for signals that can never be used.
 */
int ckpt_signal_parse(const char *text, int *ret_number, struct ckpt_error *error);

/** Its name without SIG, into @room, which is returned (signal_name.c). */
const char *ckpt_signal_name(int number, char room[CKPT_SIGNAL_NAME_MAX]);

/** The hint of every message about a signal that cannot be used. */
#define CKPT_SIGNAL_HINT "choose USR1 or one from RTMIN+0 to RTMIN+15"

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
