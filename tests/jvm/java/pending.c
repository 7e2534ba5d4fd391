// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Pending: signals that the calling thread has blocked.

#define _GNU_SOURCE
#include <jni.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void add_all(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGUSR1);
    sigaddset(set, SIGURG);
    sigaddset(set, SIGRTMIN + 8);
    sigaddset(set, SIGRTMIN + 9);
}

static void queue(pthread_t thread, int signal, int value)
{
    union sigval data = {.sival_int = value};

    pthread_sigqueue(thread, signal, data);
}

// Block the signals, and send some to this thread and, if it blocks that too, to the process.
JNIEXPORT void JNICALL Java_Pending_send(JNIEnv *env, jclass class, jboolean to_process, jint count)
{
    sigset_t set;

    (void)env;
    (void)class;
    add_all(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    for (int value = 1; value <= count; value++)
        queue(pthread_self(), SIGRTMIN + 8, value);
    for (int value = 10; value <= 12 && to_process; value++)
        sigqueue(getpid(), SIGRTMIN + 9, (union sigval){.sival_int = value});
    if (to_process) {
        kill(getpid(), SIGRTMIN + 9);
        kill(getpid(), SIGUSR1);
        kill(getpid(), SIGURG);
    }
}

// ---- a signal that arrives while threads are being stopped

struct late {
    int signal;
    long tid; // of a thread that does not block the signal, unless a checkpoint has stopped it
};

static int is_blocked(const struct late *late)
{
    unsigned long long mask = 0;
    char path[64], line[256];
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%ld/status", late->tid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "SigBlk: %llx", &mask) == 1)
            break;
    if (file)
        fclose(file);
    return (mask >> (late->signal - 1)) & 1;
}

// Blocks all signals until the other thread is stopped, so that this one is the last to stop.
static void *send_late(void *argument)
{
    struct late *late = argument;
    sigset_t set;

    while (is_blocked(late)) // it has just made this thread
        ;
    while (!is_blocked(late))
        ;
    kill(getpid(), late->signal);
    sigemptyset(&set);
    sigaddset(&set, late->signal);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    for (;;)
        pause();
}

JNIEXPORT void JNICALL Java_Pending_sendLate(JNIEnv *env, jclass class, jint signal)
{
    struct late *late = malloc(sizeof *late);
    sigset_t all, before;
    pthread_t thread;

    (void)env;
    (void)class;
    *late = (struct late){.signal = signal, .tid = syscall(SYS_gettid)};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_create(&thread, NULL, send_late, late);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
