// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Pending: signals that the calling thread has blocked.

#define _GNU_SOURCE
#include <jni.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void add_all(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGUSR1);
    sigaddset(set, SIGRTMIN + 8);
    sigaddset(set, SIGRTMIN + 9);
}

static void queue(pthread_t thread, int signal, int value)
{
    union sigval data = {.sival_int = value};

    pthread_sigqueue(thread, signal, data);
}

// Block the signals, and send some to this thread and, if it blocks that too, to the process.
JNIEXPORT void JNICALL Java_Pending_send(JNIEnv *env, jclass class, jboolean to_process)
{
    sigset_t set;

    (void)env;
    (void)class;
    add_all(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    for (int value = 1; value <= 3; value++)
        queue(pthread_self(), SIGRTMIN + 8, value);
    for (int value = 10; value <= 12 && to_process; value++)
        sigqueue(getpid(), SIGRTMIN + 9, (union sigval){.sival_int = value});
}

// Those that are pending: "SIGNAL CODE VALUE", and whether they come from this process.
JNIEXPORT jstring JNICALL Java_Pending_take(JNIEnv *env, jclass class)
{
    const struct timespec now = {0};
    siginfo_t info;
    sigset_t set;
    char text[1024] = "";

    (void)class;
    add_all(&set);
    while (sigtimedwait(&set, &info, &now) > 0)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d %d %d%s; ",
                 info.si_signo - (info.si_signo < SIGRTMIN ? 0 : SIGRTMIN), info.si_code,
                 info.si_code == SI_QUEUE ? info.si_int : 0,
                 info.si_pid == getpid() ? "" : " of another process");
    return (*env)->NewStringUTF(env, text);
}
