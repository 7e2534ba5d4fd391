/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's one state: set up when the JVM starts or when the agent is loaded into it, read ever
 * after.  Nothing here runs, and nothing costs, while no checkpoint is asked for, except one thread
 * that waits in accept().
 */
#ifndef CKPT_AGENT_AGENT_H
#define CKPT_AGENT_AGENT_H

#include <jni.h>
#include <jvmti.h>
#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "image/format.h"

/** What -agentpath:...=OPTIONS may say; see options.c and the manual. */
struct ckpt_options {
    char image[PATH_MAX];         /**< image=DIR: where Core.checkpointRestore() writes; "": none */
    bool gc;                      /**< gc=false: no collection before the checkpoint */
    bool rehearsal;               /**< rehearsal=false: an image is not rehearsed */
    unsigned rehearsal_timeout_s; /**< rehearsal_timeout=SECONDS */
    bool control;                 /**< control=false: no control socket */
    unsigned park_timeout_ms;     /**< park_timeout=MS */
    unsigned hook_timeout_s;      /**< hook_timeout=SECONDS for each hook; 0: no limit */
    char addr[512];               /**< addr=HOST[:PORT], unix:PATH or none: the HTTP endpoint */
    bool addr_given;              /**< not the default: what goes wrong with it is an error */
    bool shutdown;                /**< shutdown=false: the endpoint is there after a restore too */
    unsigned shutdown_timeout_s;  /**< shutdown_timeout=SECONDS for requests on their way */
    unsigned undo_timeout_s;      /**< undo_timeout=SECONDS from before to after; 0: no limit */
    int signal;                   /**< signal=NAME asks for a checkpoint; 0: none */
    bool fd_stacks;               /**< fd_stacks=true: remember where descriptors were opened */
    bool timer_catch_up;          /**< timer_catch_up=true: java.util.Timer makes up for all runs */
    bool renew_random;       /**< renew_random=true: also what may have an application's seed */
    unsigned tmp_files_mib;  /**< tmp_files=MIB of temporary files that are in the image */
    char policies[PATH_MAX]; /**< policies=FILE: rules for open descriptors; "": none */
    char restore_policies[PATH_MAX]; /**< restore_policies=FILE that restores will be given; "" */
    char restore_cwd[PATH_MAX];      /**< restore_cwd=DIR that restores will be given; "" */
};

/** The options of somebody who gave none. */
#define CKPT_OPTIONS_DEFAULT                                                                       \
    (struct ckpt_options)                                                                          \
    {                                                                                              \
        .gc = true, .rehearsal = true, .rehearsal_timeout_s = 30, .control = true,                 \
        .park_timeout_ms = 5000, .hook_timeout_s = 60, .addr = "localhost:10095",                  \
        .shutdown = true, .shutdown_timeout_s = 10, .undo_timeout_s = 300, .tmp_files_mib = 64     \
    }

struct ckpt_agent {
    JavaVM *vm;
    jvmtiEnv *jvmti;
    struct ckpt_options options;
    bool ready;                  /**< classes are defined: checkpoints may be asked for */
    char java[256];              /**< "OpenJDK 64-Bit Server VM 17.0.15+6 (Debian)" */
    struct ckpt_mailbox mailbox; /**< the restorer writes here: see image/format.h */
    int64_t started_ns; /**< when the JVM was started first, by the wall clock; 0: not asked yet */
};

extern struct ckpt_agent ckpt_agent;

/** Parse "key=value,key=value". -1 with what is wrong and what was expected. */
int ckpt_options_parse(const char *text, struct ckpt_options *options, struct ckpt_error *error);

/** Define the Java classes in the boot loader and register natives (classes.c). 0 or -1. */
int ckpt_classes_define(JNIEnv *env, struct ckpt_error *error);

/** Native methods of jdk.crac.impl.Native (checkpoint.c). */
jobjectArray ckpt_native_freeze(JNIEnv *env, jclass owner, jstring directory);
jlong ckpt_native_restore_time(JNIEnv *env, jclass owner);
jlong ckpt_native_uptime(JNIEnv *env, jclass owner);

/** Native method of jdk.crac.impl.Native and ways in beside -agentpath (entry.c). */
jboolean ckpt_native_change_options(JNIEnv *env, jclass owner, jbyteArray options);

/** Whether there is another copy of the agent in this JVM, which came first (entry.c). */
bool ckpt_entry_is_second(JNIEnv *env);

/** Give @options to the copy that came first; it says what is wrong with them. */
bool ckpt_entry_forward(JNIEnv *env, const char *options);

/** The steps of loading the agent (agent.c); they say what is wrong. */
bool ckpt_agent_set_up(JavaVM *vm, const char *options);
bool ckpt_agent_begin(JNIEnv *env);
bool ckpt_agent_change(JNIEnv *env, const char *options);

/** What has to be known before the first checkpoint (checkpoint.c). */
void ckpt_checkpoint_init(JNIEnv *env);

/** Write the manifest to @fd (manifest.c). */
int ckpt_manifest_write(int fd, const uint8_t id[16], struct ckpt_error *error);

/** One line to standard error: "checkpointer: LEVEL: text". */
void ckpt_agent_log(const char *level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The same for @text of many lines, which is written as a whole however long it is. */
void ckpt_agent_log_lines(const char *level, const char *text);

#endif
