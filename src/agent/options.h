/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The agent's current options: set when the agent is loaded, changed when it is loaded again.
 */
#ifndef CKPT_AGENT_OPTIONS_H
#define CKPT_AGENT_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "engine/allowance.h"
#include "engine/labels.h"

/** org_crac=found|linked|none: who gets the agent's own org.crac if the application has none */
enum ckpt_org_crac {
    CKPT_ORG_CRAC_DEFAULT, /**< found with -javaagent, linked with -agentpath */
    CKPT_ORG_CRAC_FOUND,   /**< classes that need it, and Class.forName() */
    CKPT_ORG_CRAC_LINKED,  /**< classes that need it; Class.forName() only after one did */
    CKPT_ORG_CRAC_NONE,
};

#define CKPT_CRIU_OPTIONS_MAX 16
#define CKPT_CRIU_OPTION_SIZE 256

/** The options of -agentpath:...=OPTIONS; see options.c and the manual. */
struct ckpt_options {
    /** image=DIR: where Core.checkpointRestore() writes the image, with patterns; "": none */
    char image[PATH_MAX];
    bool keep_running;            /**< keep_running=true: the JVM continues after a checkpoint */
    struct ckpt_labels labels;    /**< label=KEY=VALUE, repeatable: labels of each image */
    bool gc;                      /**< gc=false: no garbage collection before the freeze */
    bool rehearsal;               /**< rehearsal=false: an image is not rehearsed */
    unsigned rehearsal_timeout_s; /**< rehearsal_timeout=SECONDS */
    bool control;                 /**< control=false: no control socket */
    unsigned park_timeout_ms;     /**< park_timeout=MS */
    unsigned hook_timeout_s;      /**< hook_timeout=SECONDS for each hook; 0: no limit */
    char addr[512];               /**< addr=HOST[:PORT], unix:PATH or none: the HTTP endpoint */
    bool addr_given;              /**< the user gave addr: a failure to listen there is an error */
    bool shutdown;                /**< shutdown=false: the endpoint is open after a restore too */
    unsigned shutdown_timeout_s;  /**< shutdown_timeout=SECONDS for requests in progress */
    bool compatible;              /**< compatible=true: each half runs, whatever came before */
    unsigned undo_timeout_s;      /**< undo_timeout=SECONDS between the halves; 0: no limit */
    int signal;                   /**< signal=NAME requests a checkpoint; 0: none */
    bool fd_stacks;               /**< fd_stacks=true: record where descriptors are opened */
    bool timer_catch_up; /**< timer_catch_up=true: java.util.Timer repeats all missed runs */
    bool renew_random;   /**< renew_random=true: also generators that may have an explicit seed */
    char policies[PATH_MAX];         /**< policies=FILE: rules for open descriptors; "": none */
    struct ckpt_allowance allowance; /**< connections=, children= and tmp_files= */
    char restore_policies[PATH_MAX]; /**< restore_policies=FILE for restores; "": none */
    char restore_cwd[PATH_MAX];      /**< restore_cwd=DIR for restores; "": none */
    enum ckpt_org_crac org_crac;
    char engine[16];         /**< engine=NAME that freezes the JVM; "auto": the default */
    char criu[PATH_MAX];     /**< criu=PATH of the program; "": that in PATH */
    unsigned criu_timeout_s; /**< criu_timeout=SECONDS; 0: its default */
    bool tcp_established;    /**< tcp_established=true: criu keeps TCP connections */
    /** criu_option=OPTION, repeatable: options of criu's own */
    char criu_options[CKPT_CRIU_OPTIONS_MAX][CKPT_CRIU_OPTION_SIZE];
    unsigned criu_option_count;
};

/** The defaults. */
#define CKPT_OPTIONS_DEFAULT                                                                       \
    (struct ckpt_options)                                                                          \
    {                                                                                              \
        .gc = true, .rehearsal = true, .rehearsal_timeout_s = 30, .control = true,                 \
        .park_timeout_ms = 5000, .hook_timeout_s = 60, .addr = "localhost:10095",                  \
        .shutdown = true, .shutdown_timeout_s = 10, .undo_timeout_s = 300, .engine = "auto"        \
    }

extern struct ckpt_options ckpt_options;

/** Parse "key=value,key=value". 0, or -1 with the reason and what was expected. */
int ckpt_options_parse(const char *text, struct ckpt_options *options, struct ckpt_error *error);

#endif
