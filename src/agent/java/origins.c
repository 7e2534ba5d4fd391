/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See origins.h.  A table by descriptor number, in pieces that are made when needed and kept: at
 * most one stack for each number.  With each stack goes what fstat() says the descriptor is; if a
 * number has come to be another file's without our seeing it, the stack is not shown.
 *
 * The functions run on whatever thread opens something, inside its native method: an exception may
 * be pending, there may be no Java thread, it may be the child of a vfork(), which shares this
 * memory.  The mutex is never taken while threads are parked.
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

/* Making a stack may open something itself, such as the file of a class. */
static __thread bool inside;

/* ---- the table; the mutex is held ---- */

static struct ckpt_origin *find(int descriptor, bool make)
{
    struct ckpt_origin **piece;

    if (descriptor < 0 || descriptor >= CKPT_ORIGIN_PIECE * CKPT_ORIGIN_PIECES)
        return NULL;
    piece = &ckpt_origins.pieces[descriptor / CKPT_ORIGIN_PIECE];
    if (!*piece && make)
        *piece = calloc(CKPT_ORIGIN_PIECE, sizeof **piece);
    return *piece ? &(*piece)[descriptor % CKPT_ORIGIN_PIECE] : NULL;
}

/* Put @stack in; returns what the caller deletes: what was there, or @stack for want of room. */
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

/* ---- what open_calls.h reports ---- */

static bool is_ours(void)
{
    return ckpt_sys_getpid() == ckpt_origins.pid;
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
        if (env) { /* else it stays until this number is used again */
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
    JNIEnv *env = inside ? NULL : ckpt_jvm_env();
    jobject made, stack, old;
    struct stat status;

    if (!env || (*env)->ExceptionCheck(env) || fstat(descriptor, &status) < 0) {
        forget(descriptor);
        return;
    }
    inside = true;
    made = (*env)->CallStaticObjectMethod(env, class, here, descriptor);
    ckpt_java_clear(env); /* out of memory or of stack: then there is none */
    stack = made ? (*env)->NewGlobalRef(env, made) : NULL;
    old = put(descriptor, stack, &status);
    if (old)
        (*env)->DeleteGlobalRef(env, old);
    if (made)
        (*env)->DeleteLocalRef(env, made);
    inside = false;
}

static void on_opened(int descriptor)
{
    int number = errno;

    if (is_ours()) {
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

    if (is_ours())
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

/* ---- beginning ---- */

static bool property_is_set(void)
{
    char value[8];

    return ckpt_jvm_property(PROPERTY, value, sizeof value) &&
           (strcmp(value, "true") == 0 || !*value);
}

/* Everything that making a stack needs is loaded by making one. */
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
        ckpt_origins.pid = ckpt_sys_getpid();
        if (!prepare(env) || !ckpt_jvm_property("java.home", home, sizeof home)) {
            ckpt_log("warning", "fd_stacks: this JVM does not say where it keeps its "
                                "libraries; descriptors are shown without a stack");
            return;
        }
        ckpt_open_calls_watch(home, &watcher);
    }
    collecting = true;
}
