/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See jvm_tree.h. Between a look at a process and a request to it, another one may get its PID, so
 * its start time is compared each time.
 */
#include "cli/jvm_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/agent_request.h"
#include "cli/cli.h"

#define AGENT_LIBRARY "libcheckpointer"
#define TIMEOUT_S 600 /* a hook may take hook_timeout, 60 s by default, and there are several */
#define WATCHED_FD 3

struct process {
    pid_t pid, parent;
    uint64_t start;
    bool in_tree;
};

struct list {
    struct process *all;
    size_t count;
};

/* ---- the tree ---- */

/* False if there is no such process. */
static bool read_process(pid_t pid, struct process *ret)
{
    ckpt_auto_close int fd = -1;
    char text[1024], *at;
    ssize_t length;

    snprintf(text, sizeof text, "/proc/%d/stat", pid);
    fd = open(text, O_RDONLY | O_CLOEXEC);
    length = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (length <= 0)
        return false;
    text[length] = '\0';
    at = strrchr(text, ')'); /* the name before it may have any characters */
    if (!at || sscanf(at + 1, " %*c %d", &ret->parent) != 1)
        return false;
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    ret->pid = pid;
    ret->start = at ? strtoull(at, NULL, 10) : 0;
    return true;
}

static struct list list_processes(void)
{
    ckpt_auto_closedir DIR *entries = opendir("/proc");
    const struct dirent *entry;
    struct list list = {NULL, 0};

    while (entries && (entry = readdir(entries))) {
        struct process process = {.pid = 0};
        struct process *more;

        if (*entry->d_name < '0' || *entry->d_name > '9' ||
            !read_process(atoi(entry->d_name), &process))
            continue;
        more = realloc(list.all, (list.count + 1) * sizeof *more);
        if (!more)
            break;
        list.all = more;
        list.all[list.count++] = process;
    }
    return list;
}

static const struct process *find(const struct list *list, pid_t pid)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->all[i].pid == pid)
            return &list->all[i];
    return NULL;
}

static void mark_tree(struct list *list, pid_t root)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < list->count; i++) {
            struct process *process = &list->all[i];
            const struct process *parent = find(list, process->parent);

            if (process->in_tree || (process->pid != root && !(parent && parent->in_tree)))
                continue;
            process->in_tree = changed = true;
        }
    }
}

/* Whether the process itself is a JVM that this command may inspect. */
static bool find_jvm(pid_t pid, struct ckpt_target *ret_target)
{
    struct ckpt_error ignored;
    char text[16];

    snprintf(text, sizeof text, "%d", pid);
    return ckpt_target_find(text, ret_target, &ignored) == 0 && ret_target->pid == pid;
}

/* A JVM without the agent has no hooks, so the agent is not loaded for them. */
static bool has_agent(const struct ckpt_target *target)
{
    struct ckpt_error ignored;
    int fd;

    if (ckpt_target_maps(target, AGENT_LIBRARY))
        return true;
    fd = ckpt_target_connect(target, &ignored);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void ckpt_jvm_tree_find(pid_t root, bool with_root, unsigned timeout_s, struct ckpt_jvm_tree *ret)
{
    struct ckpt_jvm_tree tree = CKPT_JVM_TREE_NONE;
    struct list list = list_processes();

    tree.timeout_s = timeout_s ? timeout_s : TIMEOUT_S;
    mark_tree(&list, root);
    for (size_t i = 0; i < list.count; i++) {
        const struct process *process = &list.all[i];
        struct ckpt_tree_jvm *more;
        struct ckpt_target target;

        if (!process->in_tree || (process->pid == root && !with_root) ||
            !find_jvm(process->pid, &target))
            continue;
        more = realloc(tree.jvms, (tree.count + 1) * sizeof *more);
        if (!more)
            break;
        tree.jvms = more;
        tree.jvms[tree.count++] = (struct ckpt_tree_jvm){
            .pid = process->pid, .start = process->start, .has_agent = has_agent(&target)};
    }
    free(list.all);
    *ret = tree;
}

void ckpt_jvm_tree_free(struct ckpt_jvm_tree *tree)
{
    if (tree->watcher >= 0) {
        send(tree->watcher, "", 1, MSG_NOSIGNAL);
        close(tree->watcher);
    }
    free(tree->jvms);
    *tree = CKPT_JVM_TREE_NONE;
}

bool ckpt_jvm_tree_warning(const struct ckpt_jvm_tree *tree, char *text, size_t size)
{
    char pids[256] = "";
    size_t length = 0, count = 0;

    for (size_t i = 0; i < tree->count && length < sizeof pids - 1; i++)
        if (!tree->jvms[i].has_agent)
            length += (size_t)snprintf(pids + length, sizeof pids - length, "%s%d",
                                       count++ ? ", " : "", tree->jvms[i].pid);
    snprintf(text, size,
             "%s %s of this tree %s the agent: no hooks are called there, and random generators "
             "generate the same numbers after each restore; start %s with the agent too "
             "(JAVA_TOOL_OPTIONS=-agentpath:...)",
             count == 1 ? "JVM" : "JVMs", pids, count == 1 ? "does not have" : "do not have",
             count == 1 ? "it" : "them");
    return count > 0;
}

/* ---- requests ---- */

/* The same process as then, if it is still there. */
static bool find_again(const struct ckpt_tree_jvm *jvm, struct ckpt_target *ret_target)
{
    struct process now;

    return read_process(jvm->pid, &now) && now.start == jvm->start &&
           find_jvm(jvm->pid, ret_target);
}

static int request(const struct ckpt_jvm_tree *tree, const struct ckpt_target *target,
                   const char *text, struct ckpt_error *error)
{
    struct ckpt_agent_progress progress = {.collects = true, .timeout_s = tree->timeout_s};

    if (ckpt_agent_request(target, text, &progress, error) >= 0)
        return 0;
    return ckpt_error_prefix(error, "JVM %d of this tree", target->pid);
}

int ckpt_jvm_tree_check(const struct ckpt_jvm_tree *tree, struct ckpt_error *error)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct ckpt_tree_jvm *jvm = &tree->jvms[i];
        struct ckpt_target target;
        int fd;

        if (!jvm->has_agent || !find_again(jvm, &target))
            continue;
        if (target.stopped)
            return ckpt_error_set(error, 0,
                                  "JVM %d of this tree is stopped, so its hooks cannot be called; "
                                  "let it continue first: 'kill -CONT %d'",
                                  jvm->pid, jvm->pid);
        fd = ckpt_target_connect(&target, error);
        if (fd == -1)
            return ckpt_error_prefix(error, "JVM %d of this tree", jvm->pid);
        if (fd == -2)
            return ckpt_error_set(error, 0,
                                  "JVM %d of this tree has the agent, but no control socket for "
                                  "its hooks (it is still starting, or has control=false); wait "
                                  "for it, or start it without that option",
                                  jvm->pid);
        close(fd);
    }
    return 0;
}

int ckpt_jvm_tree_prepare(struct ckpt_jvm_tree *tree, bool no_gc, struct ckpt_error *error)
{
    struct ckpt_error ignored;
    struct ckpt_target target;
    int result = 0;

    for (size_t i = 0; i < tree->count && result == 0; i++) {
        struct ckpt_tree_jvm *jvm = &tree->jvms[i];

        if (!jvm->has_agent || jvm->prepared || !find_again(jvm, &target))
            continue;
        result = request(tree, &target, no_gc ? "prepare\ngc=0\n\n" : "prepare\n\n", error);
        jvm->prepared = result == 0;
    }
    if (result < 0)
        ckpt_jvm_tree_resume(tree, &ignored);
    return result;
}

int ckpt_jvm_tree_resume(struct ckpt_jvm_tree *tree, struct ckpt_error *error)
{
    int result = 0;

    for (size_t i = 0; i < tree->count; i++) {
        struct ckpt_tree_jvm *jvm = &tree->jvms[i];
        struct ckpt_target target;

        if (jvm->prepared && find_again(jvm, &target) &&
            request(tree, &target, "resume\n\n", error) < 0 && find_again(jvm, &target))
            result = -1;
        jvm->prepared = false;
    }
    return result;
}

void ckpt_jvm_tree_restored(const struct ckpt_jvm_tree *tree,
                            void (*failed)(const struct ckpt_error *error))
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct ckpt_tree_jvm *jvm = &tree->jvms[i];
        struct ckpt_target target;
        struct ckpt_error error;

        if (jvm->has_agent && find_again(jvm, &target) &&
            request(tree, &target, "resume\nrestored=1\n\n", &error) < 0 &&
            find_again(jvm, &target))
            failed(&error);
    }
}

/* ---- the watcher ---- */

/* All but @kept, which gets the number 3: a caller may wait for the end of the output. */
static void close_descriptors(int kept)
{
    int null;

    dup2(kept, WATCHED_FD);
    null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= STDERR_FILENO && null >= 0; fd++)
        dup2(null, fd);
    syscall(SYS_close_range, WATCHED_FD + 1, ~0u, 0);
}

static void watch(struct ckpt_jvm_tree *tree, int fd)
{
    struct pollfd end = {.fd = WATCHED_FD, .events = POLLIN};
    struct ckpt_error ignored;
    char byte;

    setsid();
    signal(SIGPIPE, SIG_IGN);
    close_descriptors(fd);
    tree->watcher = -1;
    while (poll(&end, 1, -1) < 0 && errno == EINTR)
        continue;
    if (recv(WATCHED_FD, &byte, 1, 0) != 1) /* not a message of ckpt_jvm_tree_free() */
        ckpt_jvm_tree_resume(tree, &ignored);
}

static bool any_prepared(const struct ckpt_jvm_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        if (tree->jvms[i].prepared)
            return true;
    return false;
}

void ckpt_jvm_tree_watch(struct ckpt_jvm_tree *tree, int pidfd)
{
    ckpt_auto_close int theirs = -1;
    int ends[2];
    pid_t child;

    if (!any_prepared(tree))
        return;
    if (pidfd < 0) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
            return; /* after a kill, the agents undo the first half by themselves (undo_timeout) */
        tree->watcher = ends[0];
        theirs = ends[1];
    }
    /* Neither a child of this process, which may wait for others, nor in the tree. */
    child = fork();
    if (child > 0)
        waitpid(child, NULL, 0);
    if (child != 0)
        return;
    if (fork() == 0) {
        if (tree->watcher >= 0)
            close(tree->watcher);
        watch(tree, pidfd < 0 ? theirs : pidfd);
    }
    _exit(0);
}
