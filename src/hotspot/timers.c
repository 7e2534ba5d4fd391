/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See timers.h.  java.util.Timer counts by the wall clock, which goes on while a process is frozen.
 * A task at a fixed rate makes up for every run that it missed, all at once after a restore.  So
 * the runs that came due while it stood still become one: the task's next time is moved on by whole
 * periods, which keeps its rhythm.  Without ckpt_timers_hold() they all stay.  Tasks with a
 * fixed delay and those that run once are late once anyway.
 *
 * Everything is done with the monitors of the queues held, which the timers' threads need before
 * they look at a task; they are held from before the freeze, since after a restore other threads
 * run before this one can.  No code of the application runs with one of them held.
 */
#include "hotspot/timers.h"

#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define MOST_TIMERS 4096

static jobject *queues; /* global references, each with its monitor held */
static size_t queue_count;
static int64_t held_ms;                              /* the wall clock at the freeze */
static jclass thread_class, queue_class, task_class; /* global references, kept */

static void hold(JNIEnv *env, jobject thread, jfieldID queue_at)
{
    jobject queue = (*env)->GetObjectField(env, thread, queue_at);
    jobject kept = queue ? (*env)->NewGlobalRef(env, queue) : NULL;

    if (kept && queue_count < MOST_TIMERS && (*env)->MonitorEnter(env, kept) == JNI_OK)
        queues[queue_count++] = kept;
    else if (kept)
        (*env)->DeleteGlobalRef(env, kept);
    (*env)->DeleteLocalRef(env, queue);
    ckpt_java_clear(env);
}

void ckpt_timers_hold(JNIEnv *env)
{
    jvmtiEnv *jvmti = ckpt_jvm.jvmti;
    jthread *threads = NULL;
    jint count = 0;
    jfieldID queue_at = NULL;

    queue_count = 0;
    if (!thread_class) {
        thread_class = ckpt_java_load(env, "java.util.TimerThread");
        queue_class = ckpt_java_load(env, "java.util.TaskQueue");
        task_class = ckpt_java_load(env, "java.util.TimerTask");
    }
    if (!thread_class || !queue_class || !task_class ||
        (*jvmti)->GetAllThreads(jvmti, &count, &threads) != JVMTI_ERROR_NONE)
        return;
    if (!queues)
        queues = calloc(MOST_TIMERS, sizeof *queues);
    for (jint i = 0; i < count; i++) {
        if (queues && (*env)->IsInstanceOf(env, threads[i], thread_class)) {
            if (!queue_at)
                queue_at = (*env)->GetFieldID(env, thread_class, "queue", "Ljava/util/TaskQueue;");
            if (!ckpt_java_clear(env))
                hold(env, threads[i], queue_at);
        }
        (*env)->DeleteLocalRef(env, threads[i]);
    }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)threads);
    held_ms = ckpt_clock_ms(CLOCK_REALTIME);
}

/* ---- in the restored process ---- */

/* The names of java.util.TaskQueue and TimerTask, the same from JDK 8 to 25. */
struct names {
    jfieldID tasks, size, next, period;
    jmethodID heapify, notify;
};

static bool find_names(JNIEnv *env, struct names *names)
{
    names->tasks = (*env)->GetFieldID(env, queue_class, "queue", "[Ljava/util/TimerTask;");
    if (!ckpt_java_clear(env))
        names->size = (*env)->GetFieldID(env, queue_class, "size", "I");
    if (!ckpt_java_clear(env))
        names->next = (*env)->GetFieldID(env, task_class, "nextExecutionTime", "J");
    if (!ckpt_java_clear(env))
        names->period = (*env)->GetFieldID(env, task_class, "period", "J");
    if (!ckpt_java_clear(env))
        names->heapify = (*env)->GetMethodID(env, queue_class, "heapify", "()V");
    if (!ckpt_java_clear(env))
        names->notify = (*env)->GetMethodID(env, queue_class, "notify", "()V");
    return !ckpt_java_clear(env) && names->tasks && names->size && names->next && names->period &&
           names->heapify && names->notify;
}

/* Runs that were due before the freeze already stay due. */
static int64_t corrected(int64_t next, int64_t period, int64_t now)
{
    int64_t from = next > held_ms ? next : held_ms;

    if (now > from)
        return next + (now - from) / period * period;
    if (now < held_ms) /* a machine whose clock is behind */
        return next - (held_ms - now) / period * period;
    return next;
}

static void correct(JNIEnv *env, jobject queue, const struct names *names, int64_t now)
{
    jobjectArray tasks = (*env)->GetObjectField(env, queue, names->tasks);
    jint size = (*env)->GetIntField(env, queue, names->size);
    bool changed = false;

    for (jint i = 1; tasks && i <= size && i < (*env)->GetArrayLength(env, tasks); i++) {
        jobject task = (*env)->GetObjectArrayElement(env, tasks, i);
        int64_t period = task ? (*env)->GetLongField(env, task, names->period) : 0;

        if (period > 0) {
            int64_t next = (*env)->GetLongField(env, task, names->next);
            int64_t then = corrected(next, period, now);

            (*env)->SetLongField(env, task, names->next, then);
            changed |= then != next;
        }
        (*env)->DeleteLocalRef(env, task);
    }
    (*env)->DeleteLocalRef(env, tasks);
    if (changed) {
        (*env)->CallVoidMethod(env, queue, names->heapify);
        /* The late run comes now, and not when the rest of the old wait is over. */
        if (!ckpt_java_clear(env))
            (*env)->CallVoidMethod(env, queue, names->notify);
    }
    ckpt_java_clear(env);
}

void ckpt_timers_release(JNIEnv *env, bool restored)
{
    struct names names = {.tasks = NULL};
    bool known = restored && queue_count && find_names(env, &names);
    int64_t now = ckpt_clock_ms(CLOCK_REALTIME);

    if (restored && queue_count && !known)
        ckpt_log("warning", "this JDK's timers are not known: a java.util.Timer at a fixed "
                            "rate makes up for all runs that it missed");
    while (queue_count > 0) {
        jobject queue = queues[--queue_count];

        if (known)
            correct(env, queue, &names, now);
        (*env)->MonitorExit(env, queue);
        (*env)->DeleteGlobalRef(env, queue);
    }
}
