/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Descriptors that are in no image (parked/refused_objects.c).  Some look like files, so that other
 * kinds would take them for one.
 */
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/parked/refused_objects.h"

static const struct ckpt_refused_object *find(const struct ckpt_live_fd *live)
{
    return ckpt_refused_object_find(live->link, (uint32_t)live->file_system);
}

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return find(live) != NULL;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    (void)entry;
    (void)error;
    ckpt_refused_object_report(gather, find(live), live->number);
    return 0;
}

/* What is supported of each of them is in the table of objects. */
const struct ckpt_fd_kind_row ckpt_kind_refused = {
    .name = "refused",
    .support = {.refused = "always"},
    .policy = CKPT_POLICY_DESCRIPTOR,
    .matches = matches,
    .freeze = freeze,
};
