/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Finds a JVM by its PID, and the control socket of its agent. A JVM in another mount or PID
 * namespace is found through /proc/PID/root and the last NSpid, as the JDK's tools do.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/processes.h"
#include "base/raw.h"
#include "cli/cli.h"

#define LIBRARY "libcheckpointer.so"
#define PID_LARGEST (1 << 22) /* the kernel's limit, whatever pid_max is */
#define CONNECT_S 10          /* connect() waits only while the listener's backlog is full */

/*
 * Whether the process maps libjvm.so: 1, 0, or -1 with @error. A restored JVM whose libjvm.so was
 * deleted before the checkpoint does not map it: its pages are anonymous memory
 * (engine/builtin/parked/memory.c).
 */
static int has_libjvm(const char *pid, struct ckpt_error *error)
{
    ckpt_auto_fclose FILE *maps = NULL;
    char line[PATH_MAX + 128];

    snprintf(line, sizeof line, "/proc/%s/maps", pid);
    maps = fopen(line, "re");
    if (!maps || !fgets(line, sizeof line, maps)) {
        if (maps || errno == ENOENT)
            return ckpt_error_set(error, 0, "process %s is a kernel thread or has just ended", pid);
        return ckpt_error_set(error, errno,
                              geteuid() ? "process %s is not yours; run this command as its owner "
                                          "or as root"
                                        : "process %s may not be inspected, even by root here; add "
                                          "CAP_SYS_PTRACE to this container",
                              pid);
    }
    do {
        if (strstr(line, "/libjvm.so"))
            return 1;
    } while (fgets(line, sizeof line, maps));
    return 0;
}

static int read_status(const char *pid, struct ckpt_target *target, struct ckpt_error *error)
{
    ckpt_auto_fclose FILE *status = NULL;
    char line[512], state;
    unsigned uid, gid;
    int process;

    snprintf(line, sizeof line, "/proc/%s/status", pid);
    status = fopen(line, "re");
    if (!status)
        return ckpt_error_set(error, 0, "there is no process %s", pid);
    while (fgets(line, sizeof line, status)) {
        const char *last = strrchr(line, '\t');

        if (sscanf(line, "Tgid:\t%d", &process) == 1 && process != target->pid)
            return ckpt_error_set(error, 0, "%s is a thread of process %d; name that", pid,
                                  process);
        if (sscanf(line, "State:\t%c", &state) == 1)
            target->stopped = state == 'T';
        if (sscanf(line, "Uid:\t%*u\t%u", &uid) == 1)
            target->uid = uid;
        else if (sscanf(line, "Gid:\t%*u\t%u", &gid) == 1)
            target->gid = gid;
        else if (strncmp(line, "NSpid:", 6) == 0 && last)
            target->inner_pid = atoi(last + 1);
    }
    return 0;
}

int ckpt_target_check_running(const struct ckpt_target *target, struct ckpt_error *error)
{
    if (!target->stopped)
        return 0;
    return ckpt_error_set(error, 0, "JVM %d is stopped; let it continue first: 'kill -CONT %d'",
                          target->pid, target->pid);
}

/* Whether an agent listens: a socket of that name may have been left by an earlier process. */
static bool has_agent(const struct ckpt_target *target)
{
    struct ckpt_error ignored;
    int fd = ckpt_target_connect(target, &ignored);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/*
 * The only child of process @pid; 0: it has none or several. A `restore` of an engine whose JVM is
 * its child stands for that JVM, as with the built-in engine, where it becomes the JVM.
 */
static pid_t only_child(pid_t pid)
{
    pid_t children[2];

    return ckpt_process_children(pid, children, CKPT_COUNT(children)) == 1 ? children[0] : 0;
}

/* Whether the process is this command, by its name. */
static bool is_command(pid_t pid)
{
    char path[64], name[32];

    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    return ckpt_raw_read_file(path, name, sizeof name) > 0 && strcmp(name, "checkpointer\n") == 0;
}

/*
 * Set target->tmp. In another root directory /tmp may be a link to an absolute path, which this
 * process would follow from its own root: then the directory stays open, and its name is that of
 * the descriptor.
 */
static void find_tmp(struct ckpt_target *target)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    ckpt_auto_close int root = -1;
    struct stat status;
    char path[64];
    int fd;

    snprintf(target->tmp, sizeof target->tmp, "/proc/%d/root/tmp", target->pid);
    if (target->same_root || lstat(target->tmp, &status) < 0 || !S_ISLNK(status.st_mode))
        return;
    snprintf(path, sizeof path, "/proc/%d/root", target->pid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, "tmp", &how, sizeof how);
    if (fd >= 0)
        snprintf(target->tmp, sizeof target->tmp, "/proc/self/fd/%d", fd);
}

int ckpt_target_check_pid(const char *text, struct ckpt_error *error)
{
    size_t length = strlen(text);

    if (*text < '1' || *text > '9' || strspn(text, "0123456789") != length ||
        length >= sizeof "1000000000" || strtol(text, NULL, 10) > PID_LARGEST)
        return ckpt_error_set(error, 0, "'%s' is not a process ID; 'jps' lists JVMs", text);
    return 0;
}

int ckpt_target_find(const char *text, struct ckpt_target *ret_target, struct ckpt_error *error)
{
    struct ckpt_target target = {0};
    char path[PATH_MAX], child[16];
    struct stat here, there;
    int is_jvm;

    if (ckpt_target_check_pid(text, error) < 0)
        return -1;
    target.pid = target.inner_pid = (pid_t)strtol(text, NULL, 10);
    if (read_status(text, &target, error) < 0 || (is_jvm = has_libjvm(text, error)) < 0)
        return -1;
    if (!is_jvm && is_command(target.pid) && only_child(target.pid)) {
        snprintf(child, sizeof child, "%d", only_child(target.pid));
        return ckpt_target_find(child, ret_target, error);
    }
    snprintf(path, sizeof path, "/proc/%s/root", text);
    target.same_root = stat(path, &there) == 0 && stat("/", &here) == 0 &&
                       here.st_ino == there.st_ino && here.st_dev == there.st_dev;
    find_tmp(&target);
    target.pid_namespace = ckpt_control_namespace(text);
    if (!is_jvm && !has_agent(&target))
        return ckpt_error_set(error, 0, "process %s is not a JVM; 'jps' lists them", text);
    *ret_target = target;
    return 0;
}

bool ckpt_target_maps(const struct ckpt_target *target, const char *part)
{
    ckpt_auto_fclose FILE *maps = NULL;
    char line[PATH_MAX + 128];

    snprintf(line, sizeof line, "/proc/%d/maps", target->pid);
    maps = fopen(line, "re");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, part))
            return true;
    return false;
}

void ckpt_target_socket(const struct ckpt_target *target, char path[CKPT_CONTROL_NAME_MAX])
{
    ckpt_control_name(path, target->tmp, target->uid, target->inner_pid, target->pid_namespace);
}

int ckpt_target_new_socket(struct ckpt_error *error)
{
    struct timeval limit = {.tv_sec = CONNECT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return ckpt_error_set(error, errno, "cannot make a Unix socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

/* Whether /proc shows the PIDs of this command's own PID namespace. */
static bool proc_has_own_pids(void)
{
    char text[32];
    ssize_t length = readlink("/proc/self", text, sizeof text - 1);

    text[length > 0 ? length : 0] = '\0';
    return atoi(text) == getpid();
}

bool ckpt_target_is_peer(const struct ckpt_target *target, int fd)
{
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof peer;

    return !proc_has_own_pids() ||
           (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == target->pid);
}

/* Connect to the socket at @path that user @owner created. -2: no process listens there. */
static int connect_at(const struct ckpt_target *target, uid_t owner, const char *path,
                      struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    ckpt_auto_close int fd = ckpt_target_new_socket(error);
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (fd < 0)
        return -1;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) < 0) {
        /* ECONNREFUSED: a dead process left the socket */
        if (errno == ENOENT || errno == ECONNREFUSED)
            return -2;
        return ckpt_error_set(error, errno, "cannot reach the agent at '%s'", name.sun_path);
    }
    /*
     * All users can write to /tmp: make sure that the JVM's owner created this socket, or that this
     * JVM did as root, when CRIU bound it again for it.
     */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
        (peer.uid != owner && (peer.uid != 0 || peer.pid != target->pid)))
        return ckpt_error_set(error, EPERM, "the socket '%s' is not the JVM's", name.sun_path);
    return ckpt_target_is_peer(target, fd) ? CKPT_STEAL_FD(fd) : -2;
}

static int connect_to(const struct ckpt_target *target, uid_t owner, unsigned long pid_namespace,
                      struct ckpt_error *error)
{
    char path[CKPT_CONTROL_NAME_MAX];

    ckpt_control_name(path, target->tmp, owner, target->inner_pid, pid_namespace);
    return connect_at(target, owner, path, error);
}

/*
 * A JVM that CRIU has restored in another PID namespace listens at the name that has the old one,
 * until the second half of its checkpoint.
 */
static int connect_to_old_name(const struct ckpt_target *target, struct ckpt_error *error)
{
    ckpt_auto_closedir DIR *entries = proc_has_own_pids() ? opendir(target->tmp) : NULL;
    char start[64], path[CKPT_CONTROL_NAME_MAX];
    const struct dirent *entry;
    int length =
        snprintf(start, sizeof start, ".checkpointer_%u_pid%d_", target->uid, target->inner_pid);
    int fd = -2;

    while (fd < 0 && entries && (entry = readdir(entries))) {
        if (strncmp(entry->d_name, start, (size_t)length) != 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", target->tmp, entry->d_name) < (int)sizeof path)
            fd = connect_at(target, target->uid, path, error);
    }
    return fd < 0 ? -2 : fd;
}

int ckpt_target_connect(const struct ckpt_target *target, struct ckpt_error *error)
{
    int fd = connect_to(target, target->uid, target->pid_namespace, error);

    /* an agent that cannot read its PID namespace uses the name without a namespace */
    if (fd == -2 && target->pid_namespace)
        fd = connect_to(target, target->uid, 0, error);
    /* The JVM may have been started by root and have changed its user since. */
    if (fd == -2 && target->uid && geteuid() == 0)
        fd = connect_to(target, 0, target->pid_namespace, error);
    return fd == -2 ? connect_to_old_name(target, error) : fd;
}

static const char *tmp_problem(const struct ckpt_target *target)
{
    struct statvfs system;
    struct stat status;
    mode_t needed = S_IWOTH | S_IXOTH;

    if (stat(target->tmp, &status) < 0 || statvfs(target->tmp, &system) < 0)
        return "does not exist";
    if (system.f_flag & ST_RDONLY)
        return "is read-only";
    if (status.st_uid == target->uid)
        needed = S_IWUSR | S_IXUSR;
    else if (status.st_gid == target->gid)
        needed = S_IWGRP | S_IXGRP;
    if (target->uid != 0 && (status.st_mode & needed) != needed)
        return "cannot be written by its user";
    return NULL;
}

int ckpt_target_check_tmp(const struct ckpt_target *target, struct ckpt_error *error)
{
    const char *problem = tmp_problem(target);

    if (!problem)
        return 0;
    return ckpt_error_set(error, 0,
                          "the /tmp of JVM %d %s, so it has no socket for requests; mount a "
                          "writable /tmp, or use Core.checkpointRestore(), the agent's option "
                          "signal, or its HTTP endpoint",
                          target->pid, problem);
}

int ckpt_target_find_library(char *path, size_t size, struct ckpt_error *error)
{
    static const char *const places[] = {"%s/" LIBRARY, "%s/../lib/" LIBRARY,
                                         "%s/../" CKPT_LIBDIR "/" LIBRARY, "%s/../lib64/" LIBRARY};
    char folder[PATH_MAX];
    char candidate[PATH_MAX + 64], resolved[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    char *slash;

    if (length < 0)
        return ckpt_error_set(error, errno, "cannot read /proc/self/exe");
    folder[length] = '\0';
    slash = strrchr(folder, '/');
    *slash = '\0';
    for (size_t i = 0; i < CKPT_COUNT(places); i++) {
        snprintf(candidate, sizeof candidate, places[i], folder);
        if (realpath(candidate, resolved) && strlen(resolved) < size) {
            memcpy(path, resolved, strlen(resolved) + 1);
            return 0;
        }
    }
    return ckpt_error_set(error, 0,
                          "the agent's library " LIBRARY
                          " is neither in '%s' nor in the '../lib' of that; install both together",
                          folder);
}
