/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Breakpoints in the code of libraries: uprobes, which the kernel sets for bpftrace and eBPF
 * agents, and those of a debugger.
 *
 * Like the application's own changes of code, they are in private pages.  But they must not be in
 * the image: in a process without the tracer, the first thread that reaches one ends the process by
 * SIGTRAP.
 */
#ifndef CKPT_ENGINE_BUILTIN_PARKED_BREAKPOINTS_H
#define CKPT_ENGINE_BUILTIN_PARKED_BREAKPOINTS_H

#include "engine/builtin/parked/gather.h"

struct ckpt_park;

/** Code that is mapped from a file, and that is in the image with all its pages. */
struct ckpt_saved_code {
    uint64_t start, end, offset;
    const char *name; /**< of the file, as the kernel shows it */
    bool is_at_name;  /**< the name leads to that file */
};

/** Whether a mapping of that name is the kernel's, for uprobes. If so, it is kept in @gather. */
bool ckpt_breakpoints_is_uprobe_map(struct ckpt_gather *gather, const char *name, uint64_t start,
                                    uint64_t end);

/**
 * Whether the page at @page of a mapped file differs from the file only by breakpoints. False if
 * the application handles SIGTRAP: then breakpoints may be its own.
 */
bool ckpt_breakpoints_are_only_change(struct ckpt_gather *gather, const struct ckpt_image_map *map,
                                      uint64_t page);

/**
 * The same for saved code: bytes of the file take the place of breakpoints in the image.
 * @return 0, or -1 with @error
 */
int ckpt_breakpoints_replace(struct ckpt_gather *gather, const struct ckpt_saved_code *code,
                             struct ckpt_error *error);

/**
 * Refuse, in the report, threads that will return through the kernel's mapping (uretprobes), and
 * saved code that a tracer may have changed, where the file is not there to compare.
 */
void ckpt_breakpoints_check(struct ckpt_gather *gather, const struct ckpt_park *park);

#endif
