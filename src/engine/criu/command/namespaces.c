/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See namespaces.h. criu restores a tree of processes in the namespaces of its first process, and
 * makes that process in those of the command, except for a few kinds of which it makes new ones. It
 * refuses a process of the tree in another UTS namespace, for example, but dumps one in another
 * network or mount namespace and cannot restore it. Which kinds it refuses depends on its version,
 * so each kind that the kernel knows is compared here, before any hook.
 */
#include "engine/criu/command/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/processes.h"
#include "engine/criu/command/tree.h"

#define KINDS_MAX 32

/* The namespaces of the first process. */
struct namespaces {
    pid_t pid;
    size_t count;
    struct {
        char kind[32];
        ino_t inode;
    } list[KINDS_MAX];
    struct ckpt_error *error;
};

/* 0, or the errno value: EACCES for a process that may not be read, ENOENT for one that ended. */
static int read_namespace(int folder, const char *kind, ino_t *ret_inode)
{
    struct stat status;

    if (fstatat(folder, kind, &status, 0) < 0)
        return errno;
    *ret_inode = status.st_ino;
    return 0;
}

static int open_folder(const struct ckpt_process_threads *thread)
{
    char path[64];

    snprintf(path, sizeof path, "%.20s/ns", thread->name);
    return openat(thread->folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void read_first(struct namespaces *first)
{
    ckpt_auto_closedir DIR *folder = NULL;
    const struct dirent *entry;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/ns", first->pid);
    folder = opendir(path);
    while (folder && first->count < KINDS_MAX && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.' ||
            read_namespace(dirfd(folder), entry->d_name, &first->list[first->count].inode))
            continue;
        snprintf(first->list[first->count++].kind, sizeof first->list->kind, "%.31s",
                 entry->d_name);
    }
}

/* A thread that has ended, or is about to, has no mount namespace, and few of the others. */
static bool has_ended(int folder)
{
    ino_t inode;

    return read_namespace(folder, "mnt", &inode) != 0;
}

/*
 * The kind of namespace in which a thread differs from the first process, or NULL. One that it has
 * made for children, and in which there is none yet, has no inode.
 */
static const char *find_other(const struct namespaces *first, int folder)
{
    ino_t inode = 0;

    if (has_ended(folder))
        return NULL;
    for (size_t i = 0; i < first->count; i++) {
        int failed = read_namespace(folder, first->list[i].kind, &inode);

        if (failed == ENOENT && has_ended(folder))
            return NULL; /* meanwhile */
        if (failed ? failed == ENOENT : inode != first->list[i].inode)
            return first->list[i].kind;
    }
    return NULL;
}

static int refuse(const struct namespaces *first, pid_t pid,
                  const struct ckpt_process_threads *thread, const char *kind)
{
    char name[64];

    if (!ckpt_process_threads_read(thread, "comm", name, sizeof name))
        strcpy(name, "?");
    if (pid == first->pid)
        return ckpt_error_set(first->error, 0,
                              "thread %s ('%s') of the JVM is in another namespace (%s) than the "
                              "JVM, and criu could not restore it there; it must not call "
                              "unshare() or setns()",
                              thread->name, name, kind);
    return ckpt_error_set(first->error, 0,
                          "child process %d ('%s') is in another namespace (%s) than the JVM, and "
                          "criu could not restore it; end it before the checkpoint, or start it "
                          "without a sandbox of its own ('lsns -p %d' shows its namespaces)",
                          pid, name, kind, pid);
}

static bool check_process(pid_t pid, void *context)
{
    ckpt_auto_process_threads struct ckpt_process_threads thread;
    struct namespaces *first = context;

    ckpt_process_threads_open(&thread, pid);
    while (ckpt_process_threads_next(&thread)) {
        ckpt_auto_close int folder = open_folder(&thread);
        const char *kind = folder < 0 ? NULL : find_other(first, folder);

        if (kind) {
            refuse(first, pid, &thread, kind);
            return true;
        }
    }
    return false;
}

/*
 * criu dumps the first process of a PID namespace together with that namespace, which restore()
 * cannot make; other processes it dumps only from inside of their namespace. It cannot make a user
 * namespace again in which the first process has no other new namespaces.
 */
static int check_first(const struct namespaces *first, struct ckpt_error *error)
{
    ino_t inode = 0;

    for (size_t i = 0; i < first->count; i++) {
        bool is_pid = strcmp(first->list[i].kind, "pid") == 0;

        if ((!is_pid && strcmp(first->list[i].kind, "user") != 0) ||
            read_namespace(AT_FDCWD, is_pid ? "/proc/self/ns/pid" : "/proc/self/ns/user", &inode) ||
            inode == first->list[i].inode)
            continue;
        return ckpt_error_set(error, 0,
                              "JVM %d is in another %s namespace, and criu could not restore it; "
                              "run checkpointer inside of that container%s",
                              first->pid, is_pid ? "PID" : "user",
                              is_pid ? ", in which the JVM must not be process 1 (docker run "
                                       "--init)"
                                     : "");
    }
    if (first->pid == 1)
        return ckpt_error_set(error, 0,
                              "the JVM is process 1 of its PID namespace, and criu could not "
                              "restore it; start it below an init (docker run --init), or use the "
                              "built-in engine");
    return 0;
}

int ckpt_criu_namespaces_check(pid_t pid, struct ckpt_error *error)
{
    struct namespaces first = {.pid = pid, .error = error};

    read_first(&first);
    if (check_first(&first, error) < 0)
        return -1;
    return ckpt_criu_tree_any(pid, check_process, &first) ? -1 : 0;
}
