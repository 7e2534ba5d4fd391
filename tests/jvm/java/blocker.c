// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Refuse's obstacle "blocker": a thread that blocks all signals, as some native
// libraries have them, until it is released. Waits on a condition only. With -DUNSHARE=FLAGS the
// thread leaves what it shares with the others, instead of blocking signals. With -DRAW it makes
// another thread by clone(2) alone, which the C library does not know.

#define _GNU_SOURCE
#include <jni.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

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

#ifdef RAW
static _Alignas(16) char stack[1 << 16];
static int released;

static long raw_call(long number, long first, long second, long third)
{
    register long timeout __asm__("r10") = 0;

    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(first), "S"(second), "d"(third), "r"(timeout)
                     : "rcx", "r11", "memory");
    return number;
}

// On no thread of the C library, so by system calls only.
static int raw_thread(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
        raw_call(SYS_futex, (long)&released, FUTEX_WAIT, 0);
    return (int)raw_call(SYS_exit, 0, 0, 0);
}

static void hold_raw_thread(void)
{
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                CLONE_SETTLS;

    if (clone(raw_thread, stack + sizeof stack, flags, NULL, NULL, NULL, NULL) > 0)
        change(BLOCKED);
    wait_for(RELEASED);
    __atomic_store_n(&released, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &released, FUTEX_WAKE, 1, NULL, NULL, 0);
    change(GONE);
}
#endif

JNIEXPORT void JNICALL Java_Refuse_block(JNIEnv *env, jclass class)
{
    sigset_t all, before;

    (void)env;
    (void)class;
#ifdef RAW
    hold_raw_thread();
    return;
#endif
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
