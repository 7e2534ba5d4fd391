/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rows of renew.c: the identity of this process. HotSpot and most of the JDK get the PID from the
 * kernel whenever they need it (JFR, the attach mechanism, the MXBeans); ProcessHandle stores it.
 *
 * RMI makes its identifiers from a number that should be unique on the host. The row clears RMI's
 * flag that it has a number, so that RMI chooses a new one. Existing identifiers keep their number,
 * because other processes know them.
 */
#include "hotspot/renew/renew_row.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "hotspot/renew/raw_memory.h"
#include "runtime/process_identity.h"

enum { CURRENT, PID, START_TIME };
enum { HAS_NUMBER };

static jlong ticks_before; /* start of the old process in clock ticks; -1: unknown */

static bool prepare_handle(JNIEnv *env, struct ckpt_renew_row *row)
{
    jclass owner = row->owner;
    jobject current;

    row->ids[CURRENT] = (*env)->GetStaticFieldID(env, owner, "current", row->signature);
    row->ids[PID] = row->ids[CURRENT] ? (*env)->GetFieldID(env, owner, "pid", "J") : NULL;
    row->ids[START_TIME] = row->ids[PID] ? (*env)->GetFieldID(env, owner, "startTime", "J") : NULL;
    ticks_before = ckpt_process_identity_ticks();
    if (!row->ids[START_TIME])
        return false;
    current = (*env)->GetStaticObjectField(env, owner, row->ids[CURRENT]);
    current = current ? ckpt_renew_row_keep(env, row, current) : NULL;
    if (current)
        ckpt_raw_memory_add_pid(env, current, row->ids[PID], sizeof(jlong));
    return current != NULL;
}

/*
 * ProcessHandle.info() is empty unless startTime equals what the JDK computes from the kernel's
 * ticks and the boot time that it has read once. Adding the difference of ticks gives that value.
 */
static bool renew_handle(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jobject current = (*env)->GetStaticObjectField(env, row->owner, row->ids[CURRENT]);
    jlong ticks = ckpt_process_start_ticks();
    jlong started;

    if (!current)
        return false;
    (*env)->SetLongField(env, current, row->ids[PID], getpid());
    started = (*env)->GetLongField(env, current, row->ids[START_TIME]);
    if (started > 0 && ticks >= 0 && ticks_before >= 0)
        (*env)->SetLongField(env, current, row->ids[START_TIME],
                             started + (ticks - ticks_before) * 1000 / sysconf(_SC_CLK_TCK));
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
