/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rows of renew.c: who this process is.  HotSpot and most of the JDK ask the kernel for the PID
 * whenever they need it (JFR, the attach mechanism, the MXBeans); ProcessHandle remembers it.
 *
 * RMI makes its identifiers from a number that is to be unique on this host; told that it has none,
 * it takes another.  Identifiers that exist keep theirs, for others know them.
 */
#include "agent/renew.h"

#include <unistd.h>

#include "base/cleanup.h"

enum { CURRENT, PID, START_TIME };
enum { HAS_NUMBER };

static jmethodID start_time_of;

static bool prepare_handle(JNIEnv *env, struct ckpt_renew_row *row)
{
    jclass owner = row->owner;

    row->ids[CURRENT] = (*env)->GetStaticFieldID(env, owner, "current", row->signature);
    row->ids[PID] = row->ids[CURRENT] ? (*env)->GetFieldID(env, owner, "pid", "J") : NULL;
    row->ids[START_TIME] = row->ids[PID] ? (*env)->GetFieldID(env, owner, "startTime", "J") : NULL;
    start_time_of =
        row->ids[START_TIME] ? (*env)->GetStaticMethodID(env, owner, "isAlive0", "(J)J") : NULL;
    return start_time_of != NULL;
}

/* ProcessHandle.info() is empty unless the start time is what the kernel tells. */
static bool renew_handle(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jobject current = (*env)->GetStaticObjectField(env, row->owner, row->ids[CURRENT]);
    jlong pid = getpid();
    jlong started;

    if (!current)
        return false;
    (*env)->SetLongField(env, current, row->ids[PID], pid);
    started = (*env)->CallStaticLongMethod(env, row->owner, start_time_of, pid);
    if ((*env)->ExceptionCheck(env))
        return false;
    (*env)->SetLongField(env, current, row->ids[START_TIME], started);
    return true;
}

static bool prepare_rmi(JNIEnv *env, struct ckpt_renew_row *row)
{
    row->ids[HAS_NUMBER] = (*env)->GetStaticFieldID(env, row->owner, "hostUniqueSet", "Z");
    return row->ids[HAS_NUMBER] != NULL;
}

static bool renew_rmi(JNIEnv *env, const struct ckpt_renew_row *row)
{
    (*env)->SetStaticBooleanField(env, row->owner, row->ids[HAS_NUMBER], JNI_FALSE);
    return true;
}

struct ckpt_renew_row ckpt_renew_process_rows[] = {
    {.name = "the process ID of ProcessHandle",
     .class = "java.lang.ProcessHandleImpl",
     .signature = "Ljava/lang/ProcessHandleImpl;",
     .prepare = prepare_handle,
     .renew = renew_handle},
    {.name = "the host's number in RMI identifiers",
     .class = "java.rmi.server.UID",
     .prepare = prepare_rmi,
     .renew = renew_rmi},
};
const size_t ckpt_renew_process_count = CKPT_COUNT(ckpt_renew_process_rows);
