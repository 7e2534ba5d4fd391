/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Symbols of libc that libevent and jansson refer to, and that the agent has itself. The linker
 * prefers these to libc's, and agent.map hides them from the application. None is used: the agent's
 * own files must not name them either.
 *
 * - Debian's archives are compiled for programs. In a shared object they can refer to functions
 *   of libc, but not to its variables.
 * - glibc has arc4random() since 2.36, and the agent needs 2.34 only.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

uint32_t arc4random(void);
void arc4random_buf(void *ret, size_t size);

FILE *stderr; /* endpoint.c takes libevent's messages */
FILE *stdin;  /* jansson compares with it the files that it is given, which are none */

void arc4random_buf(void *ret, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = getrandom((char *)ret + done, size - done, 0);

        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            return;
    }
}

uint32_t arc4random(void)
{
    uint32_t random = 0;

    arc4random_buf(&random, sizeof random);
    return random;
}
