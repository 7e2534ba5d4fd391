/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Hints for a refused checkpoint whose reasons do not show the remedy: the agent was loaded too
 * late for the hooks to be called, or a known library has an option for checkpoints.
 */
#include "agent/hints.h"

#include <stdio.h>
#include <string.h>

#include "agent/engine_option.h"
#include "agent/options.h"
#include "base/cleanup.h"
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

/* "a, b and c" of those that the report has lines about, in this order. */
static void list_kept(const struct ckpt_report *report, char *text, size_t size)
{
    static const char *const names[] = {
        [CKPT_CRIU_KEEPS_CHILDREN] = "child processes",
        [CKPT_CRIU_KEEPS_CONNECTIONS] = "connections",
        [CKPT_CRIU_KEEPS_UDP] = "UDP sockets",
        [CKPT_CRIU_KEEPS_UNIX] = "Unix sockets whose other end is in the JVM",
        [CKPT_CRIU_KEEPS_FIFOS] = "named pipes",
        [CKPT_CRIU_KEEPS_WATCHES] = "file watches",
        [CKPT_CRIU_KEEPS_OTHER_SOCKETS] = "packet, netlink and raw sockets",
        [CKPT_CRIU_KEEPS_DELETED] = "deleted files of any size",
        [CKPT_CRIU_KEEPS_TIMERS] = "timers of native code",
    };
    const char *last = NULL;

    text[0] = '\0';
    for (size_t i = 1; i < CKPT_COUNT(names); i++) {
        size_t used = strlen(text);

        if (!ckpt_report_has_kept(report, (enum ckpt_criu_keeps)i))
            continue;
        if (last)
            snprintf(text + used, size - used, "%s%s", used ? ", " : "", last);
        last = names[i];
    }
    if (last) {
        size_t used = strlen(text);

        snprintf(text + used, size - used, "%s%s", used ? " and " : "", last);
    }
}

void ckpt_hints_add_engine(struct ckpt_report *report)
{
    bool connection = ckpt_report_has_kept(report, CKPT_CRIU_KEEPS_CONNECTIONS);
    struct ckpt_error error;
    char kept[512];

    list_kept(report, kept, sizeof kept);
    if (*kept && ckpt_engine_option_find_program(&ckpt_options, &error) == 0)
        ckpt_report_add(report, "error",
                        "the engine criu, which is installed, can keep %s; use 'checkpointer "
                        "checkpoint --engine=criu%s'",
                        kept, connection ? " --tcp-established" : "");
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
                        "a HikariCP pool has connections open; --connections=close lets it make "
                        "new ones in the restored process; or close them before: with Spring Boot "
                        "by spring.datasource.hikari.allow-pool-suspension=true, elsewhere by "
                        "suspendPool() and softEvictConnections()");
}
