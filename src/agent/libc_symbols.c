/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Definitions of libc symbols that libevent and jansson refer to. The linker prefers these to
 * libc's, and agent.map hides them from the application. No code path uses them, and the agent's
 * own files must not either.
 *
 * - Debian's archives are compiled for programs. In a shared object they can refer to functions
 *   of libc, but not to its variables.
 * - glibc has arc4random() since 2.36; the agent requires only 2.34.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "base/syscall.h"

uint32_t arc4random(void);
void arc4random_buf(void *ret, size_t size);

FILE *stderr; /* never used: libevent passes its messages to endpoint.c instead */
FILE *stdin;  /* jansson compares its input files with this one; the agent gives it none */

void arc4random_buf(void *ret, size_t size)
{
    for (size_t done = 0; done < size;) {
        long got = ckpt_sys_getrandom((char *)ret + done, size - done);

        if (got > 0)
            done += (size_t)got;
        else if (got != -EINTR)
            return;
    }
}

uint32_t arc4random(void)
{
    uint32_t random = 0;

    arc4random_buf(&random, sizeof random);
    return random;
}
