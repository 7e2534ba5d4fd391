/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * The walk over the descriptors of this process.  If a policy has a rule for a descriptor, its
 * action is taken; otherwise the first kind that matches the descriptor freezes it.  A descriptor
 * of no kind is refused.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/descriptors.h"
#include "base/raw.h"
#include "engine/builtin/fd/default_close.h"
#include "engine/builtin/fd/fds.h"
#include "engine/builtin/fd/gather_steps.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/fd/kind_pipe.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/open_files.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/signal_owner.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/walk.h"

#define READ_TRIES 10

/* The state of the current descriptor; in scratch space, because it is large. */
struct current {
    struct ckpt_live_fd live;
    struct ckpt_fd_subject subject;
    bool has_rule; /**< a policy has one for it */
};

bool ckpt_fd_is_agents(const struct ckpt_gather *gather, int number)
{
    for (size_t i = 0; i < gather->own_fd_count; i++)
        if (gather->own_fds[i] == number)
            return true;
    return false;
}

static const struct ckpt_fd_kind_row *find_row(const struct ckpt_gather *gather,
                                               const struct ckpt_live_fd *live)
{
    const struct ckpt_fd_kind_row *row;

    for (size_t i = 0; (row = ckpt_fd_row_at(i)); i++)
        if (row->matches(gather, live))
            return row;
    return NULL;
}

/* The type of an obstacle (engine/report.h) that is a descriptor of this type. */
static const char *report_type(enum ckpt_policy_type type)
{
    return type == CKPT_POLICY_FILE ? "file" : type == CKPT_POLICY_SOCKET ? "socket" : "resource";
}

/* Connections that wait to be accepted are closed like all others. */
static bool is_listener(const struct ckpt_live_fd *live)
{
    return S_ISSOCK(live->status.st_mode) &&
           ckpt_socket_option(live->number, SOL_SOCKET, SO_ACCEPTCONN);
}

/* The action for a descriptor that no rule is about. */
static enum ckpt_policy_action decide_without_rule(const struct ckpt_gather *gather,
                                                   struct ckpt_live_fd *live)
{
    live->drops_waiting = ckpt_fd_accepts_again(gather, live) ||
                          (gather->connections == CKPT_CONNECTIONS_CLOSE && is_listener(live));
    return ckpt_fd_reconnects(gather, live) ? CKPT_POLICY_CLOSE : CKPT_POLICY_NONE;
}

static void report_rule(const struct ckpt_gather *gather, const struct current *current,
                        const struct ckpt_policy_rule *rule, bool may_close)
{
    const struct ckpt_fd_subject *subject = &current->subject;
    int number = current->live.number;

    if (rule->action == CKPT_POLICY_ERROR)
        ckpt_report_refuse(gather->report, report_type(subject->subject.type),
                           "close it in a beforeCheckpoint hook, or change the rule",
                           "descriptor %d ('%s') is refused by the rule at %s:%u", number,
                           subject->text, gather->policies->name, rule->line);
    else if (!may_close)
        ckpt_report_refuse(gather->report, report_type(subject->subject.type),
                           "remove the rule, and it is kept",
                           "descriptor %d ('%s') cannot be closed by the rule at %s:%u, because "
                           "threads that wait for it would fail or sleep without end",
                           number, subject->text, gather->policies->name, rule->line);
    else if (gather->warnings && !gather->parked && !rule->silent)
        ckpt_report_add(gather->warnings, "warning",
                        "descriptor %d ('%s') is open: action %s by the rule at %s:%u%s%s", number,
                        subject->text, ckpt_policy_word(rule->action), gather->policies->name,
                        rule->line, rule->action == CKPT_POLICY_CLOSE ? "; " : "",
                        rule->action == CKPT_POLICY_CLOSE ? ckpt_fd_closed_effect(&current->live)
                                                          : "");
}

/* The action of the rule for this descriptor, or CKPT_POLICY_NONE. Sets has_rule. */
static enum ckpt_policy_action decide(struct ckpt_gather *gather, struct current *current,
                                      const struct ckpt_fd_kind_row *row)
{
    struct ckpt_live_fd *live = &current->live;
    const struct ckpt_policy_rule *rule = ckpt_fd_policy_live(gather, live, row, &current->subject);
    bool may_close;

    current->has_rule = rule;
    live->reopen = live->drops_waiting = rule && rule->action == CKPT_POLICY_REOPEN;
    if (!rule)
        return decide_without_rule(gather, live);
    may_close = !row || !row->must_stay_open || rule->action != CKPT_POLICY_CLOSE;
    report_rule(gather, current, rule, may_close);
    if (!may_close)
        return CKPT_POLICY_ERROR;
    return rule->action == CKPT_POLICY_IGNORE ? decide_without_rule(gather, live) : rule->action;
}

/* As what the engine criu keeps a descriptor of none of the kinds. */
static enum ckpt_criu_keeps criu_keeps_unknown(const struct ckpt_live_fd *live)
{
    static const struct {
        const char *link;
        enum ckpt_criu_keeps what;
    } known[] = {
        {"anon_inode:[fanotify]", CKPT_CRIU_KEEPS_WATCHES},
        {"socket:", CKPT_CRIU_KEEPS_OTHER_SOCKETS},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (ckpt_raw_starts(live->link, known[i].link))
            return known[i].what;
    return CKPT_CRIU_KEEPS_NOTHING;
}

void ckpt_fd_refuse_unknown(struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    const char *family = ckpt_socket_family_text(live);

    if (family)
        ckpt_report_refuse(gather->report, "socket", CKPT_CLOSE_IT,
                           "descriptor %d is %s, which cannot be restored", live->number, family);
    else
        ckpt_report_refuse(gather->report, "resource", CKPT_CLOSE_IT,
                           "descriptor %d is '%s', of a kind that cannot be restored", live->number,
                           live->link);
    ckpt_report_criu_keeps(gather->report, criu_keeps_unknown(live));
}

/* Freeze a descriptor by its kind; entry->kind stays 0 if it is refused. */
static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  const struct ckpt_fd_kind_row *row, struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    size_t count = gather->report->count;

    if (!row) {
        ckpt_fd_refuse_unknown(gather, live);
        return 0;
    }
    entry->kind = row->number;
    entry->kind_version = row->version;
    if (row->freeze(gather, live, entry, error) < 0)
        return -1;
    /* What is refused anyway, as perf events are, has no second reason. */
    if (!row->from_command && entry->kind && gather->report->count == count)
        ckpt_signal_owner_freeze(gather, live, entry);
    return 0;
}

/* Whether another descriptor of the same open file was refused. */
static bool is_refused(const struct ckpt_fd_walk *walk, int number)
{
    for (size_t i = 0; i < walk->refused_count; i++)
        if (ckpt_open_files_same(walk->refused[i], number))
            return true;
    return false;
}

/*
 * The entries of the report from @count on are about @number.  Remove them if they were reported
 * for another descriptor of the same open file.
 */
static void note_refusal(struct ckpt_gather *gather, int number, size_t count, size_t used)
{
    struct ckpt_fd_walk *walk = gather->fd_walk;

    if (gather->report->count == count || gather->name_copies)
        return;
    if (is_refused(walk, number))
        ckpt_report_truncate(gather->report, count, used);
    else if (walk->refused_count < sizeof walk->refused / sizeof walk->refused[0])
        walk->refused[walk->refused_count++] = number;
}

/*
 * If the descriptor was refused since the report had this @count and @used, and the JVM has only
 * inherited it, accept it after all, as one that is closed.
 */
static int close_inherited(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                           size_t count, size_t used, struct ckpt_image_fd *entry,
                           struct ckpt_error *error)
{
    if (gather->report->count == count || !ckpt_fd_is_inherited(live))
        return 0;
    ckpt_report_truncate(gather->report, count, used);
    if (gather->warnings && !gather->parked)
        ckpt_report_add(gather->warnings, "warning",
                        "descriptor %d ('%s') was open when the JVM started, and is closed in the "
                        "restored process; start the JVM with 'checkpointer run', which closes it",
                        live->number, live->link);
    entry->object = entry->same_as = CKPT_NONE;
    return ckpt_fd_closed_freeze(gather, live, entry, error);
}

/* For the report: a number for what kind of descriptor it is, also if no row knows it. */
static uint64_t kind_of(const struct ckpt_fd_kind_row *row, const struct ckpt_live_fd *live)
{
    uint64_t sum = 0;

    if (row)
        return (uint64_t)(uintptr_t)row;
    for (const char *at = live->link; *at; at++) /* without numbers, as of an inode */
        if (*at < '0' || *at > '9')
            sum = sum * 31 + (uint8_t)*at;
    return sum;
}

/*
 * If the descriptor was refused, as above, because it is a connection to another process, and
 * --connections=close allows it, accept it as one that is closed.
 */
static int close_connection(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                            const struct ckpt_fd_kind_row *row, size_t count, size_t used,
                            struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    if (gather->report->count == count || gather->connections != CKPT_CONNECTIONS_CLOSE || !row ||
        !row->is_connection || !row->is_connection(gather, live))
        return 0;
    ckpt_report_truncate(gather->report, count, used);
    gather->fd_walk->closed_connections++;
    entry->object = entry->same_as = CKPT_NONE;
    return ckpt_fd_closed_freeze(gather, live, entry, error);
}

static int save(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                const struct ckpt_fd_kind_row *row, enum ckpt_policy_action action,
                struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    return action == CKPT_POLICY_CLOSE ? ckpt_fd_closed_freeze(gather, live, entry, error)
                                       : freeze(gather, live, row, entry, error);
}

/*
 * Rules without a number are not for descriptors that are kept anyway. If the descriptor was
 * refused, as above, apply the rule for one of an unknown kind, such as anon_inode:inotify. Not for
 * an end of a pair in this process, because the other end would be dead.
 */
static int apply_other_rule(struct ckpt_gather *gather, struct current *current,
                            const struct ckpt_fd_kind_row *row, size_t count, size_t used,
                            struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    const bool asks = gather->report->count > count && row && !current->has_rule &&
                      row->policy == CKPT_POLICY_DESCRIPTOR && !row->must_stay_open && !row->is_end;
    const struct ckpt_policy_rule *rule =
        asks ? ckpt_fd_policy_live(gather, &current->live, NULL, &current->subject) : NULL;

    if (!rule || rule->action == CKPT_POLICY_IGNORE)
        return 0;
    ckpt_report_truncate(gather->report, count, used);
    report_rule(gather, current, rule, true);
    entry->kind = 0;
    entry->object = entry->same_as = CKPT_NONE;
    if (rule->action == CKPT_POLICY_ERROR)
        return 0;
    current->live.reopen = rule->action == CKPT_POLICY_REOPEN;
    return save(gather, &current->live, row, rule->action, entry, error);
}

/* Add the descriptor to the table, unless a rule or its kind refuses it. */
static int add(struct ckpt_gather *gather, struct current *current, struct ckpt_error *error)
{
    const struct ckpt_live_fd *live = &current->live;
    const struct ckpt_fd_kind_row *row = find_row(gather, live);
    enum ckpt_policy_action action;
    size_t count = gather->report->count, used = gather->report->used;
    struct ckpt_image_fd *added, entry = {.number = live->number,
                                          .open_flags = live->open_flags,
                                          .fd_flags = live->fd_flags,
                                          .object = CKPT_NONE,
                                          .same_as = CKPT_NONE,
                                          .position = live->position,
                                          .inode = live->status.st_ino};

    gather->report->kind = kind_of(row, live);
    action = decide(gather, current, row);
    if (action == CKPT_POLICY_ERROR)
        return 0;
    if (save(gather, live, row, action, &entry, error) < 0 ||
        apply_other_rule(gather, current, row, count, used, &entry, error) < 0)
        return -1;
    if (close_inherited(gather, live, count, used, &entry, error) < 0 ||
        close_connection(gather, live, row, count, used, &entry, error) < 0)
        return -1;
    note_refusal(gather, live->number, count, used);
    if (!entry.kind)
        return 0;
    if (ckpt_open_files_find(gather, &entry, error) < 0)
        return -1;
    added = ckpt_array_add(&gather->tables.fds, gather->tables.scratch, 1, error);
    if (!added)
        return -1;
    *added = entry;
    return 0;
}

/*
 * Examine and add a listed descriptor. While the JVM runs, the application may have closed it since
 * it was listed. While all threads are parked, a descriptor that cannot be examined is an error,
 * because the image would lack it.
 */
static int gather_open(struct ckpt_gather *gather, int number, struct current *current,
                       struct ckpt_error *error)
{
    long failed;

    if (ckpt_fd_is_agents(gather, number))
        return 0;
    failed = ckpt_live_fd_read(number, &current->live);
    if (!gather->parked && (failed == -ENOENT || failed == -EBADF))
        return 0;
    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot examine descriptor %d", number);
    gather->report->about = number + 1;
    gather->record_locks |= ckpt_raw_find(current->live.info, ": POSIX ") != NULL;
    return add(gather, current, error);
}

/* While the JVM runs, another thread may close a descriptor between two steps: then try again. */
static int gather_one(struct ckpt_gather *gather, int number, struct current *current,
                      struct ckpt_error *error)
{
    size_t count = gather->report->count, used = gather->report->used;
    int result = gather_open(gather, number, current, error);

    for (int try = 1; result < 0 && !gather->parked && try < READ_TRIES; try++) {
        ckpt_report_truncate(gather->report, count, used);
        result = gather_open(gather, number, current, error);
    }
    return result;
}

static int begin(struct ckpt_gather *gather, struct ckpt_error *error)
{
    const struct ckpt_fd_kind_row *row;

    gather->fd_walk = ckpt_scratch_take(&gather->scratch, sizeof *gather->fd_walk, error);
    if (!gather->fd_walk)
        return -1;
    ckpt_array_init(&gather->fd_walk->open_files, sizeof(uint32_t));
    gather->fd_walk->shared_opens.count = 0;
    gather->fd_walk->refused_count = 0;
    gather->fd_walk->closed_connections = 0;
    gather->fd_walk->failed = 0;
    for (size_t i = 0; (row = ckpt_fd_row_at(i)); i++)
        if (row->begin)
            row->begin();
    return 0;
}

static void warn_about_connections(const struct ckpt_gather *gather)
{
    unsigned count = gather->fd_walk->closed_connections;

    if (count && gather->warnings && !gather->parked)
        ckpt_report_add(gather->warnings, "warning",
                        "%u connection%s to other processes will be reset in the restored process",
                        count, count == 1 ? "" : "s");
}

int ckpt_fds_gather(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct current *current = ckpt_scratch_take(&gather->scratch, sizeof *current, error);
    struct ckpt_descriptors *list = ckpt_scratch_take(&gather->scratch, sizeof *list, error);
    int result = 0;

    if (!current || !list || begin(gather, error) < 0)
        return -1;
    ckpt_descriptors_open_own(list);
    while (result == 0 && ckpt_descriptors_next(list))
        result = gather_one(gather, list->number, current, error);
    gather->report->about = 0;
    gather->report->kind = 0;
    ckpt_descriptors_close(list);
    warn_about_connections(gather);
    if (!list->failed)
        list->failed = gather->fd_walk->failed;
    if (result == 0 && list->failed)
        return ckpt_error_set(error, -list->failed, "cannot list /proc/self/fd");
    return result;
}

int ckpt_fds_gather_content(struct ckpt_gather *gather, struct ckpt_error *error)
{
    const struct ckpt_fd_kind_row *row;

    for (size_t i = 0; (row = ckpt_fd_row_at(i)); i++)
        if (row->gather_content && row->gather_content(gather, error) < 0)
            return -1;
    return 0;
}

void ckpt_fds_ending(const struct ckpt_tables *tables)
{
    for (size_t i = 0; i < tables->fds.count; i++) {
        const struct ckpt_image_fd *entry = ckpt_array_at(&tables->fds, i);
        const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);

        if (row->ending)
            row->ending(entry);
    }
}

void ckpt_fds_on_load(void)
{
    const struct ckpt_fd_kind_row *row;

    for (size_t i = 0; (row = ckpt_fd_row_at(i)); i++)
        if (row->on_load)
            row->on_load();
}

void ckpt_fds_restored(const struct ckpt_park *park)
{
    const struct ckpt_fd_kind_row *row;

    for (size_t i = 0; (row = ckpt_fd_row_at(i)); i++)
        if (row->restored)
            row->restored(park);
}
