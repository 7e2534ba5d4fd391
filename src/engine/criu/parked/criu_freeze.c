/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See criu_freeze.h. criu keeps threads, TIDs, memory and clocks as they are. So unlike the built-
 * in engine's, the threads need not rejoin in the restored process: it continues in the wait for
 * an order, and differs only in the order that it gets.
 */
#include "engine/criu/parked/criu_freeze.h"

#include <signal.h>
#include <sys/mman.h>

#include "base/range.h"
#include "base/raw.h"
#include "base/scratch.h"
#include "base/syscall.h"
#include "engine/criu/parked/connections.h"
#include "engine/criu/parked/kernel_random.h"
#include "engine/criu/parked/order.h"
#include "engine/parked/clear_moment.h"
#include "engine/parked/detach_image.h"
#include "engine/parked/prctl_settings.h"
#include "engine/parked/transient_files.h"

#define FREE_RANGES 16384
#define SCRATCH_SIZE ((size_t)4 << 20)
#define AT_REST_TRIES 50 /* how often threads are parked until the heap is at rest */

/* ---- a moment for the freeze ---- */

/* Add to @report what criu would refuse. The rest only criu can find. */
static int inspect(void *context, struct ckpt_report *report, struct ckpt_error *error)
{
    struct ckpt_criu_freeze *freeze = context;
    const struct ckpt_host *host = freeze->host;

    if (ckpt_offer_list(&freeze->offer, host, freeze->own_fds, freeze->own_fd_count, error) < 0)
        return -1;
    return ckpt_criu_connections_report(
        &freeze->offer, freeze->kept_connections,
        host->driver >= 0 ? "use --tcp-established" : "set the agent option tcp_established=true",
        report, error);
}

static struct ckpt_obstacle_search search_of(struct ckpt_criu_freeze *freeze)
{
    return (struct ckpt_obstacle_search){
        .inspect = inspect, .context = freeze, .park = &freeze->park};
}

int ckpt_criu_freeze_check(struct ckpt_criu_freeze *freeze, struct ckpt_report *report,
                           struct ckpt_error *error)
{
    const struct ckpt_obstacle_search search = search_of(freeze);
    int result = inspect(freeze, report, error);

    if (result < 0)
        return -1;
    ckpt_prctl_settings_open();
    result = ckpt_clear_moment_confirm(&search, report, error);
    ckpt_prctl_settings_close();
    return result;
}

/*
 * Park all threads, if possible while the heap is at rest and no file is open that is open only for
 * a moment; and no connection of that kind if one has prevented the last attempt.
 */
static int park_at(struct ckpt_transient_files *files, const struct ckpt_host *host,
                   struct ckpt_park *session, struct ckpt_error *error)
{
    for (int try = 1;; try++) {
        bool at_rest;

        if (ckpt_park_all(session, error) < 0)
            return -1;
        at_rest = !host->heap_is_known || host->parked->at_rest(&session->threads) ||
                  try >= AT_REST_TRIES;
        if (at_rest && !ckpt_transient_files_found(files))
            return 0;
        ckpt_park_release(session);
        ckpt_park_wait_left(session);
        if (at_rest)
            ckpt_transient_files_wait(&files->stable, &files->now);
    }
}

static int park(struct ckpt_criu_freeze *freeze, struct ckpt_park *session,
                struct ckpt_report *report, bool is_again, struct ckpt_error *error)
{
    const struct ckpt_obstacle_search search = search_of(freeze);
    struct ckpt_transient_files *files;
    struct ckpt_scratch scratch;
    int result = -1;

    if (ckpt_scratch_open(&scratch, SCRATCH_SIZE, error) < 0)
        return -1;
    files = ckpt_scratch_take(&scratch, sizeof *files, error);
    if (files) {
        ckpt_transient_files_begin(files, is_again);
        if (is_again) { /* after the list: what is opened since then does not count as stable */
            ckpt_clear_moment_wait(&search, report);
            ckpt_report_clear(report);
        }
        result = park_at(files, freeze->host, session, error);
    }
    ckpt_scratch_close(&scratch);
    return result;
}

/* ---- the dump ---- */

/* Add the driver's reasons, each a line "TYPE:text". */
static void add_reasons(struct ckpt_report *report, const char *text)
{
    char type[32];

    while (*text) {
        size_t length = 0, at = 0;

        while (text[length] && text[length] != '\n')
            length++;
        while (at < length && text[at] != ':' && at + 1 < sizeof type) {
            type[at] = text[at];
            at++;
        }
        type[at] = '\0';
        if (at < length && text[at] == ':') {
            char line[1024];
            size_t size = length - at - 1 < sizeof line - 1 ? length - at - 1 : sizeof line - 1;

            __builtin_memcpy(line, text + at + 1, size);
            line[size] = '\0';
            ckpt_report_add(report, type, "%s", line);
        }
        text += length + (text[length] == '\n');
    }
}

/*
 * Give memory of the heap that is free back to the kernel, so that criu need not write it. Its
 * content does not matter to this process either.
 */
static void drop_free_memory(const struct ckpt_criu_freeze *freeze, const struct ckpt_park *session)
{
    const struct ckpt_host_parked *host = freeze->host->parked;
    struct ckpt_scratch scratch;
    struct ckpt_error error;
    struct ckpt_range *free;
    size_t count;

    if (!freeze->host->heap_is_known || !host->at_rest(&session->threads) ||
        ckpt_scratch_open(&scratch, SCRATCH_SIZE, &error) < 0)
        return;
    free = ckpt_scratch_take(&scratch, FREE_RANGES * sizeof *free, &error);
    count = free ? ckpt_ranges_merge(free, host->free_memory(free, FREE_RANGES)) : 0;
    for (size_t i = 0; i < count; i++)
        ckpt_sys_madvise(free[i].start, free[i].end - free[i].start, MADV_DONTNEED);
    ckpt_scratch_close(&scratch);
}

/* Carry out what differs for this process between the three outcomes. */
static enum ckpt_freeze_result finish(struct ckpt_criu_freeze *freeze,
                                      const struct ckpt_received *received,
                                      struct ckpt_report *report)
{
    enum ckpt_freeze_result result = CKPT_FREEZE_WRITTEN;

    if (received->action == CKPT_FROZEN_RESTORED) {
        freeze->host->parked->after_restore();
        result = CKPT_FREEZE_RESTORED;
    } else if (received->action == CKPT_FROZEN_CANCEL) {
        add_reasons(report, received->reasons);
        if (report->count == 0)
            ckpt_report_add(report, "error", "criu could not dump the JVM");
        if (received->descriptors_are_lost)
            freeze->host->parked->descriptors_lost();
        result = CKPT_FREEZE_FAILED;
    }
    if (received->mapping)
        ckpt_sys_munmap(received->mapping, received->mapping_size);
    return result;
}

/* criu's image must not need the image that the built-in engine has restored this process from. */
static int detach(struct ckpt_mailbox *mailbox, struct ckpt_error *error)
{
    const struct ckpt_mapped_file image = {mailbox->image_device, mailbox->image_inode};

    if (ckpt_detach_files(image, error) < 0)
        return -1;
    mailbox->image_device = mailbox->image_inode = 0;
    return 0;
}

/* Give the descriptors away, and wait for an order. */
static int offer_and_wait(struct ckpt_criu_freeze *freeze, struct ckpt_received *ret,
                          struct ckpt_error *error)
{
    struct ckpt_offer *offer = &freeze->offer;
    int listener;

    if (ckpt_offer_fill(offer, freeze->host, freeze->own_fds, freeze->own_fd_count, error) < 0)
        return -1;
    listener = ckpt_order_listen(offer, error);
    if (listener < 0)
        return -1;
    if (ckpt_offer_send(offer, freeze->connection, error) < 0) {
        ckpt_order_close(offer, listener, true);
        return -1;
    }
    if (freeze->host->driver < 0) { /* not one of those that are given back */
        ckpt_sys_close(freeze->connection);
        freeze->connection = -1;
    }
    ckpt_offer_replace(offer);
    ckpt_order_wait(offer, listener, &freeze->watch, freeze->mailbox, ret);
    ckpt_order_close(offer, listener, ret->action != CKPT_FROZEN_RESTORED);
    return 0;
}

static enum ckpt_freeze_result freeze_parked(struct ckpt_criu_freeze *freeze,
                                             const struct ckpt_park *session,
                                             struct ckpt_report *report, struct ckpt_error *error)
{
    struct ckpt_received received;
    int result;

    drop_free_memory(freeze, session);
    ckpt_criu_drop_kernel_random();
    if (detach(freeze->mailbox, error) < 0)
        return CKPT_FREEZE_FAILED;
    ckpt_driver_watch_open(&freeze->watch);
    if (freeze->watch.fd >= 0)
        freeze->own_fds[freeze->own_fd_count++] = freeze->watch.fd;
    result = offer_and_wait(freeze, &received, error);
    ckpt_driver_watch_close(&freeze->watch);
    return result < 0 ? CKPT_FREEZE_FAILED : finish(freeze, &received, report);
}

/* The attempts of a checkpoint to freeze the process. */
struct attempts {
    struct ckpt_criu_freeze *freeze;
    struct ckpt_park *session;
    bool is_again;
    enum ckpt_freeze_result result;
    struct ckpt_error *error;
};

/* Find out, while all threads are parked, whether the freeze is prevented; otherwise freeze. */
static bool attempt(void *context, struct ckpt_report *report)
{
    struct attempts *attempts = context;
    struct ckpt_park *session = attempts->session;
    const char *obstacle;
    bool prevented;
    int inspected;

    if (park(attempts->freeze, session, report, attempts->is_again, attempts->error) < 0)
        return false;
    attempts->is_again = true;
    obstacle = attempts->freeze->host->parked->obstacle(&session->threads);
    if (obstacle)
        ckpt_report_add(report, "error", "%s", obstacle);
    inspected = inspect(attempts->freeze, report, attempts->error);
    prevented = report->count > 0;
    if (inspected == 0 && !prevented)
        attempts->result = freeze_parked(attempts->freeze, session, report, attempts->error);
    ckpt_park_release(session);
    return prevented;
}

enum ckpt_freeze_result ckpt_criu_freeze(struct ckpt_criu_freeze *freeze,
                                         struct ckpt_report *report)
{
    struct ckpt_error error = {.number = 0};
    struct attempts attempts = {.freeze = freeze, .result = CKPT_FREEZE_FAILED, .error = &error};
    uint64_t all = ~0ull, mask;

    ckpt_sys_sigprocmask(SIG_SETMASK, &all, &mask);
    ckpt_prctl_settings_open();
    attempts.session = ckpt_park_open(&freeze->park, &error);
    if (attempts.session) {
        ckpt_clear_moment_repeat(attempt, &attempts, attempts.session, report);
        ckpt_park_close(attempts.session);
    }
    if (attempts.result == CKPT_FREEZE_FAILED && report->count == 0)
        ckpt_report_add(report, "error", "%s", error.text);
    ckpt_prctl_settings_close();
    ckpt_sys_sigprocmask(SIG_SETMASK, &mask, NULL);
    return attempts.result;
}
