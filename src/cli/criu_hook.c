/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * checkpointer-criu-hook: for CRIU's option --action-script, which takes a path without arguments.
 * CRIU starts it for each of its actions; the environment has the action and the PID of the first
 * process of the tree. Every JVM in the tree that has the agent gets its two halves:
 *
 *   pre-dump     the first half, before anything is frozen; if it fails, so does the dump
 *   post-resume  the second half, when the restored processes run
 *
 * CRIU runs no script after a dump that failed, or after one with --leave-running. So the hook
 * leaves a process behind that waits for CRIU's end: JVMs that are still there then get their
 * second half. If the dump succeeded they have ended.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/jvm_tree.h"

static bool any_failed;

static void fail(const struct ckpt_error *error)
{
    fprintf(stderr, "checkpointer-criu-hook: %s\n", error->text);
    any_failed = true;
}

/* ---- the actions ---- */

/* CRIU starts its scripts without standard input; no descriptor of ours must get that number. */
static void complete_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static int before_dump(pid_t root)
{
    ckpt_auto_close int criu = (int)syscall(SYS_pidfd_open, getppid(), 0);
    struct ckpt_jvm_tree tree;
    struct ckpt_error error;
    char text[512];

    ckpt_jvm_tree_find(root, true, 0, &tree);
    if (ckpt_jvm_tree_warning(&tree, text, sizeof text))
        fprintf(stderr, "checkpointer-criu-hook: %s\n", text);
    if (ckpt_jvm_tree_check(&tree, &error) < 0 || ckpt_jvm_tree_prepare(&tree, false, &error) < 0)
        fail(&error);
    else if (criu >= 0)
        ckpt_jvm_tree_watch(&tree, criu);
    ckpt_jvm_tree_free(&tree);
    return any_failed ? CKPT_EXIT_FAILED : CKPT_EXIT_DONE;
}

static int after_restore(pid_t root)
{
    struct ckpt_jvm_tree tree;

    ckpt_jvm_tree_find(root, true, 0, &tree);
    ckpt_jvm_tree_restored(&tree, fail);
    ckpt_jvm_tree_free(&tree);
    return any_failed ? CKPT_EXIT_FAILED : CKPT_EXIT_DONE;
}

int ckpt_criu_hook(void)
{
    const char *action = getenv("CRTOOLS_SCRIPT_ACTION"), *root = getenv("CRTOOLS_INIT_PID");
    bool dumps = action && strcmp(action, "pre-dump") == 0;

    if (!action) {
        fprintf(stderr, "checkpointer-criu-hook: CRTOOLS_SCRIPT_ACTION is not set; this is for "
                        "criu's option --action-script, see checkpointer(1)\n");
        return CKPT_EXIT_USAGE;
    }
    if (!dumps && strcmp(action, "post-resume") != 0)
        return CKPT_EXIT_DONE;
    if (!root || atoi(root) <= 0) {
        fprintf(stderr, "checkpointer-criu-hook: criu does not name the process in "
                        "CRTOOLS_INIT_PID; a newer criu is needed\n");
        return CKPT_EXIT_FAILED;
    }
    complete_standard_streams();
    return dumps ? before_dump(atoi(root)) : after_restore(atoi(root));
}
