/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See new_environment.h. Runs while all threads are parked: raw system calls only.  The strings
 * are in memory that `restore` mapped. They stay mapped if they differ from those of the previous
 * restore, because the application may keep pointers to them.
 */
#include "agent/parked/new_environment.h"

#include <linux/prctl.h>
#include <stddef.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "image/mailbox.h"
#include "runtime/generation.h"

struct ckpt_environment ckpt_environment;

uint32_t ckpt_environment_sum(char *const *words)
{
    uint32_t sum = 1;

    for (; words && *words; words++)
        sum = ckpt_raw_crc32c(sum, *words, ckpt_raw_length(*words) + 1);
    return sum;
}

static bool same_words(char *const *left, char *const *right)
{
    while (*left && *right && ckpt_raw_equal(*left, *right))
        left++, right++;
    return !*left && !*right;
}

/* If the environment equals that of an earlier restore, use the earlier strings, also in /proc. */
static bool reuse_kept(const struct ckpt_parameters *given)
{
    struct prctl_mm_map *map = (struct prctl_mm_map *)given->mm_map;

    if (!ckpt_environment.kept ||
        !same_words(ckpt_environment.kept, (char *const *)given->environment))
        return false;
    if (!map) /* an engine that leaves what /proc shows as it is */
        return true;
    map->env_start = ckpt_environment.kept_start;
    map->env_end = ckpt_environment.kept_end;
    map->auxv = NULL;
    map->auxv_size = 0;
    map->exe_fd = UINT32_MAX;
    return ckpt_sys_prctl(PR_SET_MM, PR_SET_MM_MAP, (unsigned long)map, given->mm_map_size, 0) == 0;
}

void ckpt_environment_adopt(void)
{
    const struct ckpt_parameters *given = ckpt_restore_parameters();
    char **now = *ckpt_environment.variable;

    ckpt_environment.copy_is_other = ckpt_environment_sum(now) != ckpt_environment.copied_sum;
    ckpt_environment.frozen = now;
    ckpt_environment.is_kept = reuse_kept(given);
    if (!ckpt_environment.is_kept) {
        ckpt_environment.kept = (char **)given->environment;
        ckpt_environment.kept_start = given->env_start;
        ckpt_environment.kept_end = given->env_end;
    }
    *ckpt_environment.variable = ckpt_environment.kept;
    ckpt_environment.copied_sum = ckpt_environment_sum(ckpt_environment.kept);
}
