/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See supervise.h.
 *
 * A JVM that led no session is in this process's group: the terminal's signals (^C, ^\, ^Z, the end
 * of the connection) reach both, and are not passed on. All others are for the JVM. When the JVM is
 * stopped by job control, this process stops too, so that a shell notices it; `fg` then continues
 * both. A SIGSTOP is left to its sender, who continues the JVM only.
 *
 * The JVM's process group may be another one, and then has the terminal while it runs. A script's
 * shell, which has no job control, does not take the terminal back itself, so this process does.
 */
#include "engine/criu/drive/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void all_but_faults(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

    sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(set, faults[i]);
}

__attribute__((noreturn)) static void end_like(int status)
{
    struct rlimit none = {0, 0};
    sigset_t set;

    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    setrlimit(RLIMIT_CORE, &none); /* the JVM has written its own */
    signal(WTERMSIG(status), SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, WTERMSIG(status));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(WTERMSIG(status));
    _exit(128 + WTERMSIG(status)); /* the first process of a PID namespace survives */
}

static pid_t given_to; /* the JVM's process group, if it got the terminal from this process */

/* Let process group @to use the terminal instead of group @from. */
static bool hand_terminal(pid_t from, pid_t to)
{
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    bool done = terminal >= 0 && tcgetpgrp(terminal) == from && tcsetpgrp(terminal, to) == 0;

    if (terminal >= 0)
        close(terminal);
    return done;
}

/* Let the JVM's process group use the terminal, if this process may. */
static void give_terminal(pid_t jvm)
{
    pid_t group = getpgid(jvm);

    if (group > 0 && group != getpgrp() && getsid(jvm) == getsid(0) &&
        hand_terminal(getpgrp(), group))
        given_to = group;
}

/* SIGTTOU, which a process in the background gets for this, is blocked here. */
static void take_terminal_back(void)
{
    if (given_to)
        hand_terminal(given_to, getpgrp());
    given_to = 0;
}

/* Stop by the same signal, until a SIGCONT. */
static void stop_too(pid_t jvm, int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    take_terminal_back();
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* here it stops */
    sigprocmask(SIG_BLOCK, &set, NULL);
    give_terminal(jvm);
    kill(jvm, SIGCONT);
}

/* Look at all children; end if the JVM has ended. */
static void reap(pid_t jvm)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (pid != jvm)
            continue;
        if (!WIFSTOPPED(status)) {
            take_terminal_back();
            end_like(status);
        }
        if (WSTOPSIG(status) != SIGSTOP)
            stop_too(jvm, WSTOPSIG(status));
    }
}

static void pass_on(pid_t jvm, const siginfo_t *signal)
{
    bool from_terminal = signal->si_code > 0;

    if (from_terminal && getpgid(jvm) == getpgrp())
        return;
    kill(jvm, signal->si_signo);
}

void ckpt_supervise_hold_signals(sigset_t *ret_old)
{
    sigset_t set;

    all_but_faults(&set);
    sigprocmask(SIG_BLOCK, &set, ret_old);
}

__attribute__((noreturn)) void ckpt_supervise(pid_t jvm)
{
    sigset_t set;

    all_but_faults(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    give_terminal(jvm);
    for (;;) {
        siginfo_t signal;

        reap(jvm);
        if (sigwaitinfo(&set, &signal) < 0 || signal.si_signo == SIGCHLD)
            continue;
        if (signal.si_signo != SIGTTOU && signal.si_signo != SIGTTIN)
            pass_on(jvm, &signal);
    }
}
