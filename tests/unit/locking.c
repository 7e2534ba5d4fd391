// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A library that takes locks, for tidlock_search.c: what looks like a lock in a process without
// such a library is none.

#include <pthread.h>

/** Make a recursive mutex at @mutex that the caller holds. */
__attribute__((visibility("default"))) void take_recursive(pthread_mutex_t *mutex);

void take_recursive(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutex_lock(mutex);
}

/** Release it. */
__attribute__((visibility("default"))) void release(pthread_mutex_t *mutex);

void release(pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
}
