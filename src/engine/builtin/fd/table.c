/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * The table of descriptor kinds and the two walks over it, see fd.h.
 */
#include "engine/builtin/fd/fd.h"

#include <errno.h>
#include <linux/close_range.h>
#include <linux/kcmp.h>
#include <sys/vfs.h>

#include "base/raw.h"
#include "base/syscall.h"

#define LOOK_TRIES 10

/* In the order in which they are asked: standard streams first, whatever they are. */
static const struct ckpt_fd_kind_row *const rows[] = {
    &ckpt_fd_stdio,    &ckpt_fd_closed,    &ckpt_fd_shared, &ckpt_fd_pipe,
    &ckpt_fd_eventfd,  &ckpt_fd_epoll,     &ckpt_fd_tcp,    &ckpt_fd_udp,
    &ckpt_fd_listener, &ckpt_fd_unix,      &ckpt_fd_fifo,   &ckpt_fd_device,
    &ckpt_fd_kernel,   &ckpt_fd_directory, &ckpt_fd_file,   &ckpt_fd_timerfd,
};
#define ROWS (sizeof rows / sizeof rows[0])

const struct ckpt_fd_kind_row *ckpt_fd_row(uint32_t kind)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i]->kind == kind)
            return rows[i];
    return NULL;
}

bool ckpt_fd_same_open_file(int left, int right)
{
    long pid = ckpt_sys_getpid();

    return left == right || ckpt_syscall(SYS_kcmp, pid, pid, KCMP_FILE, left, right, 0) == 0;
}

/* ---- freezing ---- */

struct ckpt_raw_lines *ckpt_fd_lines(struct ckpt_gather *gather, struct ckpt_error *error)
{
    if (!gather->lines)
        gather->lines = ckpt_scratch_take(&gather->scratch, sizeof *gather->lines, error);
    return gather->lines;
}

/* The beginning of what the kernel tells about it, which may be more than there is room for. */
static long read_info(int number, struct ckpt_fd_look *look)
{
    char path[64];
    long length;

    ckpt_raw_format(path, sizeof path, "/proc/self/fdinfo/%d", number);
    look->info[0] = '\0';
    length = ckpt_raw_read_file(path, look->info, sizeof look->info);
    look->info[sizeof look->info - 1] = '\0';
    return length == -EFBIG ? 0 : length;
}

/* 0 for one that does not tell, as a program's (FUSE) may; the kernel's own all do. */
static long read_file_system(int number, struct ckpt_fd_look *look)
{
    struct statfs system = {0};
    long failed = ckpt_syscall(SYS_fstatfs, number, &system, 0, 0, 0, 0);
    bool silent = failed == -ENOSYS || failed == -EOPNOTSUPP;

    if (failed < 0 &&
        (!silent || ckpt_raw_starts(look->link, "/proc/") || ckpt_raw_starts(look->link, "/sys/")))
        return failed;
    look->file_system = (uint64_t)(unsigned)system.f_type;
    return 0;
}

/* A negative errno value if one of the calls fails. */
static long read_look(int number, struct ckpt_fd_look *look)
{
    char path[64];
    long length, flags, fd_flags, failed;

    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", number);
    length = ckpt_sys_readlinkat(AT_FDCWD, path, look->link, sizeof look->link - 1);
    if (length < 0)
        return length;
    look->link[length] = '\0';
    failed = ckpt_sys_fstat(number, &look->status);
    if (failed < 0)
        return failed;
    failed = read_file_system(number, look);
    if (failed < 0)
        return failed;
    flags = ckpt_sys_fcntl(number, F_GETFL, 0);
    if (flags < 0)
        return flags;
    fd_flags = ckpt_sys_fcntl(number, F_GETFD, 0);
    if (fd_flags < 0)
        return fd_flags;
    look->number = number;
    look->open_flags = (uint32_t)flags;
    look->fd_flags = (uint32_t)fd_flags;
    failed = read_info(number, look);
    if (failed < 0)
        return failed;
    look->position = 0;
    ckpt_raw_field(look->info, "pos:", 10, &look->position);
    return 0;
}

/*
 * 1 with @look filled in; 0: it was closed meanwhile, which can be only while the JVM still runs.
 * With all threads parked, a descriptor that cannot be examined would be missing in the image.
 */
static int look_at(const struct ckpt_gather *gather, int number, struct ckpt_fd_look *look,
                   struct ckpt_error *error)
{
    long failed = read_look(number, look);

    if (failed == 0)
        return 1;
    if (!gather->parked && (failed == -ENOENT || failed == -EBADF))
        return 0;
    return ckpt_error_set(error, (int)-failed, "cannot examine descriptor %d", number);
}

static bool is_own(const struct ckpt_gather *gather, int number)
{
    for (size_t i = 0; i < gather->own_fd_count; i++)
        if (gather->own_fds[i] == number)
            return true;
    return false;
}

/*
 * How two open files are ordered: first by what is cheap, then as the kernel orders them, which is
 * constant as long as they are open.  Anonymous files (eventfd, epoll) share one inode: to compare
 * each with each would take minutes where there are thousands.
 */
static int compare(long pid, const struct ckpt_image_fd *left, const struct ckpt_image_fd *right)
{
    long order;

    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->inode != right->inode)
        return left->inode < right->inode ? -1 : 1;
    if (left->kind == CKPT_FD_PIPE) { /* each end of a pipe is one, however often it was opened */
        uint32_t access = left->open_flags & O_ACCMODE, other = right->open_flags & O_ACCMODE;

        return access == other ? 0 : access < other ? -1 : 1;
    }
    order = ckpt_syscall(SYS_kcmp, pid, pid, KCMP_FILE, left->number, right->number, 0);
    return order == 0 ? 0 : order == 1 ? -1 : 1;
}

/*
 * The first descriptor of the same open file, into @entry if it @may_be one; the first of each is
 * remembered as entry @index of the table.
 */
static int find_twin(struct ckpt_gather *gather, struct ckpt_image_fd *entry, bool may_be,
                     struct ckpt_error *error)
{
    struct ckpt_array *files = &gather->open_files;
    uint32_t *at, index = (uint32_t)gather->tables.fds.count;
    size_t low = 0, high = files->count;
    long pid = ckpt_sys_getpid();

    while (low < high) {
        size_t middle = (low + high) / 2;
        uint32_t other = *(const uint32_t *)ckpt_array_at(files, middle);
        int order = compare(pid, entry, ckpt_array_at(&gather->tables.fds, other));

        if (order == 0) {
            if (may_be)
                entry->same_as = other;
            return 0;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (!ckpt_array_add(files, &gather->scratch, 1, error))
        return -1;
    at = ckpt_array_at(files, low);
    __builtin_memmove(at + 1, at, (files->count - 1 - low) * sizeof *at);
    *at = index;
    return 0;
}

/* What the rule says that is for this descriptor. */
static enum ckpt_policy_action decide(struct ckpt_gather *gather, struct ckpt_fd_look *look,
                                      struct ckpt_fd_subject *subject)
{
    const struct ckpt_policy_rule *rule;

    look->reopen = false;
    if (!gather->policies || ckpt_fd_stdio.matches(gather, look) ||
        ckpt_fd_closed.matches(gather, look))
        return CKPT_POLICY_NONE;
    rule = ckpt_fd_policy(gather, look, subject);
    if (!rule)
        return CKPT_POLICY_NONE;
    look->reopen = rule->action == CKPT_POLICY_REOPEN;
    if (rule->action == CKPT_POLICY_ERROR)
        ckpt_report_add(gather->report,
                        subject->subject.type == CKPT_POLICY_FILE     ? "file"
                        : subject->subject.type == CKPT_POLICY_SOCKET ? "socket"
                                                                      : "resource",
                        "descriptor %d ('%s') is refused by the rule at %s:%u; close it in a "
                        "beforeCheckpoint hook, or change the rule",
                        look->number, subject->text, gather->policies->name, rule->line);
    else if (gather->warnings && !gather->parked && !rule->silent)
        ckpt_report_add(gather->warnings, "warning",
                        "descriptor %d ('%s') is open: action %s by the rule at %s:%u",
                        look->number, subject->text, ckpt_policy_word(rule->action),
                        gather->policies->name, rule->line);
    return rule->action;
}

/* By the first row that matches; entry->kind stays 0 if there is none. */
static int freeze_by_row(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                         struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i]->matches(gather, look)) {
            entry->kind = rows[i]->kind;
            entry->kind_version = rows[i]->version;
            return rows[i]->freeze(gather, look, entry, error);
        }
    return 0;
}

/* A copy of one that was refused is the same obstacle. */
static bool is_refused(const struct ckpt_gather *gather, int number)
{
    for (size_t i = 0; i < gather->refused_count; i++)
        if (ckpt_fd_same_open_file(gather->refused[i], number))
            return true;
    return false;
}

/* What was added to the report since @count is about @number: once is enough. */
static void note_refusal(struct ckpt_gather *gather, int number, size_t count, size_t used)
{
    if (gather->report->count == count || gather->name_copies)
        return;
    if (is_refused(gather, number))
        ckpt_report_truncate(gather->report, count, used);
    else if (gather->refused_count < sizeof gather->refused / sizeof gather->refused[0])
        gather->refused[gather->refused_count++] = number;
}

static int gather_open(struct ckpt_gather *gather, int number, struct ckpt_fd_look *look,
                       struct ckpt_fd_subject *subject, struct ckpt_error *error)
{
    size_t count = gather->report->count, used = gather->report->used;
    struct ckpt_image_fd entry, *added;
    enum ckpt_policy_action action;
    int open = is_own(gather, number) ? 0 : look_at(gather, number, look, error);

    if (open <= 0)
        return open;
    gather->report->about = number + 1;
    gather->record_locks |= ckpt_raw_find(look->info, ": POSIX ") != NULL;
    action = decide(gather, look, subject);
    if (action == CKPT_POLICY_ERROR)
        return 0;
    entry = (struct ckpt_image_fd){.number = number,
                                   .open_flags = look->open_flags,
                                   .fd_flags = look->fd_flags,
                                   .object = CKPT_NONE,
                                   .same_as = CKPT_NONE,
                                   .position = look->position,
                                   .inode = look->status.st_ino};
    if ((action == CKPT_POLICY_CLOSE ? ckpt_fd_closed_freeze : freeze_by_row)(gather, look, &entry,
                                                                              error) < 0)
        return -1;
    if (!entry.kind)
        ckpt_report_add(gather->report, "resource",
                        "descriptor %d is '%s', of a kind that cannot be "
                        "restored; close it in a beforeCheckpoint hook, or by a policy file",
                        number, look->link);
    note_refusal(gather, number, count, used);
    if (!entry.kind)
        return 0;
    if (entry.kind != CKPT_FD_CLOSED &&
        find_twin(gather, &entry, number > 2 || entry.kind != CKPT_FD_STDIO, error) < 0)
        return -1;
    added = ckpt_array_add(&gather->tables.fds, gather->tables.scratch, 1, error);
    if (!added)
        return -1;
    *added = entry;
    return 0;
}

/* While the JVM runs, another thread may close it in the middle: then it is looked at again. */
static int gather_one(struct ckpt_gather *gather, int number, struct ckpt_fd_look *look,
                      struct ckpt_fd_subject *subject, struct ckpt_error *error)
{
    size_t count = gather->report->count, used = gather->report->used;
    int result = gather_open(gather, number, look, subject, error);

    for (int try = 1; result < 0 && !gather->parked && try < LOOK_TRIES; try++) {
        ckpt_report_truncate(gather->report, count, used);
        result = gather_open(gather, number, look, subject, error);
    }
    return result;
}

int ckpt_fds_gather(struct ckpt_gather *gather, struct ckpt_error *error)
{
    struct ckpt_fd_look *look = ckpt_scratch_take(&gather->scratch, sizeof *look, error);
    struct ckpt_fd_subject *subject = ckpt_scratch_take(&gather->scratch, sizeof *subject, error);
    char *buffer = ckpt_scratch_take(&gather->scratch, 8192, error);
    long dir, got = 0;
    int result = 0;

    if (!look || !subject || !buffer)
        return -1;
    ckpt_fd_kernel_begin();
    gather->refused_count = 0;
    ckpt_array_init(&gather->open_files, sizeof(uint32_t));
    dir = ckpt_sys_openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir < 0)
        return ckpt_error_set(error, (int)-dir, "cannot list /proc/self/fd");
    while (result == 0 && (got = ckpt_sys_getdents((int)dir, buffer, 8192)) > 0) {
        for (long at = 0; at < got && result == 0;) {
            const struct ckpt_dirent *entry = (const struct ckpt_dirent *)(buffer + at);
            const char *name = entry->name;

            at += entry->length;
            if (name[0] != '.') {
                int number = (int)ckpt_raw_number(&name, 10);

                if (number != (int)dir)
                    result = gather_one(gather, number, look, subject, error);
            }
        }
    }
    gather->report->about = 0;
    ckpt_sys_close((int)dir);
    return result == 0 && got < 0 ? ckpt_error_set(error, (int)-got, "cannot list /proc/self/fd")
                                  : result;
}

/* ---- thawing ---- */

int ckpt_fds_check(const struct ckpt_image_view *image, struct ckpt_error *error)
{
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_image_fd *entry = &image->fds[i];
        const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);

        if (!row || entry->kind_version > row->version)
            return ckpt_error_set(error, 0,
                                  "descriptor %d is of a kind (%u, version %u) that this "
                                  "checkpointer does not know; restore the image with the newer "
                                  "one that made it (%s)",
                                  entry->number, entry->kind, entry->kind_version,
                                  image->header->release);
        if (row->valid && !row->valid(image, entry))
            return ckpt_error_set(error, 0,
                                  "the image is damaged (descriptor %d); take a new checkpoint",
                                  entry->number);
    }
    return 0;
}

int ckpt_fd_seek(int fd, int64_t position, int whence, struct ckpt_error *error)
{
    long failed = ckpt_sys_lseek(fd, position, whence);

    if (failed >= 0)
        return fd;
    ckpt_sys_close(fd);
    return ckpt_error_set(error, (int)-failed, "cannot set its position");
}

int ckpt_fd_set_flags(int fd, uint32_t flags, struct ckpt_error *error)
{
    long failed = ckpt_sys_fcntl(fd, F_SETFL, (long)flags);

    if (failed >= 0)
        return fd;
    ckpt_sys_close(fd);
    return ckpt_error_set(error, (int)-failed, "cannot set its flags");
}

static int install(int from, const struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t cloexec = entry->fd_flags & FD_CLOEXEC;
    long moved = entry->number;

    if (from == entry->number) {
        moved = ckpt_sys_fcntl(from, F_SETFD, cloexec ? FD_CLOEXEC : 0);
        return moved < 0 ? ckpt_error_set(error, (int)-moved,
                                          "cannot set the flags of descriptor %d", from)
                         : 0;
    }
    moved = ckpt_syscall(SYS_dup3, from, entry->number, cloexec ? O_CLOEXEC : 0, 0, 0, 0);
    ckpt_sys_close(from);
    if (moved < 0)
        return ckpt_error_set(error, (int)-moved,
                              "cannot have descriptor number %d; raise 'ulimit -n'", entry->number);
    return 0;
}

static int thaw_one(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                    struct ckpt_error *error)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);
    int opened;

    if (entry->same_as != CKPT_NONE) {
        opened = (int)ckpt_sys_fcntl(thaw->image->fds[entry->same_as].number, F_DUPFD_CLOEXEC, 3);
        if (opened < 0)
            return ckpt_error_set(error, -opened, "cannot duplicate descriptor %d",
                                  thaw->image->fds[entry->same_as].number);
    } else if (!row->thaw) {
        return 0;
    } else {
        opened = row->thaw(thaw, entry, error);
        if (opened < 0)
            return ckpt_error_prefix(error, "descriptor %d (%s)", entry->number, row->name);
    }
    return install(opened, entry, error);
}

int ckpt_fds_thaw(struct ckpt_fd_thaw *thaw, struct ckpt_error *error)
{
    const struct ckpt_image_view *image = thaw->image;
    bool have[3] = {false};

    ckpt_syscall(SYS_close_range, 3, thaw->high - 1, 0, 0, 0, 0);
    for (size_t i = 0; i < image->fd_count; i++) {
        if (image->fds[i].number < 3)
            have[image->fds[i].number] = true;
        if (thaw_one(thaw, &image->fds[i], error) < 0)
            return -1;
    }
    for (int i = 0; i < 3; i++)
        if (!have[i])
            ckpt_sys_close(i);
    for (size_t i = 0; i < image->fd_count; i++) {
        const struct ckpt_fd_kind_row *row = ckpt_fd_row(image->fds[i].kind);

        if (row->finish && image->fds[i].same_as == CKPT_NONE &&
            row->finish(thaw, &image->fds[i], error) < 0)
            return ckpt_error_prefix(error, "descriptor %d (%s)", image->fds[i].number, row->name);
    }
    return 0;
}
