/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * epoll: fdinfo lists the watched descriptors.  If the application closed a watched descriptor or
 * reused its number while a duplicate keeps the registration, a restore cannot register it again by
 * that number, so the checkpoint refuses this.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/fd/live_fd.h"

struct watch {
    int32_t number;
    uint32_t events;
    uint64_t data;
};

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_equal(live->link, "anon_inode:[eventpoll]");
}

/* The number after @label in @line, or 0. */
static uint64_t number_after(const char *line, const char *label, unsigned base)
{
    const char *at = ckpt_raw_find(line, label);

    if (!at)
        return 0;
    at += ckpt_raw_length(label);
    ckpt_raw_blanks(&at);
    return ckpt_raw_number(&at, base);
}

struct watch_list {
    struct ckpt_gather *gather;
    const struct ckpt_live_fd *live;
    struct ckpt_array watches;
    struct ckpt_error *error;
};

static int add_watch(void *context, const char *line)
{
    struct watch_list *list = context;
    struct watch watch = {.number = (int32_t)number_after(line, "tfd:", 10),
                          .events = (uint32_t)number_after(line, "events:", 16),
                          .data = number_after(line, "data:", 16)};
    struct watch *added;
    struct stat status;

    if (!ckpt_raw_starts(line, "tfd:"))
        return 0;
    if (ckpt_sys_fstat(watch.number, &status) < 0 ||
        status.st_ino != number_after(line, "ino:", 16))
        ckpt_report_refuse(list->gather->report, "resource",
                           "remove a descriptor from its selector before you close it",
                           "descriptor %d (epoll) watches a file that is no longer descriptor %d",
                           list->live->number, watch.number);
    added = ckpt_array_add(&list->watches, &list->gather->scratch, 1, list->error);
    if (!added)
        return -1;
    *added = watch;
    return 0;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct watch_list list = {.gather = gather, .live = live, .error = error};

    ckpt_array_init(&list.watches, sizeof(struct watch));
    if (ckpt_live_fd_info_lines(gather, live, add_watch, &list, error) < 0)
        return -1;
    return ckpt_tables_pool(&gather->tables, list.watches.data,
                            list.watches.count * sizeof(struct watch), &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    (void)image;
    return entry->data.size % sizeof(struct watch) == 0;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct watch *watches = (const void *)ckpt_view_text(image, entry->data);
    size_t count = entry->data.size / sizeof *watches;
    size_t length = ckpt_raw_format(text, size, "watches %s", count ? "" : "nothing");

    for (size_t i = 0; i < count; i++)
        length +=
            ckpt_raw_format(text + length, size - length, "%s%d", i ? ", " : "", watches[i].number);
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    long opened = ckpt_syscall(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);

    (void)thaw;
    (void)entry;
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make an epoll");
    return (int)opened;
}

static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    const struct watch *watches = (const void *)ckpt_view_text(thaw->image, entry->data);

    for (size_t i = 0; i < entry->data.size / sizeof *watches; i++) {
        struct epoll_event event = {.events = watches[i].events, .data.u64 = watches[i].data};
        long added;

        if (ckpt_fd_is_closed(thaw->image, watches[i].number)) /* epoll refuses O_PATH */
            continue;
        added = ckpt_syscall(SYS_epoll_ctl, entry->number, EPOLL_CTL_ADD, watches[i].number, &event,
                             0, 0);

        if (added == -EBADF && thaw->rehearsal)
            continue; /* in a rehearsal some descriptors are O_PATH: ckpt_fd_rehearse_open() */
        if (added < 0)
            return ckpt_error_set(error, (int)-added, "cannot watch descriptor %d again",
                                  watches[i].number);
    }
    return 0;
}

const struct ckpt_fd_kind_row ckpt_kind_epoll = {
    .number = CKPT_FD_EPOLL,
    .name = "epoll",
    .support =
        {
            .object = "such as selectors of NIO",
            .kept = "what is watched, for which events, with which data",
            .refused = "if a watched file is no longer at its number",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .must_stay_open = true,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
    .finish = finish,
};
