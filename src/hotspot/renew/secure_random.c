/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See secure_random.h. A worker thread seeds one generator after the other. If one takes too long,
 * the worker is interrupted and a new worker does the rest; the old one ends when setSeed()
 * returns. (It may hold the lock of that SecureRandom, so that application threads wait for it.
 * Seeding without the lock could break a provider that relies on it.) The last thread to finish
 * frees the shared data, so that it is never freed if a worker hangs for ever.
 */
#include "hotspot/renew/secure_random.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/syscall.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"
#include "runtime/thread.h"

#define SEED_SIZE 48
#define NAME_SIZE 160
#define ONE_S 1 /* time limit for one generator */
#define ALL_S 5 /* time limit for all of them */
#define CRYPTO "/libcrypto.so"

typedef void seed_function(const void *bytes, int size);

struct item {
    jobject random;      /* a global reference to the SecureRandom; NULL: this item is OpenSSL */
    seed_function *seed; /* OpenSSL's RAND_seed() */
    void *library;
    char name[NAME_SIZE];
    enum { WAITING, RUNNING, SEEDED, THREW, LATE } state;
};

struct work {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    jmethodID set_seed, interrupt;
    jobject thread; /* global reference: the worker that started last */
    struct item *items;
    size_t count, next;
    unsigned worker;         /* the number of the worker that continues; others end */
    unsigned users;          /* threads that use this struct */
    struct timespec started; /* when the current item was started */
};

static struct item *items;
static size_t item_count;
static jmethodID set_seed, interrupt;

/* ---- before the freeze ---- */

static struct item *add(const char *name)
{
    struct item *more = realloc(items, (item_count + 1) * sizeof *more);

    if (!more)
        return NULL;
    items = more;
    more[item_count] = (struct item){.state = WAITING};
    strncpy(more[item_count].name, name, NAME_SIZE - 1);
    return &more[item_count++];
}

static int find_crypto(struct dl_phdr_info *info, size_t size, void *paths)
{
    (void)size;
    if (info->dlpi_name && strstr(info->dlpi_name, CRYPTO))
        strncpy(paths, info->dlpi_name, PATH_MAX - 1);
    return 0;
}

/* OpenSSL detects a fork by its PID, and a clone in another PID namespace may have the same one. */
static void find_openssl(void)
{
    char path[PATH_MAX] = "";
    struct item *item;
    void *library;
    void *seed;

    dl_iterate_phdr(find_crypto, path);
    library = *path ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    seed = library ? dlsym(library, "RAND_seed") : NULL;
    item = seed ? add("OpenSSL") : NULL;
    if (item) {
        item->library = library;
        memcpy(&item->seed, &seed, sizeof seed);
    } else if (library) {
        dlclose(library);
    }
}

void ckpt_secure_random_begin(JNIEnv *env)
{
    ckpt_secure_random_discard(env);
    find_openssl();
}

bool ckpt_secure_random_add(JNIEnv *env, jobject random, const char *name)
{
    struct item *item;

    if (!set_seed) {
        jclass class = (*env)->FindClass(env, "java/security/SecureRandom");

        set_seed = class ? (*env)->GetMethodID(env, class, "setSeed", "([B)V") : NULL;
        class = set_seed ? (*env)->FindClass(env, "java/lang/Thread") : NULL;
        interrupt = class ? (*env)->GetMethodID(env, class, "interrupt", "()V") : NULL;
    }
    item = set_seed ? add(name) : NULL;
    if (item)
        item->random = (*env)->NewGlobalRef(env, random);
    return item && item->random;
}

static void free_items(JNIEnv *env, struct item *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].random)
            (*env)->DeleteGlobalRef(env, list[i].random);
        if (list[i].library)
            dlclose(list[i].library);
    }
    free(list);
}

void ckpt_secure_random_discard(JNIEnv *env)
{
    free_items(env, items, item_count);
    items = NULL;
    item_count = 0;
}

/* ---- in the restored process: the worker ---- */

static bool seed_one(JNIEnv *env, const struct work *work, const struct item *item)
{
    unsigned char seed[SEED_SIZE];
    jbyteArray array;
    bool good;

    if (ckpt_sys_getrandom(seed, sizeof seed) != (long)sizeof seed)
        return false;
    if (item->seed) {
        item->seed(seed, sizeof seed);
        return true;
    }
    if ((*env)->PushLocalFrame(env, 8) < 0)
        return false;
    array = (*env)->NewByteArray(env, sizeof seed);
    if (array) {
        (*env)->SetByteArrayRegion(env, array, 0, sizeof seed, (const jbyte *)seed);
        (*env)->CallVoidMethod(env, item->random, work->set_seed, array);
    }
    explicit_bzero(seed, sizeof seed);
    good = array && !(*env)->ExceptionCheck(env);
    if (!good)
        (*env)->ExceptionClear(env);
    (*env)->PopLocalFrame(env, NULL);
    return good;
}

/* Stop using @work. Call with the lock held; releases it. */
static void leave(JNIEnv *env, struct work *work)
{
    bool last = --work->users == 0;

    pthread_mutex_unlock(&work->lock);
    if (!last)
        return;
    free_items(env, work->items, work->count);
    if (work->thread)
        (*env)->DeleteGlobalRef(env, work->thread);
    pthread_mutex_destroy(&work->lock);
    pthread_cond_destroy(&work->changed);
    free(work);
}

/*
 * Record this thread as the worker, which is interrupted if it takes too long. Call with the lock
 * held.
 */
static void set_worker_thread(JNIEnv *env, struct work *work)
{
    jthread thread = NULL;

    if (work->thread)
        (*env)->DeleteGlobalRef(env, work->thread);
    (*ckpt_jvm.jvmti)->GetCurrentThread(ckpt_jvm.jvmti, &thread);
    work->thread = thread ? (*env)->NewGlobalRef(env, thread) : NULL;
}

static void work_on(JNIEnv *env, struct work *work)
{
    unsigned me;

    pthread_mutex_lock(&work->lock);
    me = work->worker;
    set_worker_thread(env, work);
    while (work->worker == me && work->next < work->count) {
        struct item *item = &work->items[work->next++];
        bool good;

        item->state = RUNNING;
        clock_gettime(CLOCK_MONOTONIC, &work->started);
        pthread_mutex_unlock(&work->lock);
        good = seed_one(env, work, item);
        pthread_mutex_lock(&work->lock);
        if (item->state == RUNNING)
            item->state = good ? SEEDED : THREW;
        pthread_cond_signal(&work->changed);
    }
    leave(env, work);
}

static void *worker(void *argument)
{
    struct work *work = argument;
    JNIEnv *env = ckpt_jvm_attach_daemon("checkpointer-seed");

    if (!env)
        return NULL; /* @work is never freed; the requester waits for its time limit */
    work_on(env, work);
    ckpt_jvm_detach();
    return NULL;
}

/* ---- the requester ---- */

static struct work *make_work(void)
{
    struct work *work = calloc(1, sizeof *work);
    pthread_condattr_t attributes;

    if (!work)
        return NULL;
    pthread_mutex_init(&work->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&work->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    work->set_seed = set_seed;
    work->interrupt = interrupt;
    work->items = items;
    work->count = item_count;
    work->users = 1;
    items = NULL;
    item_count = 0;
    return work;
}

static bool start_worker(struct work *work)
{
    work->users++;
    work->worker++;
    clock_gettime(CLOCK_MONOTONIC, &work->started);
    if (ckpt_thread_start("ckpt-seed", worker, work) == 0)
        return true;
    work->users--;
    return false;
}

static bool is_done(const struct work *work)
{
    bool done = work->next == work->count;

    for (size_t i = 0; i < work->count; i++)
        done &= work->items[i].state != RUNNING;
    return done;
}

static void give_up_running(JNIEnv *env, struct work *work)
{
    for (size_t i = 0; i < work->count; i++)
        if (work->items[i].state == RUNNING)
            work->items[i].state = LATE;
    if (work->thread && work->interrupt)
        (*env)->CallVoidMethod(env, work->thread, work->interrupt);
    ckpt_java_clear(env);
}

static bool is_before(const struct timespec *one, const struct timespec *other)
{
    return one->tv_sec < other->tv_sec ||
           (one->tv_sec == other->tv_sec && one->tv_nsec < other->tv_nsec);
}

static void add_seconds(struct timespec *ret, const struct timespec *than, time_t seconds)
{
    *ret = *than;
    ret->tv_sec += seconds;
}

/* Wait until all generators are seeded, or the time is over. Call with the lock held. */
static void wait_for(JNIEnv *env, struct work *work)
{
    struct timespec end, now, until;

    clock_gettime(CLOCK_MONOTONIC, &now);
    add_seconds(&end, &now, ALL_S);
    while (!is_done(work) && is_before(&now, &end)) {
        add_seconds(&until, &work->started, ONE_S);
        if (is_before(&now, &until)) {
            pthread_cond_timedwait(&work->changed, &work->lock,
                                   is_before(&until, &end) ? &until : &end);
        } else {
            give_up_running(env, work);
            if (work->next < work->count && !start_worker(work))
                break;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    work->worker++; /* no worker has this number, so none continues */
}

static void report(const struct work *work)
{
    for (size_t i = 0; i < work->count; i++) {
        const struct item *item = &work->items[i];

        if (item->state == THREW)
            ckpt_log("warning",
                     "the random generator %s does not accept a new seed in the restored "
                     "process; its clones may share what it generates: make a new one in "
                     "afterRestore",
                     item->name);
        else if (item->state != SEEDED)
            ckpt_log("warning",
                     "the random generator %s did not accept a new seed in the restored "
                     "process within %d s; until it has, its clones may share what it "
                     "generates: make a new one in afterRestore",
                     item->name, ONE_S);
    }
}

void ckpt_secure_random_reseed(JNIEnv *env)
{
    struct work *work;

    if (!item_count)
        return;
    work = make_work();
    if (!work) {
        ckpt_log("warning", "no memory to renew random generators in the restored process");
        return;
    }
    pthread_mutex_lock(&work->lock);
    if (start_worker(work))
        wait_for(env, work);
    report(work);
    leave(env, work);
}
