/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Hints for a refused checkpoint whose reasons do not show the remedy: the agent was loaded too
 * late for the hooks to be called, or a known library has an option for checkpoints.
 */
#include "agent/hints.h"

#include <string.h>

#include "runtime/java.h"
#include "runtime/jvm.h"

#define CONNECTION "is a TCP connection from"

/* org.crac looked for its implementation before the agent was loaded: no hook is ever called. */
static bool loaded_after_crac;

struct search {
    const char *signature;
    bool used;
};

static bool matches(JNIEnv *env, jclass class, char *signature, void *context)
{
    struct search *search = context;

    (void)env;
    search->used = strcmp(signature, search->signature) == 0 && ckpt_java_is_initialised(class);
    return !search->used;
}

/* Whether a class is loaded and initialised. */
static bool is_in_use(const char *signature)
{
    struct search search = {.signature = signature};
    JNIEnv *env = ckpt_jvm_env();

    return env && ckpt_java_each_class(env, matches, &search) && search.used;
}

void ckpt_hints_init(void)
{
    loaded_after_crac = is_in_use("Lorg/crac/Core;");
}

void ckpt_hints_add(struct ckpt_report *report)
{
    bool connection = strstr(report->text, CONNECTION);

    if (report->count == 0)
        return;
    if (loaded_after_crac)
        ckpt_report_add(report, "error",
                        "the beforeCheckpoint hooks were not called: org.crac was in use before "
                        "the agent was loaded; start the JVM with the agent, as 'checkpointer run' "
                        "does");
    else if (connection && is_in_use("Lcom/zaxxer/hikari/pool/HikariPool;"))
        ckpt_report_add(report, "error",
                        "a HikariCP pool has connections open; with Spring Boot, "
                        "spring.datasource.hikari.allow-pool-suspension=true closes them for a "
                        "checkpoint, elsewhere suspendPool() and softEvictConnections() do");
}
