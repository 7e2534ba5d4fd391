/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Signals by their names, as the agent option signal=NAME takes them.
 */
#ifndef CKPT_AGENT_REQUESTS_SIGNAL_NAME_H
#define CKPT_AGENT_REQUESTS_SIGNAL_NAME_H

#include "base/error.h"

#define CKPT_SIGNAL_NAME_MAX 16

/** The hint of every message about a signal that cannot be used. */
#define CKPT_SIGNAL_HINT "choose USR1 or one from RTMIN+0 to RTMIN+15"

/**
 * The number of a signal by the name that kill(1) takes, with or without SIG, in either case; 0 for
 * "none".  -1 for what is no name, and for signals that can never be used.
 */
int ckpt_signal_parse(const char *text, int *ret_number, struct ckpt_error *error);

/** Its name without SIG, into @room, which is returned. */
const char *ckpt_signal_name(int number, char room[CKPT_SIGNAL_NAME_MAX]);

#endif
