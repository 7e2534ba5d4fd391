/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See page.h.  The kernel has given the process its page size when it started; libc only looks it
 * up.  A restored process has that of its image, which is the machine's (machine.c).
 */
#include "base/page.h"

#include <sys/auxv.h>

uint64_t ckpt_page_size;

__attribute__((constructor)) static void set_page_size(void)
{
    ckpt_page_size = getauxval(AT_PAGESZ);
}
