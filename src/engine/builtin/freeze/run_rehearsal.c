/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Starts the command that rehearses the image.  The application must not notice it: no SIGCHLD, no
 * zombie, no copy of the page tables.  So there are two processes.  The first, the keeper, is made
 * by clone() with CLONE_VM and without an exit signal, so that only this code can wait for it
 * (__WALL).  The keeper starts the second, which becomes the command: after an exec the exit signal
 * is SIGCHLD, whatever it was in clone(), and it goes to the keeper, which reaps the command.  The
 * JVM may be the first process of a PID namespace, which gets orphans; as the keeper ends last,
 * there are none.
 *
 * Both processes use the JVM's memory until the exec, while the coordinator waits.  They have their
 * own signal handlers and descriptors.
 */
#include "engine/builtin/freeze/run_rehearsal.h"

#include <errno.h>
#include <fcntl.h>
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
#include "engine/parked/exec_command.h"

#define STACK ((size_t)32 << 10)
#define FIRST_FD 16 /* above the numbers that the command gets */
#define GRACE_S 10  /* how long the keeper may take to end after the timeout of its child */
#define PREFIX "checkpointer: "

/*
 * A keeper, with its memory, for whose end the coordinator did not wait because the keeper's child
 * hangs in the kernel.
 */
static struct {
    struct shared *shared; /* NULL: none */
    long pid;
    uint64_t block;
    uint32_t number; /* how many keepers were abandoned so far */
} abandoned;

/* The state that the three processes share. */
struct shared {
    const struct ckpt_rehearsal *rehearsal;
    char *child_stack_end;
    int command_fd, output_fd, null_fd;
    long jvm_pid, keeper_pid;
    uint32_t keeper_runs; /* a futex that the kernel clears and wakes at the keeper's end */
    struct ckpt_exec_failure failure; /* if the command could not be started */
    int status;                       /* the status of the command, as from wait() */
    bool timed_out;
    char text[CKPT_ERROR_MAX];
};

#define BLOCK (2 * STACK + ckpt_page_ceil(sizeof(struct shared)))

__attribute__((noreturn)) static void end(int status)
{
    for (;;)
        ckpt_syscall(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

/* ---- in the process that becomes the command ---- */

static void become_command(void *argument)
{
    static char *const environment[] = {NULL};
    struct shared *shared = argument;
    const int fds[] = {shared->null_fd, shared->null_fd, shared->output_fd, shared->command_fd};

    ckpt_exec_end_with_parent(shared->keeper_pid);
    ckpt_exec_command(fds, sizeof fds / sizeof fds[0], shared->rehearsal->arguments, environment,
                      &shared->failure);
    end(127);
}

/* ---- in the keeper ---- */

/* Wait until @pid has ended; false if it has not at @deadline. */
static bool wait_for(long pid, int64_t deadline, int *ret_status)
{
    const uint64_t child =
        1ull << (SIGCHLD - 1); /* blocked like all signals, so it stays pending */

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

static void run_keeper(void *argument)
{
    /* If SIGCHLD were ignored, children could not be waited for. */
    const struct ckpt_arch_sigaction action = {.handler = (uint64_t)SIG_DFL};
    struct shared *shared = argument;
    int64_t deadline =
        ckpt_clock_ms(CLOCK_MONOTONIC) + (int64_t)shared->rehearsal->timeout_s * 1000;
    long pid;

    ckpt_exec_end_with_parent(shared->jvm_pid);
    shared->keeper_pid = ckpt_sys_getpid();
    ckpt_sys_sigaction(SIGCHLD, &action, NULL);
    pid = ckpt_arch_spawn(CLONE_VM | SIGCHLD, shared->child_stack_end, become_command, shared, NULL,
                          NULL);
    if (pid < 0) {
        shared->failure.failed = pid;
        shared->failure.at = "clone";
        end(1);
    }
    shared->timed_out = !wait_for(pid, deadline, &shared->status);
    if (shared->timed_out) {
        ckpt_syscall(SYS_kill, pid, SIGKILL, 0, 0, 0, 0);
        /* If the command hangs in the kernel, the JVM waits only for a limited time, but the keeper
         * as long as it takes.  The thread that made the keeper may end before. */
        ckpt_sys_prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
        while (ckpt_syscall(SYS_wait4, pid, &shared->status, __WALL, NULL, 0, 0) == -EINTR)
            ;
    }
    end(0);
}

/* ---- in the coordinator ---- */

/* Wait for the keeper; false if it has not ended in time.  It is not killed, because then the JVM
 * might become the parent of its child. */
static bool wait_for_keeper(struct shared *shared, long pid)
{
    int64_t deadline =
        ckpt_clock_ms(CLOCK_MONOTONIC) + ((int64_t)shared->rehearsal->timeout_s + GRACE_S) * 1000;

    while (__atomic_load_n(&shared->keeper_runs, __ATOMIC_ACQUIRE)) {
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        struct timespec wait = ckpt_clock_from_ms(left);

        if (left <= 0)
            return false;
        ckpt_sys_futex(&shared->keeper_runs, FUTEX_WAIT, 1, &wait);
    }
    while (ckpt_syscall(SYS_wait4, pid, NULL, __WALL, NULL, 0, 0) == -EINTR)
        ;
    return true;
}

/* The last line that the command wrote, without "checkpointer: ". */
static const char *last_line(struct shared *shared, int fd)
{
    const char *line = shared->text;
    const size_t size = sizeof shared->text - 1;
    long end = ckpt_syscall(SYS_lseek, fd, 0, 2 /* SEEK_END */, 0, 0, 0);
    long got = ckpt_sys_pread(fd, shared->text, size, end > (long)size ? (uint64_t)end - size : 0);
    size_t length = got > 0 ? (size_t)got : 0;

    while (length && shared->text[length - 1] == '\n')
        length--;
    shared->text[length] = '\0';
    for (const char *at = line; *at; at++)
        if (*at == '\n')
            line = at + 1;
    return ckpt_raw_starts(line, PREFIX) ? line + sizeof PREFIX - 1 : line;
}

static int check_result(struct shared *shared, int output, struct ckpt_error *error)
{
    if (shared->failure.failed)
        return ckpt_error_set(error, (int)-shared->failure.failed,
                              "the image was not rehearsed, so the JVM was not ended: %s; allow "
                              "that here, or do without the rehearsal (--no-rehearsal)",
                              shared->failure.at);
    if (shared->timed_out)
        return ckpt_error_set(error, 0,
                              "the rehearsal of the image was not over after %u s, so the JVM was "
                              "not ended; try again, set the agent option rehearsal_timeout, or do "
                              "without the rehearsal (--no-rehearsal)",
                              shared->rehearsal->timeout_s);
    if (WIFEXITED(shared->status) && WEXITSTATUS(shared->status) == 0)
        return 0;
    if (WIFEXITED(shared->status))
        return ckpt_error_set(error, 0, "the image would not be restored here: %s",
                              last_line(shared, output));
    return ckpt_error_set(error, 0,
                          "the rehearsal of the image was ended by signal %d, so the JVM was not "
                          "ended; try again, or do without the rehearsal (--no-rehearsal)",
                          WTERMSIG(shared->status));
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

/* Start the keeper and wait for its end. */
static void start(struct shared *shared, char *stack_end)
{
    const int fds[] = {shared->output_fd, shared->null_fd, shared->command_fd};
    long keeper;

    shared->failure.at = "duplicating a descriptor";
    for (size_t i = 0; i < sizeof fds / sizeof fds[0] && shared->failure.failed == 0; i++)
        shared->failure.failed = fds[i] < 0 ? fds[i] : 0;
    if (shared->failure.failed)
        return;
    shared->keeper_runs = 1;
    keeper = ckpt_arch_spawn(CLONE_VM | CLONE_CHILD_CLEARTID, stack_end, run_keeper, shared, NULL,
                             &shared->keeper_runs);
    if (keeper < 0) {
        shared->failure.failed = keeper;
        shared->failure.at = "clone";
    } else if (!wait_for_keeper(shared, keeper)) {
        shared->timed_out = true;
        abandoned.number++;
        abandoned.pid = keeper;
        abandoned.shared = shared;
    }
}

static int run(struct shared *shared, char *stack_end, struct ckpt_error *error)
{
    /* The output is read when the command has ended, so it is a file: a pipe could become full. */
    long output = ckpt_syscall(SYS_memfd_create, "checkpointer", MFD_CLOEXEC, 0, 0, 0, 0);
    int result;

    if (output < 0)
        return ckpt_error_set(error, (int)-output, "cannot rehearse the image");
    shared->output_fd = raise_fd(output);
    shared->jvm_pid = ckpt_sys_getpid();
    shared->null_fd = raise_fd(ckpt_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0));
    shared->command_fd =
        (int)ckpt_sys_fcntl(shared->rehearsal->command_fd, F_DUPFD_CLOEXEC, FIRST_FD);
    start(shared, stack_end);
    ckpt_sys_close(shared->null_fd);
    ckpt_sys_close(shared->command_fd);
    result = check_result(shared, shared->output_fd, error);
    ckpt_sys_close(shared->output_fd);
    return result;
}

static void free_block(uint64_t block)
{
    ckpt_sys_munmap(block, BLOCK);
}

uint32_t ckpt_run_rehearsal_hanging(void)
{
    return __atomic_load_n(&abandoned.shared, __ATOMIC_ACQUIRE) ? abandoned.number : 0;
}

void ckpt_run_rehearsal_reap(void)
{
    while (ckpt_syscall(SYS_wait4, abandoned.pid, NULL, __WALL, NULL, 0, 0) == -EINTR)
        ;
    free_block(abandoned.block);
    __atomic_store_n(&abandoned.shared, NULL, __ATOMIC_RELEASE);
}

int ckpt_run_rehearsal(const struct ckpt_rehearsal *rehearsal, struct ckpt_error *error)
{
    long block =
        ckpt_sys_mmap(0, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct shared *shared = (struct shared *)(block + (long)(2 * STACK));
    int result;

    if (block < 0)
        return ckpt_error_set(error, (int)-block, "cannot rehearse the image");
    shared->rehearsal = rehearsal;
    shared->status = SIGKILL; /* for the case that the keeper is killed before it sets this */
    shared->child_stack_end = (char *)block + STACK;
    result = run(shared, (char *)block + 2 * STACK, error);
    if (abandoned.shared == shared)
        abandoned.block = (uint64_t)block;
    else
        free_block((uint64_t)block);
    return result;
}
