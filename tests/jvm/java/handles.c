// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Descriptors of signals and processes, for Shown, and an epoll of epolls that watches them.
//
//     own      signalfd, pidfd of the process and of its first thread, timerfd
//     child    a pidfd of a child that runs
//     other    a pidfd of the parent
//     thread   a pidfd of a thread that is not the first one
//     perf     perf events with their memory

#define _GNU_SOURCE
#include "shown.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNAL (SIGRTMIN + 5)
#define THREAD O_EXCL // PIDFD_THREAD
#define EVENTS 50

static int signals, many, process, first, child, timer, inner, outer;

static void watch(int epoll, int fd, uint32_t data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = data};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        printf("failed: epoll_ctl: %s\n", strerror(errno));
}

/* A child that stays for so many seconds, or has ended and was waited for. */
static void make_child(unsigned seconds)
{
    pid_t pid = fork();

    if (pid == 0) {
        alarm(seconds); /* 0: none */
        while (seconds)
            pause();
        _exit(0);
    }
    child = (int)syscall(SYS_pidfd_open, pid, O_NONBLOCK);
    if (seconds == 0)
        waitpid(pid, NULL, 0);
}

static void show_child(void)
{
    struct pollfd ends = {.fd = child, .events = POLLIN};
    siginfo_t info;

    say("child: %s\n",
        syscall(SYS_pidfd_send_signal, child, 0, NULL, 0) < 0 ? strerror(errno) : "runs");
    say("child ends: %d\n", poll(&ends, 1, 0));
    say("child waits: %s\n", waitid(P_PIDFD, (id_t)child, &info, WEXITED | WNOHANG) < 0
                                 ? strerror(errno)
                                 : "can be waited for");
}

static void make_own(void)
{
    struct itimerspec soon = {.it_value.tv_nsec = 1};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, 64);
    many = signalfd(-1, &set, 0);
    process = (int)syscall(SYS_pidfd_open, getpid(), 0);
    first = (int)syscall(SYS_pidfd_open, getpid(), THREAD);
    make_child(0);
    timer = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(timer, 0, &soon, NULL);
    inner = epoll_create1(0);
    outer = epoll_create1(0);
    watch(inner, signals, 1);
    watch(inner, process, 2);
    watch(inner, timer, 3);
    watch(outer, inner, 4);
}

static void make_perf(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_SW_CPU_CLOCK,
                                   .exclude_kernel = 1,
                                   .sample_period = 1000000};

    for (int i = 0; i < EVENTS; i++) {
        int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

        if (fd < 0 || mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
            printf("failed: perf_event_open: %s\n", strerror(errno));
    }
    fflush(stdout);
}

static void make(const char *kind)
{
    if (strcmp(kind, "own") == 0)
        make_own();
    else if (strcmp(kind, "child") == 0)
        make_child(600);
    else if (strcmp(kind, "other") == 0)
        process = (int)syscall(SYS_pidfd_open, getppid(), 0);
    else if (strcmp(kind, "thread") == 0)
        process = (int)syscall(SYS_pidfd_open, gettid(), THREAD);
    else
        make_perf();
}

static void show_fd(const char *name, int fd)
{
    say("%s: flags %x %x\n", name, (unsigned)fcntl(fd, F_GETFL), (unsigned)fcntl(fd, F_GETFD));
}

static void show_signal(void)
{
    struct signalfd_siginfo info = {0};
    struct epoll_event event = {0};
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    tgkill(getpid(), gettid(), SIGNAL);
    say("outer: %d of", epoll_wait(outer, &event, 1, 0));
    say(" %u\n", event.data.u32);
    if (read(signals, &info, sizeof info) == sizeof info)
        say("signal %u\n", info.ssi_signo);
    say("again: %s\n", read(signals, &info, sizeof info) < 0 ? strerror(errno) : "read");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void show(const char *kind)
{
    struct epoll_event events[8];
    char path[64], line[128];
    FILE *file;

    if (strcmp(kind, "child") == 0)
        show_child();
    if (strcmp(kind, "own") != 0)
        return;
    show_fd("child", child);
    show_child();
    show_fd("signals", signals);
    show_fd("many", many);
    show_fd("process", process);
    show_fd("first", first);
    show_signal();
    for (int i = 0, count = epoll_wait(inner, events, 8, 0); i < count; i++)
        say("inner: %u\n", events[i].data.u32);
    say("process: %ld\n", syscall(SYS_pidfd_send_signal, process, 0, NULL, 0));
    say("first: %ld\n", syscall(SYS_pidfd_send_signal, first, 0, NULL, 0));
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", many);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "sigmask:", 8) == 0)
            say("%s", line);
    if (file)
        fclose(file);
}
