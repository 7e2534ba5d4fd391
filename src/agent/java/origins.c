/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See origins.h. The table has at most one stack for each descriptor number, with the device and
 * inode that fstat() reported. If the number now belongs to another file, which was opened by a
 * call that is not watched, the stack is not reported.
 *
 * The functions run on the thread that opens a descriptor, in its native method. An exception may
 * be pending; the thread may be unknown to the JVM, or be the child of a vfork(), which shares this
 * memory. The mutex is never locked while threads are parked.
 */
#include "agent/java/origins.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/java/open_calls.h"
#include "agent/options.h"
#include "agent/parked/origin_table.h"
#include "base/syscall.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define PROPERTY "jdk.crac.collect-fd-stacktraces"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool collecting;
static jclass class;
static jmethodID here;

/* This thread is taking a stack, which may itself open descriptors, such as a class file. */
static __thread bool taking_stack;

/* ---- the table; the mutex is held ---- */

static struct ckpt_origin *find(int descriptor, bool make)
{
    struct ckpt_origin **piece;

    if (descriptor < 0 || descriptor >= CKPT_ORIGIN_PIECE * CKPT_ORIGIN_PIECES)
        return NULL;
    piece = &ckpt_origin_table.pieces[descriptor / CKPT_ORIGIN_PIECE];
    if (!*piece && make)
        *piece = calloc(CKPT_ORIGIN_PIECE, sizeof **piece);
    return *piece ? &(*piece)[descriptor % CKPT_ORIGIN_PIECE] : NULL;
}

/* Store @stack. Returns the reference to delete: the old one, or @stack if it is not stored. */
static jobject put(int descriptor, jobject stack, const struct stat *status)
{
    struct ckpt_origin *origin;
    jobject old = stack;

    pthread_mutex_lock(&mutex);
    origin = find(descriptor, true);
    if (origin) {
        old = origin->stack;
        *origin = (struct ckpt_origin){.stack = stack,
                                       .device = status->st_dev,
                                       .inode = status->st_ino,
                                       .valid = stack != NULL};
    }
    pthread_mutex_unlock(&mutex);
    return old;
}

/* ---- called by open_calls.c ---- */

static bool in_jvm_process(void)
{
    return ckpt_sys_getpid() == ckpt_origin_table.pid;
}

static void forget(int descriptor)
{
    JNIEnv *env = ckpt_jvm_env();
    struct ckpt_origin *origin;
    jobject old = NULL;

    pthread_mutex_lock(&mutex);
    origin = find(descriptor, false);
    if (origin) {
        origin->valid = false;
        if (env) { /* without an environment the reference stays until the number is used again */
            old = origin->stack;
            origin->stack = NULL;
        }
    }
    pthread_mutex_unlock(&mutex);
    if (old)
        (*env)->DeleteGlobalRef(env, old);
}

static void remember(int descriptor)
{
    JNIEnv *env = taking_stack ? NULL : ckpt_jvm_env();
    jobject made, stack, old;
    struct stat status;

    if (!env || (*env)->ExceptionCheck(env) || fstat(descriptor, &status) < 0) {
        forget(descriptor);
        return;
    }
    taking_stack = true;
    made = (*env)->CallStaticObjectMethod(env, class, here, descriptor);
    ckpt_java_clear(env); /* out of memory or stack overflow: no stack is recorded */
    stack = made ? (*env)->NewGlobalRef(env, made) : NULL;
    old = put(descriptor, stack, &status);
    if (old)
        (*env)->DeleteGlobalRef(env, old);
    if (made)
        (*env)->DeleteLocalRef(env, made);
    taking_stack = false;
}

static void on_opened(int descriptor)
{
    int number = errno;

    if (in_jvm_process()) {
        if (collecting)
            remember(descriptor);
        else
            forget(descriptor);
    }
    errno = number;
}

static void on_closing(int descriptor)
{
    int number = errno;

    if (in_jvm_process())
        forget(descriptor);
    errno = number;
}

/* ---- the Java side ---- */

jobject ckpt_native_origin(JNIEnv *env, jclass owner, jint descriptor)
{
    struct stat status;
    struct ckpt_origin *origin;
    jobject stack = NULL;

    (void)owner;
    if (fstat(descriptor, &status) < 0)
        return NULL;
    pthread_mutex_lock(&mutex);
    origin = find(descriptor, false);
    if (origin && origin->valid && origin->device == status.st_dev &&
        origin->inode == status.st_ino)
        stack = (*env)->NewLocalRef(env, origin->stack);
    pthread_mutex_unlock(&mutex);
    return stack;
}

jboolean ckpt_native_collects_origins(JNIEnv *env, jclass owner)
{
    (void)env;
    (void)owner;
    return collecting;
}

/* ---- start ---- */

static bool property_is_set(void)
{
    char value[8];

    return ckpt_jvm_property(PROPERTY, value, sizeof value) &&
           (strcmp(value, "true") == 0 || !*value);
}

/* Take one stack, so that all classes needed for it are loaded. */
static bool prepare(JNIEnv *env)
{
    jclass found = (*env)->FindClass(env, "jdk/crac/impl/Origin");
    jobject first;

    here =
        found ? (*env)->GetStaticMethodID(env, found, "here", "(I)Ljdk/crac/impl/Origin;") : NULL;
    class = here ? (*env)->NewGlobalRef(env, found) : NULL;
    first = class ? (*env)->CallStaticObjectMethod(env, class, here, 0) : NULL;
    ckpt_java_clear(env);
    if (first)
        (*env)->DeleteLocalRef(env, first);
    return first != NULL;
}

void ckpt_origins_apply(JNIEnv *env)
{
    static const struct ckpt_open_watcher watcher = {.opened = on_opened, .closing = on_closing};
    char home[PATH_MAX];

    if (!ckpt_options.fd_stacks && !property_is_set()) {
        collecting = false;
        return;
    }
    if (!class) {
        ckpt_origin_table.pid = ckpt_sys_getpid();
        if (!prepare(env) || !ckpt_jvm_property("java.home", home, sizeof home)) {
            ckpt_log("warning", "fd_stacks: this JVM does not report where its libraries are; "
                                "descriptors are shown without a stack");
            return;
        }
        ckpt_open_calls_watch(home, &watcher);
    }
    collecting = true;
}
