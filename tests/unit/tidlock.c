// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Whether this C library's locks have the layout of tidlock_layout.h: each kind while it is held
// and after its release; and objects with one wrong field, which are no locks.

#include "engine/builtin/parked/tidlock_layout.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

#include "tap.h"

static uint32_t tid;

static enum ckpt_tidlock_kind mutex_kind(const pthread_mutex_t *mutex)
{
    return ckpt_tidlock_mutex((const uint32_t *)mutex, tid);
}

static void make(pthread_mutex_t *mutex, int type, int robust, int protocol)
{
    pthread_mutexattr_t attributes;

    memset(mutex, 0, sizeof *mutex);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setrobust(&attributes, robust);
    pthread_mutexattr_setprotocol(&attributes, protocol);
    pthread_mutex_init(mutex, &attributes);
}

static void test_mutexes(void)
{
    static const struct {
        int type, robust, protocol;
        enum ckpt_tidlock_kind kind;
        const char *name;
    } known[] = {
        {PTHREAD_MUTEX_NORMAL, 0, 0, CKPT_TIDLOCK_NONE, "normal"},
        {PTHREAD_MUTEX_ADAPTIVE_NP, 0, 0, CKPT_TIDLOCK_NONE, "adaptive"},
        {PTHREAD_MUTEX_RECURSIVE, 0, 0, CKPT_TIDLOCK_MUTEX, "recursive"},
        {PTHREAD_MUTEX_ERRORCHECK, 0, 0, CKPT_TIDLOCK_MUTEX, "error-checking"},
        {PTHREAD_MUTEX_NORMAL, 1, 0, CKPT_TIDLOCK_FUTEX, "robust"},
        {PTHREAD_MUTEX_RECURSIVE, 1, 0, CKPT_TIDLOCK_FUTEX, "robust recursive"},
        {PTHREAD_MUTEX_ERRORCHECK, 1, 0, CKPT_TIDLOCK_FUTEX, "robust error-checking"},
        {PTHREAD_MUTEX_NORMAL, 0, PTHREAD_PRIO_INHERIT, CKPT_TIDLOCK_FUTEX, "PI"},
        {PTHREAD_MUTEX_RECURSIVE, 0, PTHREAD_PRIO_INHERIT, CKPT_TIDLOCK_FUTEX, "PI recursive"},
        {PTHREAD_MUTEX_NORMAL, 1, PTHREAD_PRIO_INHERIT, CKPT_TIDLOCK_FUTEX, "robust PI"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        pthread_mutex_t mutex;
        char name[80];

        make(&mutex, known[i].type, known[i].robust, known[i].protocol);
        pthread_mutex_lock(&mutex);
        snprintf(name, sizeof name, "a %s mutex that is held is recognized by its kind",
                 known[i].name);
        TAP_INT(mutex_kind(&mutex), known[i].kind, name);
        if (known[i].type == PTHREAD_MUTEX_RECURSIVE) {
            pthread_mutex_lock(&mutex);
            snprintf(name, sizeof name, "a %s mutex that is held twice is recognized by its kind",
                     known[i].name);
            TAP_INT(mutex_kind(&mutex), known[i].kind, name);
            pthread_mutex_unlock(&mutex);
        }
        pthread_mutex_unlock(&mutex);
        snprintf(name, sizeof name, "a %s mutex that is free is not recognized as held",
                 known[i].name);
        TAP_INT(mutex_kind(&mutex), CKPT_TIDLOCK_NONE, name);
    }
}

static void test_c11(void)
{
    union {
        mtx_t mutex;
        pthread_mutex_t same;
    } c11;

    memset(&c11, 0, sizeof c11);
    mtx_init(&c11.mutex, mtx_recursive);
    mtx_lock(&c11.mutex);
    TAP_INT(mutex_kind(&c11.same), CKPT_TIDLOCK_MUTEX,
            "a recursive mutex of C11 that is held is recognized");
    mtx_unlock(&c11.mutex);
}

static void test_rwlocks(void)
{
    static const int kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP,
                                PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        pthread_rwlockattr_t attributes;
        pthread_rwlock_t lock;
        char name[80];

        pthread_rwlockattr_init(&attributes);
        pthread_rwlockattr_setkind_np(&attributes, kinds[i]);
        pthread_rwlock_init(&lock, &attributes);
        pthread_rwlock_wrlock(&lock);
        snprintf(name, sizeof name, "a read-write lock held for writing is recognized, kind %zu",
                 i);
        TAP_INT(ckpt_tidlock_rwlock((const uint32_t *)&lock, tid), CKPT_TIDLOCK_RWLOCK, name);
        pthread_rwlock_unlock(&lock);
        snprintf(name, sizeof name, "a read-write lock that is free is not recognized, kind %zu",
                 i);
        TAP_INT(ckpt_tidlock_rwlock((const uint32_t *)&lock, tid), CKPT_TIDLOCK_NONE, name);
        pthread_rwlock_rdlock(&lock);
        snprintf(name, sizeof name,
                 "a read-write lock held for reading is not recognized, kind %zu", i);
        TAP_INT(ckpt_tidlock_rwlock((const uint32_t *)&lock, tid), CKPT_TIDLOCK_NONE, name);
        pthread_rwlock_unlock(&lock);
    }
}

// Every field of a held lock counts.
static void test_flaws(void)
{
    pthread_mutex_t mutex;
    uint32_t words[CKPT_RWLOCK_WORDS] = {3, 0, 1, 1, 0, 0, tid, 0, 0, 0, 0, 0, 0, 0};
    int matches = 0;

    make(&mutex, PTHREAD_MUTEX_RECURSIVE, 0, 0);
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < CKPT_MUTEX_WORDS; i++) {
        uint32_t copy[CKPT_MUTEX_WORDS];

        memcpy(copy, &mutex, sizeof copy);
        copy[i] ^= 0x00770000;
        matches += ckpt_tidlock_mutex(copy, tid) != CKPT_TIDLOCK_NONE;
    }
    TAP_INT(matches, 0, "a mutex with one wrong field is not recognized");
    TAP_INT(ckpt_tidlock_mutex((const uint32_t *)&mutex, tid + 1), CKPT_TIDLOCK_NONE,
            "a mutex of another thread is not recognized as this thread's");
    pthread_mutex_unlock(&mutex);

    TAP_INT(ckpt_tidlock_rwlock(words, tid), CKPT_TIDLOCK_RWLOCK,
            "a read-write lock with the right fields is recognized");
    matches = 0;
    for (int i = 0; i < CKPT_RWLOCK_WORDS - 1; i++) {
        words[i] ^= i == CKPT_RWLOCK_READERS ? 3 : 0x00770000;
        matches += ckpt_tidlock_rwlock(words, tid) != CKPT_TIDLOCK_NONE;
        words[i] ^= i == CKPT_RWLOCK_READERS ? 3 : 0x00770000;
    }
    TAP_INT(matches, 0, "a read-write lock with one wrong field is not recognized");
}

int main(void)
{
    tid = (uint32_t)gettid();
    test_mutexes();
    test_c11();
    test_rwlocks();
    test_flaws();
    return tap_done();
}
