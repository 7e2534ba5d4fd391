/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What helps against a refused checkpoint, where the reasons alone do not tell: that the hooks were
 * not called at all, and the cure that a known library has.
 */
#include "agent/hints.h"

#include <string.h>

#include "agent/agent.h"

#define CONNECTION "is a TCP connection from"

/* org.crac chose its implementation before there was one: no hook is ever called. */
static bool came_late;

/* Whether a class is there and has been used. */
static bool is_used(const char *signature)
{
    jvmtiEnv *jvmti = ckpt_agent.jvmti;
    jclass *classes = NULL;
    jint count = 0, status;
    bool used = false;
    JNIEnv *env = NULL;

    if ((*ckpt_agent.vm)->GetEnv(ckpt_agent.vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK ||
        (*jvmti)->GetLoadedClasses(jvmti, &count, &classes) != JVMTI_ERROR_NONE)
        return false;
    for (jint i = 0; i < count; i++) {
        char *name = NULL;

        if (!used && (*jvmti)->GetClassSignature(jvmti, classes[i], &name, NULL) == 0) {
            used = strcmp(name, signature) == 0 &&
                   (*jvmti)->GetClassStatus(jvmti, classes[i], &status) == JVMTI_ERROR_NONE &&
                   (status & JVMTI_CLASS_STATUS_INITIALIZED);
            (*jvmti)->Deallocate(jvmti, (unsigned char *)name);
        }
        (*env)->DeleteLocalRef(env, classes[i]);
    }
    (*jvmti)->Deallocate(jvmti, (unsigned char *)classes);
    return used;
}

void ckpt_hints_begin(void)
{
    came_late = is_used("Lorg/crac/Core;");
}

void ckpt_hints_add(struct ckpt_report *report)
{
    bool connection = strstr(report->text, CONNECTION);

    if (report->count == 0)
        return;
    if (came_late)
        ckpt_report_add(report, "error",
                        "the beforeCheckpoint hooks were not called: org.crac was in use before "
                        "the agent was loaded; start the JVM with the agent, as 'checkpointer run' "
                        "does");
    else if (connection && is_used("Lcom/zaxxer/hikari/pool/HikariPool;"))
        ckpt_report_add(report, "error",
                        "a HikariCP pool has connections open; with Spring Boot, "
                        "spring.datasource.hikari.allow-pool-suspension=true closes them for a "
                        "checkpoint, elsewhere suspendPool() and softEvictConnections() do");
}
