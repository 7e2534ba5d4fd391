/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Native locks that name their owner by TID, for TidLocks.java: one of each kind and place, held by
 * one thread while others wait for it or try it. Built stripped, so that it has no symbols but
 * those that the JVM needs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <jni.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RECURSIVE, CHECKING, ROBUST, INHERIT, ROBUST_INHERIT, ROBUST_RECURSIVE, RWLOCK, KINDS };
enum { STATIC, POINTED, EMBEDDED, STACK, STATED, PLACES };
enum { SLEEP, SPIN, SEMAPHORE, HOWS };

union lock {
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
};

static union lock locks[64];
static atomic_int released, waiting;
static sem_t semaphore;

static void prepare(union lock *lock, int kind)
{
    pthread_mutexattr_t attributes;

    if (kind == RWLOCK) {
        pthread_rwlock_init(&lock->rwlock, NULL);
        return;
    }
    pthread_mutexattr_init(&attributes);
    if (kind == RECURSIVE || kind == ROBUST_RECURSIVE)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    if (kind == CHECKING)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    if (kind == ROBUST || kind == ROBUST_INHERIT || kind == ROBUST_RECURSIVE)
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (kind == INHERIT || kind == ROBUST_INHERIT)
        pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&lock->mutex, &attributes);
}

static int take(union lock *lock, int kind)
{
    return kind == RWLOCK ? pthread_rwlock_wrlock(&lock->rwlock) : pthread_mutex_lock(&lock->mutex);
}

static int try(union lock *lock, int kind)
{
    return kind == RWLOCK ? pthread_rwlock_trywrlock(&lock->rwlock)
                          : pthread_mutex_trylock(&lock->mutex);
}

static int give(union lock *lock, int kind)
{
    return kind == RWLOCK ? pthread_rwlock_unlock(&lock->rwlock)
                          : pthread_mutex_unlock(&lock->mutex);
}

static __attribute__((noinline)) void pause_until_released(int how)
{
    while (!released) {
        struct timespec moment = {.tv_nsec = 20000000};

        if (how == SLEEP)
            clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
        else if (how == SEMAPHORE)
            sem_wait(&semaphore);
    }
}

struct embedded {
    char text[40];
    union lock lock;
    long more[3];
};
struct pointer {
    long number;
    union lock *lock;
};
#define FAR 8192 /* blocks of this size are not within each other's first bytes */
struct statement {
    long number;
    struct pointer *connection;
};

static union lock *find(JNIEnv *env, jobject self, jlong address)
{
    (void)env;
    (void)self;
    return (union lock *)address;
}

/* Take a lock, store its address, hold it, and return the result of unlocking it. */
static __attribute__((noinline)) int hold(union lock *lock, int kind, int how, atomic_long *where)
{
    if (take(lock, kind))
        return -1;
    if ((kind == RECURSIVE || kind == ROBUST_RECURSIVE) && take(lock, kind))
        return -2;
    *where = (long)lock;
    pause_until_released(how);
    if (kind == RECURSIVE || kind == ROBUST_RECURSIVE) {
        if (take(lock, kind)) /* this thread is known as the owner */
            return -3;
        give(lock, kind);
        give(lock, kind);
    } else if (kind == CHECKING && take(lock, kind) != EDEADLK) {
        return -4;
    }
    return give(lock, kind);
}

static __attribute__((noinline)) int hold_pointed(struct pointer *pointer, int kind, int how,
                                                  atomic_long *where)
{
    int result = hold(pointer->lock, kind, how, where);

    return result + (int)(pointer->number * 0);
}

static __attribute__((noinline)) int take_stated(struct statement *statement, int kind,
                                                 atomic_long *where)
{
    union lock *lock = statement->connection->lock;

    if (take(lock, kind) || ((kind == RECURSIVE || kind == ROBUST_RECURSIVE) && take(lock, kind)))
        return -1;
    *where = (long)lock;
    return 0;
}

static __attribute__((noinline)) int give_stated(struct statement *statement, int kind)
{
    union lock *lock = statement->connection->lock;

    return (kind == RECURSIVE || kind == ROBUST_RECURSIVE ? give(lock, kind) : 0) +
           give(lock, kind);
}

/*
 * As hold(), but while the lock is held only the statement's address is in registers and frames: a
 * function of a database has the statement, which knows its connection, which knows its lock.
 */
static __attribute__((noinline)) int hold_stated(struct statement *statement, int kind, int how,
                                                 atomic_long *where)
{
    if (take_stated(statement, kind, where))
        return -1;
    pause_until_released(how);
    return give_stated(statement, kind);
}

JNIEXPORT jint JNICALL Java_TidLocks_hold(JNIEnv *env, jclass type, jint number, jint kind,
                                          jint how, jint place, jlong where)
{
    union lock on_stack;
    struct pointer *pointer;
    struct embedded *embedded;
    struct statement *statement;

    (void)env;
    (void)type;
    switch (place) {
    case STATIC:
        prepare(&locks[number], kind);
        return hold(&locks[number], kind, how, (atomic_long *)where);
    case POINTED:
        pointer = calloc(1, sizeof *pointer);
        pointer->lock = calloc(1, sizeof *pointer->lock);
        prepare(pointer->lock, kind);
        return hold_pointed(pointer, kind, how, (atomic_long *)where);
    case EMBEDDED:
        embedded = calloc(1, sizeof *embedded);
        prepare(&embedded->lock, kind);
        return hold(&embedded->lock, kind, how, (atomic_long *)where);
    case STATED:
        statement = calloc(1, FAR);
        statement->connection = calloc(1, FAR);
        statement->connection->lock = calloc(1, FAR);
        prepare(statement->connection->lock, kind);
        return hold_stated(statement, kind, how, (atomic_long *)where);
    default:
        memset(&on_stack, 0, sizeof on_stack);
        prepare(&on_stack, kind);
        return hold(&on_stack, kind, how, (atomic_long *)where);
    }
}

static int wait_for(union lock *lock, int kind, bool timed)
{
    struct timespec late;

    clock_gettime(CLOCK_REALTIME, &late);
    late.tv_sec += 600;
    if (!timed)
        return take(lock, kind);
    return kind == RWLOCK ? pthread_rwlock_timedwrlock(&lock->rwlock, &late)
                          : pthread_mutex_timedlock(&lock->mutex, &late);
}

/*
 * With a number in the registers that a function must preserve: glibc pushes them next to its own.
 * A small TID, as in a container, looks like any number, and this number is the application's.
 */
static __attribute__((noinline)) int wait_with_number(union lock *lock, int kind, bool timed)
{
    volatile long number = syscall(SYS_gettid) < 1024 ? syscall(SYS_gettid) : 0;
    register long a __asm__("r12") = number, b __asm__("r13") = number;
    register long c __asm__("r14") = number, d __asm__("r15") = number;
    int result;

    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
    result = wait_for(lock, kind, timed);
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
    return a == number && b == number && c == number && d == number ? result : -6;
}

/* Wait for a lock, with a time limit or without, and release it; return the result. */
JNIEXPORT jint JNICALL Java_TidLocks_await(JNIEnv *env, jclass type, jlong address, jint kind,
                                           jboolean timed)
{
    union lock *lock = find(env, type, address);
    int result;

    waiting++;
    result = wait_with_number(lock, kind, timed);
    if (result)
        return 1000 + result;
    if ((kind == RECURSIVE || kind == ROBUST_RECURSIVE) && (take(lock, kind) || give(lock, kind)))
        return -5;
    return give(lock, kind);
}

JNIEXPORT jint JNICALL Java_TidLocks_attempt(JNIEnv *env, jclass type, jlong address, jint kind)
{
    union lock *lock = find(env, type, address);
    int result = try(lock, kind);

    if (result)
        return 1000 + result;
    return give(lock, kind);
}

JNIEXPORT jint JNICALL Java_TidLocks_waiting(JNIEnv *env, jclass type)
{
    (void)env;
    (void)type;
    return waiting;
}

JNIEXPORT void JNICALL Java_TidLocks_release(JNIEnv *env, jclass type)
{
    (void)env;
    (void)type;
    released = 1;
    for (int i = 0; i < 64; i++)
        sem_post(&semaphore);
}

/* ---- storms: the work of each thread without end, and its number of rounds ---- */

static atomic_long rounds[16];
static atomic_int inside[16], broken;
static const char *library;

static void *nothing(void *argument)
{
    return argument;
}

static int load(int number)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    int result = !handle || (number % 2 && !dlsym(handle, "zlibVersion"));

    return result || dlclose(handle);
}

static int create(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL);
}

/* Two threads share one lock. */
static int exclude(int number, int kind)
{
    union lock *lock = &locks[number / 2];

    if (take(lock, kind))
        return 1;
    if (++inside[number / 2] != 1)
        broken++;
    for (volatile int i = 0; i < 100000; i++)
        ;
    --inside[number / 2];
    return give(lock, kind);
}

JNIEXPORT jint JNICALL Java_TidLocks_storm(JNIEnv *env, jclass type, jint number, jstring path)
{
    static const int kinds[] = {RECURSIVE, RWLOCK, ROBUST, INHERIT, CHECKING};
    int failed = 0;

    if (!library)
        library = (*env)->GetStringUTFChars(env, path, NULL);
    (void)type;
    if (number < 10 && number % 2 == 0)
        prepare(&locks[number / 2], kinds[number / 2]);
    while (!failed) {
        failed = number < 10   ? exclude(number, kinds[number / 2])
                 : number < 14 ? load(number)
                               : create();
        rounds[number]++;
    }
    return number;
}

JNIEXPORT jlong JNICALL Java_TidLocks_rounds(JNIEnv *env, jclass type, jint number)
{
    (void)env;
    (void)type;
    return rounds[number];
}

JNIEXPORT jint JNICALL Java_TidLocks_broken(JNIEnv *env, jclass type)
{
    (void)env;
    (void)type;
    return broken;
}

JNIEXPORT jlong JNICALL Java_TidLocks_words(JNIEnv *env, jclass type, jint count)
{
    (void)env;
    (void)type;
    return (jlong)calloc((size_t)count, sizeof(jlong));
}

JNIEXPORT jlong JNICALL Java_TidLocks_word(JNIEnv *env, jclass type, jlong words, jint index)
{
    (void)env;
    (void)type;
    return ((atomic_long *)words)[index];
}

/*
 * Memory of the application, at the start of a page, that resembles a recursive mutex which the
 * calling thread holds; with @flaw 1 in all but one field. No pointer leads to it.
 */
static unsigned long hidden; /* the address, disguised */

JNIEXPORT jint JNICALL Java_TidLocks_craft(JNIEnv *env, jclass type, jint flaw)
{
    int tid = (int)syscall(SYS_gettid);
    int *words = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)env;
    (void)type;
    memcpy(words + 1024, (int[]){1, 1, tid, 1, 1, 0, 0, 0, 0, 0}, 40);
    words[1024 + (flaw ? 5 : 11)] = 7;
    hidden = ~(unsigned long)words;
    return tid;
}

JNIEXPORT jint JNICALL Java_TidLocks_crafted(JNIEnv *env, jclass type)
{
    int *words = (int *)~hidden;

    (void)env;
    (void)type;
    return words[1024 + 2];
}
