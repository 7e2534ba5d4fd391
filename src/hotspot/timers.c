/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See timers.h. java.util.Timer uses the wall clock, which continues while a process is frozen. A
 * task at a fixed rate would run once for each period that it missed, all at once after a restore.
 * So only one of these runs is kept: the task's next time is moved forward by whole periods, which
 * keeps its phase. Tasks with a fixed delay, and those that run once, run only once in any case.
 *
 * The timers' threads need the monitor of their queue before they examine a task. All these
 * monitors are held from before the freeze until the correction is done, because after a restore
 * other threads run before this one. No code of the application runs while they are held.
 */
#include "hotspot/timers.h"

#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/java.h"
#include "runtime/jvm.h"
#include "runtime/log.h"

#define MAX_TIMERS 4096

static jobject *queues; /* global references; the requester's thread holds the monitor of each */
static size_t queue_count;
/* the time of the wall clock when the monitors were locked */
static int64_t held_ms;
static jclass thread_class, queue_class, task_class; /* global references, kept */

static void hold(JNIEnv *env, jobject thread, jfieldID queue_at)
{
    jobject queue = (*env)->GetObjectField(env, thread, queue_at);
    jobject kept = queue ? (*env)->NewGlobalRef(env, queue) : NULL;

    if (kept && queue_count < MAX_TIMERS && (*env)->MonitorEnter(env, kept) == JNI_OK)
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
        queues = calloc(MAX_TIMERS, sizeof *queues);
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

/* Members of java.util.TaskQueue and TimerTask; the names are the same from JDK 8 to 25. */
struct members {
    jfieldID tasks, size, next, period;
    jmethodID heapify, notify;
};

static bool find_members(JNIEnv *env, struct members *to)
{
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_FIELD, "queue", "[Ljava/util/TimerTask;", &queue_class, &to->tasks},
        {CKPT_JAVA_FIELD, "size", "I", &queue_class, &to->size},
        {CKPT_JAVA_FIELD, "nextExecutionTime", "J", &task_class, &to->next},
        {CKPT_JAVA_FIELD, "period", "J", &task_class, &to->period},
        {CKPT_JAVA_METHOD, "heapify", "()V", &queue_class, &to->heapify},
        {CKPT_JAVA_METHOD, "notify", "()V", &queue_class, &to->notify},
    };

    return ckpt_java_look_up(env, rows, CKPT_COUNT(rows));
}

/* The next time of a task. Runs that were already due at the freeze stay due. */
static int64_t corrected(int64_t next, int64_t period, int64_t now)
{
    int64_t from = next > held_ms ? next : held_ms;

    if (now > from)
        return next + (now - from) / period * period;
    if (now < held_ms) /* the clock of this machine is behind */
        return next - (held_ms - now) / period * period;
    return next;
}

static void correct(JNIEnv *env, jobject queue, const struct members *members, int64_t now)
{
    jobjectArray tasks = (*env)->GetObjectField(env, queue, members->tasks);
    jint size = (*env)->GetIntField(env, queue, members->size);
    bool changed = false;

    for (jint i = 1; tasks && i <= size && i < (*env)->GetArrayLength(env, tasks); i++) {
        jobject task = (*env)->GetObjectArrayElement(env, tasks, i);
        int64_t period = task ? (*env)->GetLongField(env, task, members->period) : 0;

        if (period > 0) {
            int64_t next = (*env)->GetLongField(env, task, members->next);
            int64_t then = corrected(next, period, now);

            (*env)->SetLongField(env, task, members->next, then);
            changed |= then != next;
        }
        (*env)->DeleteLocalRef(env, task);
    }
    (*env)->DeleteLocalRef(env, tasks);
    if (changed) {
        (*env)->CallVoidMethod(env, queue, members->heapify);
        /* Wake the timer's thread, so that the late run happens now, not at the end of its wait. */
        if (!ckpt_java_clear(env))
            (*env)->CallVoidMethod(env, queue, members->notify);
    }
    ckpt_java_clear(env);
}

void ckpt_timers_release(JNIEnv *env, bool restored)
{
    struct members members = {.tasks = NULL};
    bool can_correct = restored && queue_count && find_members(env, &members);
    int64_t now = ckpt_clock_ms(CLOCK_REALTIME);

    if (restored && queue_count && !can_correct)
        ckpt_log("warning", "cannot correct the timers of this JDK: a java.util.Timer at a fixed "
                            "rate runs once for each period that it missed");
    while (queue_count > 0) {
        jobject queue = queues[--queue_count];

        if (can_correct)
            correct(env, queue, &members, now);
        (*env)->MonitorExit(env, queue);
        (*env)->DeleteGlobalRef(env, queue);
    }
}
