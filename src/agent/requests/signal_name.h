/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Signals by the names that the agent option signal=NAME accepts.
 */
#ifndef CKPT_AGENT_REQUESTS_SIGNAL_NAME_H
#define CKPT_AGENT_REQUESTS_SIGNAL_NAME_H

#include "base/error.h"

#define CKPT_SIGNAL_NAME_MAX 16

/** The hint of every message about a signal that cannot be used. */
#define CKPT_SIGNAL_HINT "choose USR1 or one from RTMIN+0 to RTMIN+15"

/**
 * Parse the name of a signal as for kill(1), with or without SIG, in upper or lower case; "none" is
 * 0. 0, or -1 for anything else and for signals that cannot be used.
 */
int ckpt_signal_name_parse(const char *text, int *ret_number, struct ckpt_error *error);

/** Write its name without SIG to @name, which is returned. */
const char *ckpt_signal_name_of(int number, char name[CKPT_SIGNAL_NAME_MAX]);

#endif
