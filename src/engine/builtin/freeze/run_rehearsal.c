/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Starts the command that rehearses the image, out of a process that must not notice: no SIGCHLD,
 * no zombie, no copy of the page tables.  So there are two processes.  The first, the keeper, is
 * made by clone() with this memory and without a signal at its end, which only this code waits for
 * (__WALL).  It starts the second, which becomes the command: after an exec the signal is SIGCHLD
 * whatever clone() said, and goes to the keeper, which reaps it.  The JVM may be the first process
 * of a PID namespace; no orphan reaches it, since the keeper ends last.
 *
 * Both run on this memory until the exec, next to the coordinator, which waits.  They have handlers
 * and descriptors of their own.
 */
#include "engine/builtin/freeze/run_rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"

#define STACK ((size_t)32 << 10)
#define FIRST_FD 16  /* above what the command gets */
#define COMMAND_FD 3 /* where it has itself until the exec */
#define GRACE_S 10   /* for the keeper to end once its child has */
#define PREFIX "checkpointer: "

/* A keeper that was left behind, and its memory: what it waits for hangs in the kernel. */
static struct {
    struct stage *stage; /* NULL: none */
    long pid;
    uint64_t block;
    uint32_t number; /* how many there have been */
} abandoned;

/* What the three processes share. */
struct stage {
    const struct ckpt_rehearsal *rehearsal;
    char *child_stack_end;
    int command_fd, output_fd, null_fd;
    long jvm_pid, keeper_pid;
    uint32_t keeper_runs; /* the kernel clears it, and wakes, at the keeper's end */
    long failed;          /* what could not be started, a negative error; 0: it could */
    const char *failed_at;
    int status; /* of wait() */
    bool timed_out;
    char text[CKPT_ERROR_MAX];
};

#define BLOCK (2 * STACK + ckpt_page_ceil(sizeof(struct stage)))

__attribute__((noreturn)) static void end(int status)
{
    for (;;)
        ckpt_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/* ---- in the process that becomes the command ---- */

/* End with the parent, also if it has ended before the kernel was asked for that. */
static void end_with(long parent)
{
    ckpt_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (ckpt_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0) != parent)
        end(127);
}

static void reset_signals(void)
{
    static const uint64_t none;
    const uint64_t action[4] = {0}; /* SIG_DFL */

    for (int i = 1; i <= 64; i++)
        ckpt_sys_sigaction(i, action, NULL);
    ckpt_sys_sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_others(void)
{
    if (ckpt_syscall(SYS_close_range, COMMAND_FD + 1, ~0u, 0, 0, 0, 0) == 0)
        return;
    for (int fd = COMMAND_FD + 1; fd < 65536; fd++) /* before Linux 5.9 */
        ckpt_sys_close(fd);
}

static void become_command(void *argument)
{
    static char *const environment[] = {NULL};
    struct stage *stage = argument;
    char *const *arguments = stage->rehearsal->arguments;
    const int from[] = {stage->null_fd, stage->null_fd, stage->output_fd, stage->command_fd};
    long failed;

    end_with(stage->keeper_pid);
    for (int fd = 0; fd <= COMMAND_FD; fd++) {
        failed = ckpt_syscall(SYS_dup3, from[fd], fd, fd == COMMAND_FD ? O_CLOEXEC : 0, 0, 0, 0);
        if (failed < 0) {
            stage->failed = failed;
            stage->failed_at = "dup3";
            end(127);
        }
    }
    close_others();
    reset_signals();
    /* execve() first: a filter that kills for execveat() would, before Linux 5.16, end the JVM too,
     * since this process still shares its memory.  The latter is for systems without /proc. */
    failed = ckpt_syscall(SYS_execve, "/proc/self/fd/3", arguments, environment, 0, 0, 0);
    if (ckpt_syscall(SYS_execveat, COMMAND_FD, "", arguments, environment, AT_EMPTY_PATH, 0) < 0)
        stage->failed = failed;
    stage->failed_at = "execve";
    end(127);
}

/* ---- in the keeper ---- */

/* Until @pid has ended, or its time is over. */
static bool wait_for(long pid, int64_t deadline, int *ret_status)
{
    const uint64_t child = 1ull << (SIGCHLD - 1); /* blocked, as all are: it stays pending */

    for (;;) {
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        struct timespec wait = ckpt_clock_from_ms(left);

        if (ckpt_syscall(SYS_wait4, pid, ret_status, WNOHANG | __WALL, NULL, 0, 0) == pid)
            return true;
        if (left <= 0)
            return false;
        ckpt_syscall(SYS_rt_sigtimedwait, &child, NULL, &wait, sizeof child, 0, 0);
    }
}

static void keep(void *argument)
{
    static const uint64_t action[4]; /* SIG_DFL: a process that ignores it has no children to wait
                                        for */
    struct stage *stage = argument;
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + (int64_t)stage->rehearsal->timeout_s * 1000;
    long pid;

    end_with(stage->jvm_pid);
    stage->keeper_pid = ckpt_sys_getpid();
    ckpt_sys_sigaction(SIGCHLD, action, NULL);
    pid = ckpt_arch_spawn(CLONE_VM | SIGCHLD, stage->child_stack_end, become_command, stage, NULL,
                          NULL);
    if (pid < 0) {
        stage->failed = pid;
        stage->failed_at = "clone";
        end(1);
    }
    stage->timed_out = !wait_for(pid, deadline, &stage->status);
    if (stage->timed_out) {
        ckpt_syscall(SYS_kill, pid, SIGKILL, 0, 0, 0, 0);
        /* If it hangs in the kernel the JVM waits no longer than for a while, and this process for
         * as long as it takes: the thread that made it may end before. */
        ckpt_sys_prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
        while (ckpt_syscall(SYS_wait4, pid, &stage->status, __WALL, NULL, 0, 0) == -EINTR)
            ;
    }
    end(0);
}

/* ---- in the coordinator ---- */

/* Whether it has ended in time.  It is not killed: then the JVM might get its child. */
static bool wait_for_keeper(struct stage *stage, long pid)
{
    int64_t deadline =
        ckpt_clock_ms(CLOCK_MONOTONIC) + ((int64_t)stage->rehearsal->timeout_s + GRACE_S) * 1000;

    while (__atomic_load_n(&stage->keeper_runs, __ATOMIC_ACQUIRE)) {
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        struct timespec wait = ckpt_clock_from_ms(left);

        if (left <= 0)
            return false;
        ckpt_sys_futex(&stage->keeper_runs, FUTEX_WAIT, 1, &wait);
    }
    while (ckpt_syscall(SYS_wait4, pid, NULL, __WALL, NULL, 0, 0) == -EINTR)
        ;
    return true;
}

/* The last line that the command wrote, without its name in front. */
static const char *last_words(struct stage *stage, int fd)
{
    const char *words = stage->text;
    const size_t room = sizeof stage->text - 1;
    long end = ckpt_syscall(SYS_lseek, fd, 0, 2 /* SEEK_END */, 0, 0, 0);
    long got = ckpt_sys_pread(fd, stage->text, room, end > (long)room ? (uint64_t)end - room : 0);
    size_t length = got > 0 ? (size_t)got : 0;

    while (length && stage->text[length - 1] == '\n')
        length--;
    stage->text[length] = '\0';
    for (const char *at = words; *at; at++)
        if (*at == '\n')
            words = at + 1;
    return ckpt_raw_starts(words, PREFIX) ? words + sizeof PREFIX - 1 : words;
}

static int judge(struct stage *stage, int output, struct ckpt_error *error)
{
    if (stage->failed)
        return ckpt_error_set(error, (int)-stage->failed,
                              "the image was not rehearsed, so the JVM was not ended: %s; allow "
                              "that here, or do without the rehearsal (--no-rehearsal)",
                              stage->failed_at);
    if (stage->timed_out)
        return ckpt_error_set(error, 0,
                              "the rehearsal of the image was not over after %u s, so the JVM was "
                              "not ended; try again, set the agent option rehearsal_timeout, or do "
                              "without the rehearsal (--no-rehearsal)",
                              stage->rehearsal->timeout_s);
    if (WIFEXITED(stage->status) && WEXITSTATUS(stage->status) == 0)
        return 0;
    if (WIFEXITED(stage->status))
        return ckpt_error_set(error, 0, "the image would not be restored here: %s",
                              last_words(stage, output));
    return ckpt_error_set(error, 0,
                          "the rehearsal of the image was ended by signal %d, so the JVM was not "
                          "ended; try again, or do without the rehearsal (--no-rehearsal)",
                          WTERMSIG(stage->status));
}

static int raise_fd(long fd)
{
    long raised;

    if (fd < 0)
        return (int)fd;
    raised = ckpt_sys_fcntl((int)fd, F_DUPFD_CLOEXEC, FIRST_FD);
    ckpt_sys_close((int)fd);
    return (int)raised;
}

/* Until all is over. */
static void start(struct stage *stage, char *stack_end)
{
    const int fds[] = {stage->output_fd, stage->null_fd, stage->command_fd};
    long keeper;

    stage->failed_at = "duplicating a descriptor";
    for (size_t i = 0; i < sizeof fds / sizeof fds[0] && stage->failed == 0; i++)
        stage->failed = fds[i] < 0 ? fds[i] : 0;
    if (stage->failed)
        return;
    stage->keeper_runs = 1;
    keeper = ckpt_arch_spawn(CLONE_VM | CLONE_CHILD_CLEARTID, stack_end, keep, stage, NULL,
                             &stage->keeper_runs);
    if (keeper < 0) {
        stage->failed = keeper;
        stage->failed_at = "clone";
    } else if (!wait_for_keeper(stage, keeper)) {
        stage->timed_out = true;
        abandoned.number++;
        abandoned.pid = keeper;
        abandoned.stage = stage;
    }
}

static int run(struct stage *stage, char *stack_end, struct ckpt_error *error)
{
    /* What the command writes is read when it has ended; a pipe could be full before. */
    long output = ckpt_syscall(SYS_memfd_create, "checkpointer", MFD_CLOEXEC, 0, 0, 0, 0);
    int result;

    if (output < 0)
        return ckpt_error_set(error, (int)-output, "cannot rehearse the image");
    stage->output_fd = raise_fd(output);
    stage->jvm_pid = ckpt_sys_getpid();
    stage->null_fd = raise_fd(ckpt_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0));
    stage->command_fd =
        (int)ckpt_sys_fcntl(stage->rehearsal->command_fd, F_DUPFD_CLOEXEC, FIRST_FD);
    start(stage, stack_end);
    ckpt_sys_close(stage->null_fd);
    ckpt_sys_close(stage->command_fd);
    result = judge(stage, stage->output_fd, error);
    ckpt_sys_close(stage->output_fd);
    return result;
}

static void free_block(uint64_t block)
{
    ckpt_sys_munmap(block, BLOCK);
}

uint32_t ckpt_rehearse_hangs(void)
{
    return __atomic_load_n(&abandoned.stage, __ATOMIC_ACQUIRE) ? abandoned.number : 0;
}

void ckpt_rehearse_bury(void)
{
    while (ckpt_syscall(SYS_wait4, abandoned.pid, NULL, __WALL, NULL, 0, 0) == -EINTR)
        ;
    free_block(abandoned.block);
    __atomic_store_n(&abandoned.stage, NULL, __ATOMIC_RELEASE);
}

int ckpt_rehearse(const struct ckpt_rehearsal *rehearsal, struct ckpt_error *error)
{
    long block =
        ckpt_sys_mmap(0, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct stage *stage = (struct stage *)(block + (long)(2 * STACK));
    int result;

    if (block < 0)
        return ckpt_error_set(error, (int)-block, "cannot rehearse the image");
    stage->rehearsal = rehearsal;
    stage->status = SIGKILL; /* of who ends the keeper before it can tell */
    stage->child_stack_end = (char *)block + STACK;
    result = run(stage, (char *)block + 2 * STACK, error);
    if (abandoned.stage == stage)
        abandoned.block = (uint64_t)block;
    else
        free_block((uint64_t)block);
    return result;
}
