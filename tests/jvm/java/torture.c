// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Native load for Torture.java: opens and closes a library, and takes locks that record their
// owner, two threads at a time. Errors are returned as text.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <jni.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

static pthread_mutex_t recursive, checking, inheriting;
static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static volatile int inside;

static void make(void)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&inheriting, &attributes);
}

JNIEXPORT jboolean JNICALL Java_Torture_open(JNIEnv *env, jclass owner)
{
    void *library = dlopen("libutil.so.1", RTLD_NOW | RTLD_LOCAL);
    bool good = library != NULL;

    (void)env;
    (void)owner;
    if (library)
        dlclose(library);
    return good;
}

// With all locks held: no other thread is in here.
static const char *work(void)
{
    const char *wrong = NULL;

    if (inside++)
        wrong = "two threads are inside at once";
    for (int i = 0; i < 50; i++)
        sched_yield();
    if (--inside)
        wrong = "two threads were inside at once";
    return wrong;
}

JNIEXPORT jstring JNICALL Java_Torture_locks(JNIEnv *env, jclass owner)
{
    const char *wrong = NULL;

    (void)owner;
    pthread_once(&once, make);
    if (pthread_mutex_lock(&recursive) || pthread_mutex_lock(&recursive) ||
        pthread_mutex_lock(&checking) || pthread_mutex_lock(&inheriting) ||
        pthread_rwlock_wrlock(&shared))
        return (*env)->NewStringUTF(env, "one could not be taken");
    wrong = work();
    if (pthread_rwlock_unlock(&shared) || pthread_mutex_unlock(&inheriting) ||
        pthread_mutex_unlock(&checking) || pthread_mutex_unlock(&recursive) ||
        pthread_mutex_unlock(&recursive))
        wrong = "one could not be given back by its owner";
    return wrong ? (*env)->NewStringUTF(env, wrong) : NULL;
}
