/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See children.h.  In the restored process a child that is left behind has ended, as if by a signal
 * (lost_children.c), and the JVM finds the ends of its pipes.  A child that has ended already is no
 * obstacle: the restored process has its status.
 */
#include "engine/builtin/freeze/children.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/child_pipes.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/freeze/lost_children.h"
#include "engine/builtin/freeze/run_rehearsal.h"

#define COMMAND_MAX 160

/* What becomes of a child. */
enum fate {
    REFUSED,
    UNENDABLE, /* it is to be ended, but belongs to another user */
    ENDED,     /* it will be, together with the JVM */
    LEFT,      /* it is left behind */
    GONE,      /* it has ended already */
};

struct child {
    enum fate fate;
    uint32_t hash; /* of its command line */
    bool is_listed;
};

/* The command line of a process; of one that has none, its name. */
static void read_command(pid_t pid, char text[COMMAND_MAX])
{
    char path[64];
    long fd, length = 0;

    ckpt_raw_format(path, sizeof path, "/proc/%d/cmdline", pid);
    fd = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        length = ckpt_sys_read((int)fd, text, COMMAND_MAX - 1);
        ckpt_sys_close((int)fd);
    }
    if (length <= 0) {
        ckpt_raw_format(path, sizeof path, "/proc/%d/comm", pid);
        length = ckpt_raw_read_file(path, text, COMMAND_MAX);
    }
    while (length > 0 && (text[length - 1] == '\0' || text[length - 1] == '\n'))
        length--;
    if (length <= 0)
        length = (long)ckpt_raw_format(text, COMMAND_MAX, "?");
    for (long i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
    text[length] = '\0';
}

/* Whether a rule closes the pipes that the JVM shares with this child, and it has such. */
static bool has_closed_pipes(const struct ckpt_gather *gather, pid_t pid)
{
    const struct ckpt_array *pipes = &gather->child_tree->pipes, *fds = &gather->tables.fds;
    bool found = false;

    for (size_t i = 0; i < pipes->count; i++) {
        const struct ckpt_child_pipe *pipe = ckpt_array_at(pipes, i);

        if (pipe->pid != pid)
            continue;
        if (pipe->is_refused)
            return false;
        for (size_t k = 0; k < fds->count && !found; k++) {
            const struct ckpt_image_fd *entry = ckpt_array_at(fds, k);

            found = ckpt_fd_is_closed_pipe(entry) && entry->inode == pipe->inode;
        }
    }
    return found;
}

static bool may_be_signalled(pid_t pid)
{
    return ckpt_syscall(SYS_kill, pid, 0, 0, 0, 0, 0) != -EPERM;
}

static enum fate fate_of(const struct ckpt_gather *gather, pid_t pid)
{
    if (gather->children == CKPT_CHILDREN_END && !gather->leave_running)
        return may_be_signalled(pid) ? ENDED : UNENDABLE;
    return gather->children > CKPT_CHILDREN_REFUSE || has_closed_pipes(gather, pid) ? LEFT
                                                                                    : REFUSED;
}

static int wait_status(const siginfo_t *info)
{
    return info->si_code == CLD_EXITED   ? (info->si_status & 0xff) << 8
           : info->si_code == CLD_DUMPED ? info->si_status | 0x80
                                         : info->si_status;
}

/* Find out what becomes of a child, and note the status that the restored process gets. */
static enum fate examine(struct ckpt_gather *gather, pid_t pid)
{
    siginfo_t info = {.si_pid = 0};
    long found =
        ckpt_syscall(SYS_waitid, P_PID, pid, &info, WNOHANG | WNOWAIT | WEXITED | __WALL, NULL, 0);
    enum fate fate = GONE;
    int status = SIGTERM;

    if (found < 0) /* another thread has waited for it since it was listed */
        return GONE;
    if (!info.si_pid)
        fate = fate_of(gather, pid);
    else
        status = wait_status(&info);
    if (fate == LEFT)
        status = SIGKILL;
    if (gather->parked && fate > UNENDABLE && !ckpt_lost_children_add(pid, status, fate == GONE))
        return REFUSED;
    return fate;
}

/* ---- the report ---- */

static void refuse(struct ckpt_gather *gather, pid_t pid, const char *command, size_t like_it)
{
    if (like_it)
        ckpt_report_refuse(gather->report, "resource",
                           "end them in a beforeCheckpoint hook, or allow the image to be without "
                           "them (--children=end or --children=ignore)",
                           "the child process %d ('%s') and %zu others like it run", pid, command,
                           like_it);
    else
        ckpt_report_refuse(gather->report, "resource",
                           "end it in a beforeCheckpoint hook, or allow the image to be without it "
                           "(--children=end or --children=ignore)",
                           "the child process %d ('%s') runs", pid, command);
    ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_CHILDREN);
}

static void report(struct ckpt_gather *gather, pid_t pid, enum fate fate, size_t like_it)
{
    char command[COMMAND_MAX], others[32] = " ";

    if (fate == GONE)
        return;
    read_command(pid, command);
    if (fate == REFUSED) {
        refuse(gather, pid, command, like_it);
        return;
    }
    if (fate == UNENDABLE) {
        ckpt_report_refuse(
            gather->report, "resource", "leave it behind (--children=ignore)",
            "the child process %d ('%s') cannot be ended, because it belongs to another user", pid,
            command);
        return;
    }
    if (!gather->warnings || gather->parked)
        return;
    if (like_it)
        ckpt_raw_format(others, sizeof others, " and %zu like it ", like_it);
    ckpt_report_add(gather->warnings, "warning",
                    "the child process %d ('%s')%sis not in the image: it is %s", pid, command,
                    others, fate == ENDED ? "ended with the JVM" : "left behind");
}

/* Report each kind of child once, with the number of those with the same command and fate. */
static void report_all(struct ckpt_gather *gather, struct child *children, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t like_it = 0;

        if (children[i].is_listed)
            continue;
        for (size_t k = i + 1; k < count; k++)
            if (children[k].fate == children[i].fate && children[k].hash == children[i].hash) {
                children[k].is_listed = true;
                like_it++;
            }
        report(gather, gather->child_tree->pids[i], children[i].fate, like_it);
    }
}

static uint32_t hash_of(pid_t pid)
{
    char command[COMMAND_MAX];

    read_command(pid, command);
    return ckpt_raw_crc32c(0, command, ckpt_raw_length(command));
}

int ckpt_children_check(struct ckpt_gather *gather, struct ckpt_error *error)
{
    const struct ckpt_child_tree *tree = gather->child_tree;
    struct child *children;

    ckpt_lost_children_clear();
    if (ckpt_run_rehearsal_hanging()) {
        ckpt_report_refuse(gather->report, "resource", "repair that first",
                           "the rehearsal of an earlier image has not ended: it hangs in the "
                           "kernel, mostly for a file system that does not answer");
        return 0;
    }
    if (!tree)
        return 0;
    if (tree->too_many || !tree->direct) {
        ckpt_report_refuse(gather->report, "resource", "end them in a beforeCheckpoint hook",
                           "the JVM has child processes that cannot all be listed");
        ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_CHILDREN);
        return 0;
    }
    children = ckpt_scratch_take(&gather->scratch, tree->direct * sizeof *children, error);
    if (!children)
        return -1;
    for (size_t i = 0; i < tree->direct; i++) {
        children[i].fate = examine(gather, tree->pids[i]);
        if (children[i].fate != GONE)
            children[i].hash = hash_of(tree->pids[i]);
    }
    report_all(gather, children, tree->direct);
    return 0;
}
