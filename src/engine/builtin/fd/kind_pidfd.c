/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * A pidfd of the process itself, or of its first thread: in the restored process it is one of that.
 * The command that opens it becomes the JVM and keeps its number. Other threads do not exist then,
 * and other processes are not in the image: a pidfd of a child, which has ended then for the
 * restored process (children.c), is one of a process that has ended, and so is what was one before.
 */
#include <errno.h>
#include <sys/wait.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/child_pipes.h"
#include "engine/builtin/fd/kind.h"

#define OF_THREAD O_EXCL /* PIDFD_THREAD */
#define HAS_ENDED 1u     /* in the image only */

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_equal(live->link, "anon_inode:[pidfd]");
}

/* The number of this process as /proc shows it, which may belong to an outer PID namespace. */
static uint64_t own_number(void)
{
    char text[32] = "";
    const char *at = text;

    ckpt_sys_readlinkat(AT_FDCWD, "/proc/self", text, sizeof text - 1);
    return ckpt_raw_number(&at, 10);
}

/* The name of a process, or "?". */
static void process_name(uint64_t number, char *name, size_t size)
{
    char path[40];
    long length;

    ckpt_raw_format(path, sizeof path, "/proc/%lu/comm", (unsigned long)number);
    length = ckpt_raw_read_file(path, name, size);
    if (length <= 0)
        ckpt_raw_format(name, size, "?");
    else if (name[length - 1] == '\n')
        name[length - 1] = '\0';
}

static void refuse(struct ckpt_gather *gather, const struct ckpt_live_fd *live, uint64_t number)
{
    char name[32];

    process_name(number, name, sizeof name);
    ckpt_report_refuse(gather->report, "resource", CKPT_CLOSE_IT,
                       "descriptor %d is a pidfd of %s %lu ('%s')", live->number,
                       live->open_flags & OF_THREAD ? "a thread other than the first one,"
                                                    : "another process,",
                       (unsigned long)number, name);
}

/* Whether it is a child, or a child's child: if the image may be without it, it has ended there. */
static bool is_descendant(const struct ckpt_gather *gather, uint64_t number)
{
    const struct ckpt_child_tree *tree = gather->child_tree;

    for (size_t i = 0; tree && i < tree->count; i++)
        if ((uint64_t)tree->pids[i] == number)
            return true;
    return false;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t flags = live->open_flags & OF_THREAD;
    uint64_t number = 0; /* also that of a process that this PID namespace does not show */

    ckpt_raw_field(live->info, "Pid:", 10, &number);
    if (ckpt_raw_find(live->info, "Pid:\t-1") || is_descendant(gather, number)) {
        flags |= HAS_ENDED;
    } else if (number != own_number()) {
        refuse(gather, live, number);
        return 0;
    }
    return ckpt_tables_pool(&gather->tables, &flags, sizeof flags, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    return entry->data.size == sizeof(uint32_t) &&
           (*(const uint32_t *)ckpt_view_text(image, entry->data) & ~(OF_THREAD | HAS_ENDED)) == 0;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    uint32_t flags = *(const uint32_t *)ckpt_view_text(image, entry->data);

    ckpt_raw_format(text, size, "of %s",
                    flags & HAS_ENDED   ? "a process that has ended"
                    : flags & OF_THREAD ? "the JVM's first thread"
                                        : "the JVM itself");
}

/* Of a child that ends at once. */
static long open_ended(uint32_t flags)
{
    long child = ckpt_syscall(SYS_clone, 0, 0, 0, 0, 0, 0), opened;

    while (child == 0)
        ckpt_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
    if (child < 0)
        return child;
    opened = ckpt_syscall(SYS_pidfd_open, child, flags, 0, 0, 0, 0);
    while (ckpt_syscall(SYS_wait4, child, NULL, __WALL, NULL, 0, 0) == -EINTR)
        ;
    return opened;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    uint32_t saved = *(const uint32_t *)ckpt_view_text(thaw->image, entry->data);
    uint32_t flags = (saved & OF_THREAD) | (entry->open_flags & O_NONBLOCK);
    long opened = saved & HAS_ENDED
                      ? open_ended(flags)
                      : ckpt_syscall(SYS_pidfd_open, ckpt_sys_getpid(), flags, 0, 0, 0, 0);

    return opened < 0 ? ckpt_error_set(error, (int)-opened, "cannot make a pidfd") : (int)opened;
}

const struct ckpt_fd_kind_row ckpt_kind_pidfd = {
    .number = CKPT_FD_PIDFD,
    .name = "pidfd",
    .support =
        {
            .object = "of the JVM itself, of its first thread, of a child that the image may be "
                      "without, or of a process that has ended",
            .kept = "what it is about: in a restored process that one; a child has ended there",
            .option = "a policy that closes it",
            .refused = "of another process or thread",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
