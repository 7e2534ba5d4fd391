// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Refuse's obstacle "blocker": a thread that blocks all signals, as some native
// libraries have them, until it is released. Waits on a condition only. With -DUNSHARE=FLAGS the
// thread leaves what it shares with the others, instead of blocking signals.

#define _GNU_SOURCE
#include <jni.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static enum { NOT_YET, BLOCKED, RELEASED, GONE } state;

static void change(int to)
{
    pthread_mutex_lock(&lock);
    state = to;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for(int wanted)
{
    pthread_mutex_lock(&lock);
    while ((int)state < wanted)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

JNIEXPORT void JNICALL Java_Refuse_block(JNIEnv *env, jclass class)
{
    sigset_t all, before;

    (void)env;
    (void)class;
#ifdef UNSHARE
    if (unshare(UNSHARE) == 0)
        change(BLOCKED);
    wait_for(RELEASED);
    change(GONE);
    return;
#endif
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    change(BLOCKED);
    wait_for(RELEASED);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    change(GONE);
}

JNIEXPORT void JNICALL Java_Refuse_waitBlocked(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    wait_for(BLOCKED);
}

JNIEXPORT void JNICALL Java_Refuse_unblock(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    change(RELEASED);
    wait_for(GONE);
}
