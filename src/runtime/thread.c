/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See thread.h. Sets the stack size, instead of using the process's limit, because Java hooks run
 * on these threads.
 */
#include "runtime/thread.h"

#include <pthread.h>
#include <stddef.h>

#define STACK_SIZE ((size_t)1 << 20)

int ckpt_thread_start(const char *name, void *(*function)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int failed;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    failed = pthread_create(&thread, &attributes, function, argument);
    pthread_attr_destroy(&attributes);
    if (!failed)
        pthread_setname_np(thread, name);
    return failed;
}
