/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What the kernel has put into this process for a tracer: breakpoints in the code of libraries
 * (uprobes, as bpftrace and eBPF agents use them), also those of a debugger.
 *
 * They are in private pages, as changes of the application's own are.  But they mean nothing where
 * the tracer is not: the first thread that runs into one ends the process by SIGTRAP.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_BREAKPOINTS_H
#define CKPT_ENGINE_BUILTIN_PARKED_BREAKPOINTS_H

#include "engine/builtin/parked/gather.h"

struct ckpt_park;

/** Whether a mapping of that name is the kernel's own, for uprobes; then it is remembered. */
bool ckpt_traced_is_area(struct ckpt_gather *gather, const char *name, uint64_t start,
                         uint64_t end);

/**
 * Whether the page at @page of a mapped file is that of the file but for breakpoints, which are not
 * the application's own, since it does not handle SIGTRAP.
 */
bool ckpt_traced_is_only_traced(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                                uint64_t page);

/** Refuse, in the report, threads that will return through the kernel's area (uretprobes). */
void ckpt_traced_check(struct ckpt_gather *gather, const struct ckpt_park *park);

#endif
