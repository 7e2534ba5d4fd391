/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The restorer turns the process that runs it into the one in the image.  It is freestanding: it
 * has no libc, no data and no thread-local storage.
 *
 * It runs after the command has checked everything that can be checked.  It clears the address
 * space around itself, executes the plan, starts the threads and enters the first one's context.
 * After the first munmap() it cannot return to the command: an error is one line on standard error
 * and exit status 125.
 */
#include <stdbool.h>

#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "arch/arch.h"
#include "base/kernel_abi.h"
#include "base/syscall.h"
#include "engine/builtin/restorer/restorer_plan.h"

#define VECTOR 128
#define GROUP_SIZE ((uint64_t)512 << 10) /* the bytes of one read */
#define FEW_PAGES ((uint64_t)16 << 10)
#define HUGE_SIZE ((uint64_t)2 << 20)
#define HUGE_SIZES (0x3fu << MAP_HUGE_SHIFT)
#define HELPER_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |            \
     CLONE_SETTLS | CLONE_CHILD_CLEARTID)

void ckpt_restorer_main(void *plan) __attribute__((noreturn));

static unsigned long number_text(char *text, unsigned long value, unsigned base)
{
    char digits[20];
    unsigned long n = 0, length = 0;

    do {
        unsigned long digit = value % base;

        digits[n++] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        value /= base;
    } while (value);
    while (n)
        text[length++] = digits[--n];
    return length;
}

static unsigned long append(char *text, unsigned long length, const char *more)
{
    while (*more)
        text[length++] = *more++;
    return length;
}

/* The meaning of the errors that are likely here; for others fail() prints the number. */
static const char *reason(long error)
{
    if (error == -12)
        return "ENOMEM, no memory is left, or a limit on it or on the number of mappings is "
               "reached";
    if (error == -11)
        return "EAGAIN, a limit on threads or on locked memory is reached";
    if (error == -5)
        return "EIO, the image cannot be read; its file system fails, or it was truncated";
    if (error == -13)
        return "EACCES, the file system or a security module forbids it";
    if (error == -1)
        return "EPERM, a security module or a seccomp filter forbids it";
    if (error == -22)
        return "EINVAL, the kernel does not accept it";
    if (error == -38)
        return "ENOSYS, the kernel or a seccomp filter does not have that call";
    return "errno ";
}

__attribute__((noreturn)) static void fail(const char *what, uint64_t where, long error)
{
    char text[256];
    const char *words = reason(error);
    unsigned long length = append(text, 0, "checkpointer: restore: cannot ");

    length = append(text, length, what);
    length = append(text, length, " at 0x");
    length += number_text(text + length, where, 16);
    length = append(text, length, ": ");
    length = append(text, length, words);
    if (words[5] == ' ' && words[0] == 'e')
        length += number_text(text + length, (unsigned long)-error, 10);
    length = append(text, length, "\n");
    ckpt_sys_write(2, text, length);
    for (;;)
        ckpt_syscall(SYS_exit_group, 125, 0, 0, 0, 0, 0);
}

/* ---- memory ---- */

static void move(uint64_t from, uint64_t to, uint64_t size)
{
    long moved;

    if (from == to)
        return;
    moved = ckpt_sys_mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    if (moved < 0)
        fail("move the vDSO", to, moved);
}

static void clear_space(const struct ckpt_plan *plan)
{
    long failed;

    for (uint64_t i = 0; i < plan->move_count; i++)
        move(plan->moves[i].from, plan->moves[i].aside, plan->moves[i].size);
    failed = ckpt_sys_munmap(0, plan->area_start);
    if (failed == 0)
        failed = ckpt_sys_munmap(plan->area_end, plan->space_end - plan->area_end);
    if (failed < 0)
        fail("clear memory", plan->area_start, failed);
    for (uint64_t i = 0; i < plan->move_count; i++)
        move(plan->moves[i].aside, plan->moves[i].to, plan->moves[i].size);
}

/* Read @count pieces that are adjacent in the image. */
static void read_vector(int fd, struct iovec *vector, int count, uint64_t offset)
{
    while (count) {
        long got = ckpt_sys_preadv(fd, vector, count, offset);

        if (got <= 0)
            fail("read the image", (uint64_t)vector->iov_base, got ? got : -5);
        offset += (uint64_t)got;
        while (count && (uint64_t)got >= vector->iov_len) {
            got -= (long)vector->iov_len;
            vector++;
            count--;
        }
        if (count) {
            vector->iov_base = (char *)vector->iov_base + got;
            vector->iov_len -= (uint64_t)got;
        }
    }
}

/* Allocate the memory for a read at once, which costs less than page by page. */
static void populate(struct ckpt_plan *plan, const struct ckpt_op *op)
{
    if ((op->flags & CKPT_OP_COLLAPSE) && !__atomic_load_n(&plan->no_collapse, __ATOMIC_RELAXED)) {
        for (uint64_t at = 0; at < op->size; at += HUGE_SIZE) /* it must have a page table */
            *(volatile char *)(op->address + at) = 0;
        if (ckpt_sys_madvise(op->address, op->size, CKPT_MADV_COLLAPSE) == 0)
            return;
        __atomic_store_n(&plan->no_collapse, 1, __ATOMIC_RELAXED);
    }
    if (op->size >= FEW_PAGES)
        ckpt_sys_madvise(op->address, op->size, CKPT_MADV_POPULATE_WRITE);
}

/*
 * The index after the last read, from @from on, that one call can do: such reads are adjacent in
 * the image.
 */
static uint64_t group_end(const struct ckpt_op *reads, uint64_t from, uint64_t count)
{
    uint64_t to = from + 1, size = reads[from].size;

    while (to < count && to - from < VECTOR && size + reads[to].size <= GROUP_SIZE &&
           reads[to].offset == reads[to - 1].offset + reads[to - 1].size)
        size += reads[to++].size;
    return to;
}

static void read_group(struct ckpt_plan *plan, const struct ckpt_op *op, uint64_t count)
{
    struct iovec vector[VECTOR];

    for (uint64_t i = 0; i < count; i++) {
        populate(plan, &op[i]);
        vector[i].iov_base = (void *)op[i].address;
        vector[i].iov_len = op[i].size;
    }
    read_vector(plan->image_fd, vector, (int)count, op->offset);
}

/* Runs on both threads: read one group after the other until none is left. */
static void read_all(struct ckpt_plan *plan)
{
    const struct ckpt_op *reads = (const struct ckpt_op *)plan->ops + plan->first_read;
    uint64_t from = __atomic_load_n(&plan->next_read, __ATOMIC_RELAXED);

    while (from < plan->read_count) {
        uint64_t to = group_end(reads, from, plan->read_count);

        if (!__atomic_compare_exchange_n(&plan->next_read, &from, to, false, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED))
            continue;
        read_group(plan, reads + from, to - from);
        from = __atomic_load_n(&plan->next_read, __ATOMIC_RELAXED);
    }
}

static void copy(char *to, const char *from, uint64_t size)
{
    while (size--)
        *to++ = *from++;
}

static void execute(const struct ckpt_op *op, uint64_t count)
{
    for (; count; op++, count--) {
        long result = 0;

        switch (op->type) {
        case CKPT_OP_MAP:
            result = ckpt_sys_mmap(op->address, op->size, (int)op->prot, (int)op->flags, op->fd,
                                   op->offset);
            /* Too few huge pages are free. Other pages are counted, which these were not. */
            if (result < 0 && (op->flags & MAP_HUGETLB))
                result =
                    ckpt_sys_mmap(op->address, op->size, (int)op->prot,
                                  (int)((op->flags & ~(MAP_HUGETLB | HUGE_SIZES)) | MAP_NORESERVE),
                                  op->fd, op->offset);
            if (result < 0)
                fail("map memory", op->address, result);
            break;
        case CKPT_OP_PROTECT:
            result = ckpt_sys_mprotect(op->address, op->size, (int)op->prot);
            if (result < 0)
                fail("protect memory", op->address, result);
            break;
        case CKPT_OP_SEAL_FILE:
            result = ckpt_sys_fcntl(op->fd, 1033 /* F_ADD_SEALS */, op->flags);
            if (result < 0)
                fail("seal a memory file", 0, result);
            break;
        case CKPT_OP_ADVISE:
            ckpt_sys_madvise(op->address, op->size, (int)op->prot);
            break;
        case CKPT_OP_LOCK:
            ckpt_syscall(SYS_mlock2, op->address, op->size, op->flags, 0, 0, 0);
            break;
        case CKPT_OP_SEAL:
            ckpt_syscall(462 /* mseal, Linux 6.10 */, op->address, op->size, 0, 0, 0, 0);
            break;
        default:
            copy((char *)op->address, (const char *)op->offset, op->size);
        }
    }
}

/* ---- process and threads ---- */

static void set_signals(const struct ckpt_plan *plan)
{
    const struct ckpt_plan_signal *signals = (const struct ckpt_plan_signal *)plan->signals;

    for (uint64_t i = 0; i < plan->signal_count; i++)
        ckpt_sys_sigaction((int)signals[i].number, &signals[i].action, NULL);
}

/* Start the threads [from, to) of the plan; the leader, 0, is the calling one. */
static void start_threads(const struct ckpt_plan *plan, uint64_t from, uint64_t to)
{
    const struct ckpt_plan_thread *threads = (const struct ckpt_plan_thread *)plan->threads;

    for (uint64_t i = from; i < to; i++) {
        const struct ckpt_arch_context *context =
            (const struct ckpt_arch_context *)threads[i].context;
        struct clone_args arguments = {.flags = THREAD_FLAGS,
                                       .child_tid = threads[i].clear_tid,
                                       .tls = threads[i].tls,
                                       .set_tid = (uint64_t)&threads[i].tid,
                                       .set_tid_size = 1};
        long tid = threads[i].tid
                       ? ckpt_arch_context_clone3(&arguments, CLONE_ARGS_SIZE_VER1, context)
                       : ckpt_arch_context_clone(THREAD_FLAGS, threads[i].clear_tid, threads[i].tls,
                                                 context);

        if (tid < 0)
            fail("start a thread", threads[i].context, tid);
    }
}

static void become_leader(const struct ckpt_plan_thread *thread)
{
    ckpt_syscall(SYS_set_tid_address, thread->clear_tid, 0, 0, 0, 0, 0);
    ckpt_arch_thread_set_pointer(thread->tls);
}

static void raise_flag(uint32_t *flag)
{
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
    ckpt_sys_futex(flag, FUTEX_WAKE_PRIVATE, 1, NULL);
}

static void wait_flag(uint32_t *flag)
{
    for (int i = 0; i < CKPT_FUTEX_SPINS && !__atomic_load_n(flag, __ATOMIC_ACQUIRE); i++)
        ;
    while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
        ckpt_sys_futex(flag, FUTEX_WAIT_PRIVATE, 0, NULL);
}

/* The helper: a second thread that does half of the reads and starts half of the threads. */
static void run_helper(void *argument)
{
    struct ckpt_plan *plan = argument;

    read_all(plan);
    raise_flag(&plan->helper_read);
    wait_flag(&plan->may_start);
    start_threads(plan, (plan->thread_count + 1) / 2, plan->thread_count);
    for (;;)
        ckpt_syscall(SYS_exit, 0, 0, 0, 0, 0, 0);
}

/* Start the helper; false if the machine has one CPU, or the thread cannot be started. */
static bool start_helper(struct ckpt_plan *plan)
{
    return plan->helper_stack &&
           ckpt_arch_spawn(HELPER_FLAGS, (void *)plan->helper_stack, run_helper, plan,
                           &plan->helper_tid, &plan->helper_tid) > 0;
}

/*
 * Give the kernel the places of the brk area, the arguments and the environment.  If that fails (a
 * kernel without CONFIG_CHECKPOINT_RESTORE), malloc() cannot use brk() and `ps` shows the command.
 * The program, for /proc/PID/exe, can only be set with CAP_CHECKPOINT_RESTORE.
 */
static void set_layout(const struct ckpt_plan *plan)
{
    struct prctl_mm_map *map = (struct prctl_mm_map *)plan->mm_map;

    if (ckpt_sys_prctl(PR_SET_MM, PR_SET_MM_MAP, plan->mm_map, plan->mm_map_size, 0) == 0)
        return;
    map->exe_fd = ~0u;
    ckpt_sys_prctl(PR_SET_MM, PR_SET_MM_MAP, plan->mm_map, plan->mm_map_size, 0);
}

/* At the start of the flat binary, where the command enters it. */
__attribute__((section(".text.start"))) void ckpt_restorer_main(void *argument)
{
    struct ckpt_plan *plan = argument;
    const struct ckpt_plan_thread *leader = (const struct ckpt_plan_thread *)plan->threads;
    const struct ckpt_op *ops = (const struct ckpt_op *)plan->ops;
    uint64_t after_reads = plan->first_read + plan->read_count;
    bool has_helper;

    clear_space(plan);
    execute(ops, plan->first_read);
    has_helper = start_helper(plan);
    read_all(plan);
    if (has_helper)
        wait_flag(&plan->helper_read);
    execute(ops + after_reads, plan->op_count - after_reads);
    set_layout(plan);
    ckpt_syscall(SYS_close_range, plan->first_fd, ~0u, 0, 0, 0, 0);
    set_signals(plan);
    become_leader(leader);
    if (has_helper)
        raise_flag(&plan->may_start);
    start_threads(plan, 1, has_helper ? (plan->thread_count + 1) / 2 : plan->thread_count);
    ckpt_arch_context_enter((const struct ckpt_arch_context *)leader->context);
}
