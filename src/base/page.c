/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See page.h.  The kernel passes the page size to a process when it starts; libc only looks it up.
 * In a restored process the variable has the page size of the image, which a restore requires to be
 * the machine's (machine.c).
 */
#include "base/page.h"

#include <sys/auxv.h>

uint64_t ckpt_page_size;

__attribute__((constructor)) static void set_page_size(void)
{
    ckpt_page_size = getauxval(AT_PAGESZ);
}
