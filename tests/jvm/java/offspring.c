// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Offspring: children made by fork(2).

#include <jni.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

// A child that ends with this status from wait(2); negative: it runs until it gets a signal.
JNIEXPORT jint JNICALL Java_Offspring_fork(JNIEnv *env, jclass class, jint status)
{
    pid_t pid = fork();

    (void)env;
    (void)class;
    if (pid != 0)
        return pid;
    while (status < 0)
        pause();
    signal(WTERMSIG(status), SIG_DFL);
    if (WIFSIGNALED(status))
        kill(getpid(), WTERMSIG(status));
    _exit(WEXITSTATUS(status));
}

// Until the child @pid has ended, without asking for its status.
JNIEXPORT void JNICALL Java_Offspring_hasEnded(JNIEnv *env, jclass class, jint pid)
{
    siginfo_t info;

    (void)env;
    (void)class;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

// The status of the child @pid (or of any, for -1), or -1.
JNIEXPORT jint JNICALL Java_Offspring_await(JNIEnv *env, jclass class, jint pid)
{
    int status = 0;

    (void)env;
    (void)class;
    return waitpid(pid, &status, 0) < 0 ? -1 : status;
}

// What siginfo has for the child @pid: "CODE STATUS PID-IS-RIGHT".
JNIEXPORT jstring JNICALL Java_Offspring_inform(JNIEnv *env, jclass class, jint pid)
{
    siginfo_t info = {.si_pid = 0};
    char text[64];

    (void)class;
    waitid(P_PID, (id_t)pid, &info, WEXITED);
    snprintf(text, sizeof text, "%d %d %d", info.si_code, info.si_status, info.si_pid == pid);
    return (*env)->NewStringUTF(env, text);
}
