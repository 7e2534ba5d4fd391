/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The lines of a report as a requester gets them: many obstacles of one kind are one line.
 */
#ifndef CKPT_AGENT_REPORT_LINES_H
#define CKPT_AGENT_REPORT_LINES_H

#include <stdbool.h>

#include "engine/report.h"

/**
 * Call @take with each line, without its newline, until it returns false. If more than a few
 * obstacles are of one kind, the first one's line has the number of the others, and the others have
 * none: "socket 7:descriptor 7 is a UDP socket, and 40 more (descriptors 8, 9, ...); close it ...".
 * @param single  each obstacle is a line of its own
 */
void ckpt_report_each_line(const struct ckpt_report *report, bool single,
                           bool (*take)(void *context, const char *line), void *context);

#endif
