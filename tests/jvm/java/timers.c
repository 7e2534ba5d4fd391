// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Timers of the kernel, for Shown.
//
//     posix      a POSIX timer of every clock, also of threads and of the process, with gaps in
//                their numbers; what they send arrives at the right thread
//     intervals  setitimer
//     fds        a timerfd of every clock

#define _GNU_SOURCE
#include "shown.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define RECEIVED (SIGRTMIN + 3)
#define SENT 0x1234567890abcdefull

static volatile int workers_tid, wrong;
static sem_t ready, asked, arrived;
static pthread_t worker;
static volatile int burn;
static int dead; // the timer of a thread that has ended

static void handle(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    if (info->si_code != SI_TIMER)
        return;
    wrong += (uintptr_t)info->si_value.sival_ptr != SENT || !pthread_equal(pthread_self(), worker);
    sem_post(&arrived);
}

static void tell(const char *what, long result)
{
    if (result < 0)
        printf("failed: %s: %s\n", what, strerror(errno));
    fflush(stdout);
}

static int create(int clock, int how, int signal, int tid)
{
    struct sigevent event = {.sigev_notify = how, .sigev_signo = signal};
    int number = -1;

    event.sigev_value.sival_ptr = (void *)SENT;
    event._sigev_un._tid = tid;
    tell("timer_create", syscall(SYS_timer_create, clock, &event, &number));
    return number;
}

static void set(int number, long seconds, long nanoseconds, long interval_ns)
{
    struct itimerspec to = {.it_value = {seconds, nanoseconds},
                            .it_interval = {interval_ns / 1000000000, interval_ns % 1000000000}};

    tell("timer_settime", syscall(SYS_timer_settime, number, 0, &to, NULL));
}

static int clock_of(int tid)
{
    return (int)(~(unsigned)tid << 3) | 6;
}

// Has a timer for its own clock, and gets the signals of others.
static void *work(void *none)
{
    workers_tid = gettid();
    set(create(CLOCK_THREAD_CPUTIME_ID, SIGEV_THREAD_ID, RECEIVED, workers_tid), 6000, 0, 0);
    sem_post(&ready);
    for (;;) {
        while (sem_wait(&asked) != 0)
            ;
        workers_tid = gettid(); // another one after a restore
        while (burn)
            ;
    }
    return none;
}

static void *ended(void *none)
{
    dead = create(CLOCK_THREAD_CPUTIME_ID, SIGEV_THREAD_ID, RECEIVED, gettid());
    set(dead, 7000, 0, 0);
    return none;
}

static void make_posix(void)
{
    static const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI};
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    pthread_t thread;
    int gap = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);

    sigaction(RECEIVED, &action, NULL);
    signal(SIGALRM, SIG_IGN);
    sem_init(&ready, 0, 0);
    sem_init(&asked, 0, 0);
    sem_init(&arrived, 0, 0);
    for (int i = 0; i < 4; i++) {
        set(create(clocks[i], SIGEV_SIGNAL, SIGALRM, 0), 5000 + i, 0, 1000000000l * i);
        create(clocks[i], SIGEV_NONE, 0, 0);
    }
    for (int i = 0; i < 100; i++)
        syscall(SYS_timer_delete, create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0));
    syscall(SYS_timer_delete, gap);
    pthread_create(&thread, NULL, ended, NULL);
    pthread_join(thread, NULL);
    pthread_create(&worker, NULL, work, NULL);
    sem_wait(&ready);
    set(create(clock_of(workers_tid), SIGEV_THREAD_ID, RECEIVED, workers_tid), 8000, 0, 0);
    set(create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGALRM, 0), 9000, 0, 0);
    // Every 20 ms of the wall clock, and of the worker's own CPU time.
    set(create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, RECEIVED, workers_tid), 0, 20000000, 20000000);
    set(create(clock_of(workers_tid), SIGEV_THREAD_ID, RECEIVED, workers_tid), 0, 20000000,
        20000000);
}

static void wait_for(int more)
{
    while (sem_trywait(&arrived) == 0)
        ;
    for (int i = 0; i < more;)
        i += sem_wait(&arrived) == 0;
}

static int is_workers(const char *notify)
{
    return strstr(notify, "tid.") && atoi(strchr(notify, '.') + 1) == workers_tid;
}

// That a timer was made for the clock of its maker cannot be told from one by number.
static const char *clock_name(int clock, const char *notify)
{
    if (clock >= 0)
        return "of the system";
    if (clock == -6)
        return "process";
    return clock == clock_of(workers_tid) || (clock == -2 && is_workers(notify)) ? "worker's" : "?";
}

// What the kernel lists, with names for numbers that change.
static void show_list(void)
{
    FILE *file = fopen("/proc/self/timers", "r");
    char line[128], notify[64] = "", text[64] = "";
    int number = 0, clock, count = 0;
    char list[64][160];

    while (fgets(line, sizeof line, file)) {
        struct itimerspec left = {0};

        sscanf(line, "ID: %d", &number);
        sscanf(line, "signal: %63s", text);
        sscanf(line, "notify: %63s", notify);
        if (sscanf(line, "ClockID: %d", &clock) != 1)
            continue;
        syscall(SYS_timer_gettime, number, &left);
        snprintf(list[count++], sizeof list[0],
                 "%03d %s %.6s%s, clock %s, left %ld interval %ld.%09ld", number, text,
                 number == dead ? "-" : notify, is_workers(notify) ? " worker" : "",
                 number == dead ? "dead" : clock_name(clock, notify),
                 (long)(left.it_value.tv_sec + 50) / 100, (long)left.it_interval.tv_sec,
                 left.it_interval.tv_nsec);
    }
    fclose(file);
    qsort(list, (size_t)count, sizeof list[0], (int (*)(const void *, const void *))strcmp);
    for (int i = 0; i < count; i++)
        say("%s\n", list[i]);
}

static void show_posix(void)
{
    wait_for(5);
    burn = 1;
    sem_post(&asked);
    wait_for(50);
    burn = 0;
    say("wrong %d\n", wrong);
    show_list();
}

static void make_intervals(void)
{
    struct itimerval real = {{0, 0}, {5000, 0}}, virtual = {{70, 500000}, {6000, 0}};
    struct itimerval prof = {{0, 10000}, {0, 10000}};
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};

    signal(SIGALRM, SIG_IGN);
    signal(SIGVTALRM, SIG_IGN);
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_REAL, &real, NULL);
    setitimer(ITIMER_VIRTUAL, &virtual, NULL);
    setitimer(ITIMER_PROF, &prof, NULL);
}

static volatile int profiled;

static void profile(int signal)
{
    (void)signal;
    profiled++;
}

static void show_intervals(void)
{
    int before = profiled;

    signal(SIGPROF, profile);
    while (profiled < before + 5)
        ;
    for (int i = 0; i < 2; i++) {
        struct itimerval left = {0};

        getitimer(i, &left);
        say("%d: left %ld interval %ld.%06ld\n", i, (long)(left.it_value.tv_sec + 50) / 100,
            (long)left.it_interval.tv_sec, (long)left.it_interval.tv_usec);
    }
}

static const int fd_clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
                                CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM};
#define FD_CLOCKS 5
static int fds[FD_CLOCKS][8];

// Relative, absolute, periodic, absolute and periodic, with cancellation, expired and not read,
// periodic with unread expirations, at rest.
static void make_fds(void)
{
    for (int i = 0; i < FD_CLOCKS; i++)
        for (int k = 0; k < 8; k++) {
            struct itimerspec to = {.it_value.tv_sec = 5000};
            int flags = k == 1 || k == 3 ? TFD_TIMER_ABSTIME : 0;
            struct timespec now = {0};

            fds[i][k] = timerfd_create(fd_clocks[i], k == 7 ? TFD_NONBLOCK : 0);
            if (fds[i][k] < 0)
                continue;
            clock_gettime(fd_clocks[i] == CLOCK_REALTIME_ALARM   ? CLOCK_REALTIME
                          : fd_clocks[i] == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME
                                                                 : fd_clocks[i],
                          &now);
            if (k == 2 || k == 3)
                to.it_interval.tv_sec = 7000;
            if (k == 4 && i == 0)
                flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
            if (flags)
                to.it_value.tv_sec += now.tv_sec;
            if (k == 5 || k == 6)
                to = (struct itimerspec){.it_value.tv_nsec = 1};
            if (k == 6)
                to.it_interval.tv_sec = 8000;
            if (k != 7)
                tell("timerfd_settime", timerfd_settime(fds[i][k], flags, &to, NULL));
        }
    for (int i = 0; i < FD_CLOCKS; i++)
        for (int k = 5; k < 7 && fds[i][k] >= 0; k++)
            poll(&(struct pollfd){.fd = fds[i][k], .events = POLLIN}, 1, -1);
}

static void show_fds(void)
{
    char path[64], line[128];

    for (int i = 0; i < FD_CLOCKS; i++)
        for (int k = 0; k < 8; k++) {
            struct itimerspec left = {0};
            int ticks = -1, clock = -1, flags = 0;
            FILE *file;

            if (fds[i][k] < 0)
                continue;
            snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fds[i][k]);
            file = fopen(path, "r");
            while (file && fgets(line, sizeof line, file)) {
                sscanf(line, "ticks: %d", &ticks);
                sscanf(line, "clockid: %d", &clock);
                sscanf(line, "settime flags: %o", &flags);
            }
            if (file)
                fclose(file);
            timerfd_gettime(fds[i][k], &left);
            // A time that is not one of the wall clock becomes a relative one.
            say("clock %d, %d: ticks %d cancel %d left %ld interval %ld\n", clock, k, ticks,
                (flags & TFD_TIMER_CANCEL_ON_SET) != 0, (long)(left.it_value.tv_sec + 50) / 100,
                (long)left.it_interval.tv_sec);
        }
}

static void make(const char *kind)
{
    if (strcmp(kind, "posix") == 0)
        make_posix();
    else if (strcmp(kind, "intervals") == 0)
        make_intervals();
    else
        make_fds();
}

static void show(const char *kind)
{
    if (strcmp(kind, "posix") == 0)
        show_posix();
    else if (strcmp(kind, "intervals") == 0)
        show_intervals();
    else
        show_fds();
}
