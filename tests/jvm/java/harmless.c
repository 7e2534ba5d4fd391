// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The native half of Harmless: threads and memory of kinds that a request for a checkpoint may
// harm. All threads that it starts run until the JVM ends.

#define _GNU_SOURCE
#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <jni.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define STACK 65536
#define LONG_SECONDS 3600

static char argument[4096];
static volatile long turns; // of the churning threads
static const char *failure = "";

// ---- threads that block all signals ----

static pthread_barrier_t started;

static void *deaf(void *unused)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_setname_np(pthread_self(), "deaf-one");
    pthread_barrier_wait(&started);
    for (;;)
        pause();
    return unused;
}

static void *deaf_and_busy(void *unused)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_setname_np(pthread_self(), "deaf-busy");
    pthread_barrier_wait(&started);
    for (;;)
        turns++;
    return unused;
}

static void start_one(void *(*run)(void *))
{
    pthread_t thread;

    pthread_barrier_init(&started, NULL, 2);
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        failure = "no thread";
    else
        pthread_barrier_wait(&started);
}

// ---- a thread with hardly any stack left, but an alternate one, as in Go ----

static __attribute__((noinline)) void spin_low(const char *lowest)
{
    char here;
    size_t left = (size_t)(&here - lowest);
    volatile char *taken = alloca(left - 1024);

    taken[0] = 1;
    pthread_barrier_wait(&started); // the last call that needs room
    for (;;)
        turns++;
}

static void *low(void *stack)
{
    bool disarms = strcmp(argument, "autodisarm") == 0;
    stack_t alternate = {.ss_sp = malloc(32768),
                         .ss_size = 32768,
                         .ss_flags = disarms ? (int)(1u << 31) /* SS_AUTODISARM */ : 0};

    sigaltstack(&alternate, NULL);
    spin_low(stack);
    return NULL;
}

// A thread that is in its own handler, on its alternate stack.
static void spin(int signal)
{
    (void)signal;
    pthread_barrier_wait(&started);
    for (;;)
        turns++;
}

static void *on_alternate(void *unused)
{
    stack_t alternate = {.ss_sp = malloc(32768), .ss_size = 32768};
    struct sigaction action = {.sa_handler = spin, .sa_flags = SA_ONSTACK};

    sigaltstack(&alternate, NULL);
    sigaction(SIGRTMIN + 10, &action, NULL);
    raise(SIGRTMIN + 10);
    return unused;
}

static void start_low(void)
{
    char *area = mmap(NULL, STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;

    mprotect(area + 8192, STACK - 8192, PROT_READ | PROT_WRITE);
    pthread_barrier_init(&started, NULL, 2);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, area + 8192, STACK - 8192);
    // The barrier's own frames must fit: it is called with 1 KiB left, which is enough for them.
    if (pthread_create(&thread, &attributes, low, area + 8192) != 0)
        failure = "no thread";
    else
        pthread_barrier_wait(&started);
}

// ARGUMENT is a library made with Go.
static void start_go(void)
{
    void *library = dlopen(argument, RTLD_NOW);
    void (*start)(void) = library ? (void (*)(void))dlsym(library, "goStart") : NULL;

    if (start)
        start();
    else
        failure = "no library";
}

// ---- short-lived threads ----

static void *do_nothing(void *unused)
{
    return unused;
}

static void *start_and_join(void *unused)
{
    for (;;) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, do_nothing, NULL) == 0)
            pthread_join(thread, NULL);
        turns++;
    }
    return unused;
}

// ---- memory that is mapped and unmapped ----

// As a search engine maps the files of its index, and unmaps them: ARGUMENT0 to ARGUMENT63, which
// are libraries.
#define FILES 64

static void *map_and_unmap(void *unused)
{
    char *maps[FILES], path[4200];
    int fds[FILES];

    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s%d", argument, i);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        maps[i] = MAP_FAILED;
    }
    for (unsigned i = 0;; i = (i + 1) % FILES) {
        if (maps[i] != MAP_FAILED)
            munmap(maps[i], 4096);
        maps[i] = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds[i], 0);
        turns++;
    }
    return unused;
}

static void *open_and_close(void *unused)
{
    void *libraries[FILES] = {NULL};
    char path[4200];

    for (unsigned i = 0;; i = (i + 1) % FILES) {
        if (libraries[i])
            dlclose(libraries[i]);
        snprintf(path, sizeof path, "%s%d", argument, i);
        libraries[i] = dlopen(path, RTLD_NOW);
        turns++;
    }
    return unused;
}

static void start_many(void *(*run)(void *), int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, run, NULL) != 0)
            failure = "no thread";
    }
}

// Every request is refused: nothing can restore this descriptor.
static void add_obstacle(void)
{
    if (open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) < 0)
        failure = "no obstacle";
}

// ARGUMENT is a file of 16 pages that is truncated later: mapped in every way, with private copies.
// ARGUMENT.deleted is another one, whose name is deleted by then; the test holds it open.
static bool map_one(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char *private = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    close(fd);
    for (int page = 0; private != MAP_FAILED && page < 16; page += 2)
    private[page * 4096] = 'p';
    return private != MAP_FAILED;
}

static void map_files(void)
{
    char path[4200];
    int fd = open(argument, O_RDWR | O_CLOEXEC);

    snprintf(path, sizeof path, "%s.deleted", argument);
    if (!map_one(argument) || !map_one(path) ||
        mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ||
        mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
        failure = "cannot map";
    close(fd);
}

// ARGUMENT.0 to ARGUMENT.11, mapped shared: a thread keeps their pages present while another
// process changes the files' lengths.
#define FILES 12
#define FILE_SIZE ((size_t)16 << 20)

static void *populate(void *maps)
{
    for (int i = 0;; i = (i + 1) % FILES) {
        madvise(((char **)maps)[i], FILE_SIZE, 23 /* MADV_POPULATE_WRITE: no signal */);
        turns++;
    }
    return NULL;
}

static void map_shared(void)
{
    static char *maps[FILES];
    pthread_t thread;
    char path[4200];

    for (int i = 0; i < FILES; i++) {
        int fd;

        snprintf(path, sizeof path, "%s.%d", argument, i);
        fd = open(path, O_RDWR | O_CLOEXEC);
        maps[i] = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        if (maps[i] == MAP_FAILED)
            failure = "cannot map";
    }
    if (!*failure && pthread_create(&thread, NULL, populate, maps) != 0)
        failure = "no thread";
}

// ---- waits ----

static int quiet_pipe[2], quiet_epoll;
static sem_t semaphore;

static struct timespec after(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    now.tv_sec += LONG_SECONDS;
    return now;
}

// The waiting itself is under test here.
static int (*const test_nanosleep)(const struct timespec *, struct timespec *) = nanosleep;
static int (*const test_usleep)(useconds_t) = usleep;

static const struct timespec for_long = {.tv_sec = LONG_SECONDS};

static int by_nanosleep(void)
{
    return test_nanosleep(&for_long, NULL);
}

static int by_nanosleep_rest(void)
{
    struct timespec rest = for_long;

    return test_nanosleep(&rest, &rest);
}

static int by_usleep(void)
{
    return test_usleep(900000000);
}

static int by_clock_nanosleep(void)
{
    return errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &for_long, NULL), errno ? -1 : 0;
}

static int by_absolute_sleep(void)
{
    struct timespec until = after(CLOCK_MONOTONIC);

    return errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), errno ? -1 : 0;
}

static int by_poll(void)
{
    struct pollfd one = {.fd = quiet_pipe[0], .events = POLLIN};

    return poll(&one, 1, LONG_SECONDS * 1000);
}

static int by_poll_for_ever(void)
{
    struct pollfd one = {.fd = quiet_pipe[0], .events = POLLIN};

    return poll(&one, 1, -1);
}

static int by_ppoll(void)
{
    struct pollfd one = {.fd = quiet_pipe[0], .events = POLLIN};

    return ppoll(&one, 1, &for_long, NULL);
}

static int by_select(void)
{
    struct timeval time = {.tv_sec = LONG_SECONDS};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(quiet_pipe[0], &set);
    return select(quiet_pipe[0] + 1, &set, NULL, NULL, &time);
}

static int by_pselect(void)
{
    fd_set set;
    sigset_t none;

    sigemptyset(&none);
    FD_ZERO(&set);
    FD_SET(quiet_pipe[0], &set);
    return pselect(quiet_pipe[0] + 1, &set, NULL, NULL, &for_long, &none);
}

static int by_epoll_wait(void)
{
    struct epoll_event event;

    return epoll_wait(quiet_epoll, &event, 1, LONG_SECONDS * 1000);
}

static int by_epoll_wait_for_ever(void)
{
    struct epoll_event event;

    return epoll_wait(quiet_epoll, &event, 1, -1);
}

static int by_sem_timedwait(void)
{
    struct timespec until = after(CLOCK_REALTIME);

    return sem_timedwait(&semaphore, &until);
}

static int by_sem_clockwait(void)
{
    struct timespec until = after(CLOCK_MONOTONIC);

    return sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until);
}

static int by_sigtimedwait(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 12);
    return sigtimedwait(&set, NULL, &for_long);
}

static int by_sigwaitinfo(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 12);
    return sigwaitinfo(&set, NULL);
}

static int by_sigsuspend(void)
{
    sigset_t set;

    sigemptyset(&set);
    return sigsuspend(&set);
}

static struct wait {
    const char *name;
    int (*wait)(void);
    volatile int interrupted, other;
    pthread_t thread;
} waits[] = {
    {.name = "nanosleep", .wait = by_nanosleep},
    {.name = "nanosleep-rest", .wait = by_nanosleep_rest},
    {.name = "usleep", .wait = by_usleep},
    {.name = "clock_nanosleep", .wait = by_clock_nanosleep},
    {.name = "absolute-sleep", .wait = by_absolute_sleep},
    {.name = "poll", .wait = by_poll},
    {.name = "poll-for-ever", .wait = by_poll_for_ever},
    {.name = "ppoll", .wait = by_ppoll},
    {.name = "select", .wait = by_select},
    {.name = "pselect", .wait = by_pselect},
    {.name = "epoll_wait", .wait = by_epoll_wait},
    {.name = "epoll_wait-for-ever", .wait = by_epoll_wait_for_ever},
    {.name = "sem_timedwait", .wait = by_sem_timedwait},
    {.name = "sem_clockwait", .wait = by_sem_clockwait},
    {.name = "sigtimedwait", .wait = by_sigtimedwait},
    {.name = "sigwaitinfo", .wait = by_sigwaitinfo},
    {.name = "pause", .wait = pause},
    {.name = "sigsuspend", .wait = by_sigsuspend},
};
#define WAITS (sizeof waits / sizeof waits[0])

static void *wait_on(void *context)
{
    struct wait *wait = context;

    for (;;) {
        if (wait->wait() < 0 && errno == EINTR)
            wait->interrupted++;
        else
            wait->other++;
    }
    return NULL;
}

static void on_signal(int signal)
{
    (void)signal;
}

static void start_waits(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t set;

    sigaction(SIGRTMIN + 11, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 12);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sem_init(&semaphore, 0, 0);
    quiet_epoll = epoll_create1(EPOLL_CLOEXEC);
    if (pipe2(quiet_pipe, O_CLOEXEC) < 0)
        failure = "no pipe";
    for (size_t i = 0; i < WAITS; i++)
        if (pthread_create(&waits[i].thread, NULL, wait_on, &waits[i]) != 0)
            failure = "no thread";
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

JNIEXPORT void JNICALL Java_Harmless_signal(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    for (size_t i = 0; i < WAITS; i++)
        pthread_kill(waits[i].thread, SIGRTMIN + 11);
}

// The names of the waits that were interrupted and those that ended in another way.
static void report_waits(char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "turns %ld;", turns);

    for (size_t i = 0; i < WAITS; i++)
        if (waits[i].interrupted || waits[i].other)
            length += (size_t)snprintf(text + length, size - length, " %s=%d/%d", waits[i].name,
                                       waits[i].interrupted, waits[i].other);
}

// ---- from Java ----

JNIEXPORT jstring JNICALL Java_Harmless_start(JNIEnv *env, jclass class, jstring java_what,
                                              jstring java_argument)
{
    const char *what = (*env)->GetStringUTFChars(env, java_what, NULL);
    const char *given = (*env)->GetStringUTFChars(env, java_argument, NULL);

    (void)class;
    snprintf(argument, sizeof argument, "%s", given);
    if (strcmp(what, "deaf-one") == 0)
        start_one(deaf);
    else if (strcmp(what, "deaf-busy") == 0)
        start_one(deaf_and_busy);
    else if (strcmp(what, "low") == 0)
        start_low();
    else if (strcmp(what, "on-alternate") == 0)
        start_one(on_alternate);
    else if (strcmp(what, "go") == 0)
        start_go();
    else if (strcmp(what, "short") == 0)
        start_many(start_and_join, 2);
    else if (strcmp(what, "map") == 0)
        start_many(map_and_unmap, 1), add_obstacle();
    else if (strcmp(what, "dlopen") == 0)
        start_many(open_and_close, 1), add_obstacle();
    else if (strcmp(what, "shared") == 0)
        map_shared();
    else if (strcmp(what, "file") == 0)
        map_files();
    else if (strcmp(what, "waits") == 0)
        start_waits();
    else if (strcmp(what, "none") != 0)
        failure = "what is that?";
    return (*env)->NewStringUTF(env, *failure ? failure : "ready");
}

JNIEXPORT jstring JNICALL Java_Harmless_report(JNIEnv *env, jclass class)
{
    char text[2048];

    (void)class;
    report_waits(text, sizeof text);
    return (*env)->NewStringUTF(env, text);
}
