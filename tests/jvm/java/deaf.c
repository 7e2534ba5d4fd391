// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Deaf: threads that block all signals for a while, or for good.

#define _GNU_SOURCE
#include <jni.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HELD_MS 50 // how long the lock is held
#define PAUSE_MS 10
#define COMPUTED_MS 300 // CPU time with all signals blocked
#define THREADS 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_long turns;

static void pass_ms(long ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000};

    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static long cpu_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void *holder(void *unused)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        pass_ms(HELD_MS);
        pthread_mutex_unlock(&lock);
        pass_ms(PAUSE_MS); // without a pause the others hardly ever get the lock
    }
    return unused;
}

static void *waiter(void *unused)
{
    sigset_t all, before;

    sigfillset(&all);
    for (;;) {
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        turns++;
        pass_ms(1);
    }
    return unused;
}

static void *computer(void *unused)
{
    sigset_t all, before;

    sigfillset(&all);
    for (;;) {
        long end = cpu_ms() + COMPUTED_MS;

        pthread_sigmask(SIG_SETMASK, &all, &before);
        while (cpu_ms() < end)
            ;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        turns++;
        pass_ms(100);
    }
    return unused;
}

static void *nothing(void *unused)
{
    turns++;
    return unused;
}

// Threads with an affinity: glibc has such a thread wait, with all signals blocked, for its maker.
static void *maker(void *unused)
{
    pthread_attr_t attributes;
    cpu_set_t processors;
    pthread_t thread;

    sched_getaffinity(0, sizeof processors, &processors);
    pthread_attr_init(&attributes);
    pthread_attr_setaffinity_np(&attributes, sizeof processors, &processors);
    for (;;)
        if (pthread_create(&thread, &attributes, nothing, NULL) == 0)
            pthread_join(thread, NULL);
    return unused;
}

static atomic_int is_unblocked;

// Whether all signals that can be are still blocked, in each thread that has asked.
static int is_blocked(void)
{
    sigset_t now;

    pthread_sigmask(SIG_SETMASK, NULL, &now);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++)
        if (!sigismember(&now, signal))
            is_unblocked = 1;
    return !is_unblocked;
}

// Threads that never unblock signals, and all stop when one of them has them unblocked after all.
static void *sleeper(void *unused)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (is_blocked()) {
        pass_ms(PAUSE_MS);
        turns++;
    }
    return unused;
}

static void *spinner(void *unused)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (is_blocked()) {
        for (long end = cpu_ms() + PAUSE_MS; cpu_ms() < end;)
            ;
        turns++;
        pass_ms(1);
    }
    return unused;
}

// What a thread for signals does: it gets the signal that stops the others, and ignores it.
static void *receiver(void *unused)
{
    sigset_t all;
    int signal;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (is_blocked() && sigwait(&all, &signal) == 0)
        turns++;
    return unused;
}

static const struct {
    const char *name;
    void *(*run)(void *);
    int count;
} kinds[] = {
    {"lock", holder, 1},        {"lock", waiter, THREADS}, {"computation", computer, 1},
    {"thread", maker, THREADS}, {"always", sleeper, 2},    {"always", spinner, 1},
    {"always", receiver, 1},
};

JNIEXPORT jint JNICALL Java_Deaf_begin(JNIEnv *env, jclass class, jstring kind)
{
    const char *name = (*env)->GetStringUTFChars(env, kind, NULL);
    int started = 0;

    (void)class;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int thread = 0; thread < kinds[i].count && !strcmp(kinds[i].name, name); thread++) {
            pthread_t handle;

            started += pthread_create(&handle, NULL, kinds[i].run, NULL) == 0;
        }
    (*env)->ReleaseStringUTFChars(env, kind, name);
    return started;
}

JNIEXPORT jlong JNICALL Java_Deaf_turns(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    return turns;
}
