/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What helps against a refused checkpoint, where the reasons alone do not tell: that the hooks were
 * not called at all, and the cure that a known library has.
 */
#include "agent/hints.h"

#include <string.h>

#include "runtime/java.h"
#include "runtime/jvm.h"

#define CONNECTION "is a TCP connection from"

/* org.crac chose its implementation before there was one: no hook is ever called. */
static bool came_late;

struct wanted {
    const char *signature;
    bool used;
};

static bool is_it(JNIEnv *env, jclass class, char *signature, void *context)
{
    struct wanted *wanted = context;

    (void)env;
    wanted->used = strcmp(signature, wanted->signature) == 0 && ckpt_java_is_initialised(class);
    return !wanted->used;
}

/* Whether a class is there and has been used. */
static bool is_used(const char *signature)
{
    struct wanted wanted = {.signature = signature};
    JNIEnv *env = ckpt_jvm_env();

    return env && ckpt_java_each_class(env, is_it, &wanted) && wanted.used;
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
