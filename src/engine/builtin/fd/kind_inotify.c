/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * inotify: a restore watches the same paths again, with the same masks and numbers.
 *
 * fdinfo lists the watches without their paths. These are known for a WatchService of Java
 * (hotspot/watch_keys.c), or are found by the file's handle, which needs privileges, or among what
 * the process has open; otherwise the descriptor is refused. As for files the inode does not count:
 * a path is watched as it is at the restore. One that is gone is reported as the kernel does it, by
 * IN_IGNORED, after IN_DELETE_SELF if that was wanted. A memory file takes its place: it is watched
 * under its number, and its end is that of a deleted file.
 *
 * No event can be queued again. So a descriptor with unread events is refused, unless it is one of
 * Java's: then the application gets an OVERFLOW for each of its keys.
 *
 * The kernel gives numbers in ascending order, and begins again after the largest. It can be asked
 * to continue at a number, or is made to by watches that are removed again.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "base/watched_paths.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/fd/walk.h"
#include "engine/builtin/fd/watched_file.h"

#define SET_NEXT_WD 0x40044900ul /* INOTIFY_IOC_SETNEXTWD, with CONFIG_CHECKPOINT_RESTORE (4.17) */
#define MASK (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK)
#define MASK_CREATE 0x10000000u /* IN_MASK_CREATE, from Linux 4.18 on */
#define POSTPONED_MAX 3         /* how often to wait until a WatchService has read its events */
/*
 * Numbers that are not used after a restore, because a thread may be about to handle the end of a
 * watch that had one of them.
 */
#define UNUSED_NUMBERS 1024
#define SKIPPED_MAX 1000000 /* how many numbers are skipped where the kernel cannot be asked */
#define SKIPPED_AT_ONCE 8192

#define WATCH_LINK 1u      /* the path is a symbolic link, which is watched itself */
#define WATCH_DIRECTORY 2u /* the path is a directory */
#define WATCH_GONE 4u      /* there is no path any more */

/* The bytes of an entry: this, then `count` times a struct watch and its path. */
struct instance {
    uint32_t count;
    int32_t next; /* the number from which the kernel continues */
};

struct watch {
    int32_t wd;
    uint32_t mask;
    uint32_t flags;     /* WATCH_* */
    uint32_t path_size; /* a multiple of 4, with at least one zero byte at its end */
};

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_equal(live->link, "anon_inode:inotify") ||
           ckpt_raw_equal(live->link, "anon_inode:[inotify]");
}

/* ---- in the JVM ---- */

struct found_watch {
    struct watch watch;
    const char *path;
};

struct watch_list {
    struct ckpt_gather *gather;
    const struct ckpt_live_fd *live;
    struct ckpt_raw_lines *lines;
    struct ckpt_raw_entries *entries;
    struct ckpt_array watches; /* struct found_watch */
    size_t last;               /* where Java's key for the last watch was found */
    size_t unknown;
    struct ckpt_error *error;
};

/*
 * What Java knows of this watch, or NULL. Java's table is mostly in ascending order and fdinfo in
 * descending order, so the next key is mostly the one before the last.
 */
static struct ckpt_watched_path *known_by_java(struct watch_list *list, int32_t wd)
{
    const struct ckpt_watched_paths *paths = list->gather->watched_paths;

    for (size_t i = 0, at; paths && i < paths->count; i++) {
        at = (list->last + paths->count - 1 - i) % paths->count;
        if (paths->list[at].fd == list->live->number && paths->list[at].wd == wd) {
            list->last = at;
            return &paths->list[at];
        }
    }
    return NULL;
}

/* Find the path of a watched file, in @path. */
static enum ckpt_watched_found find(struct watch_list *list, const struct ckpt_watched_file *file,
                                    char *path)
{
    struct ckpt_watched_path *known = known_by_java(list, file->wd);
    enum ckpt_watched_found found = CKPT_WATCHED_NOT_FOUND;

    if (known) {
        known->is_watched = true;
        found = ckpt_watched_file_is_at(file, known->path);
    }
    if (found == CKPT_WATCHED_FOUND) {
        ckpt_raw_format(path, CKPT_WATCHED_PATH_MAX, "%s", known->path);
        return found;
    }
    found = ckpt_watched_file_by_handle(file, list->lines, path);
    if (found == CKPT_WATCHED_NOT_FOUND)
        found = ckpt_watched_file_among_open(file, list->entries, list->gather->tmp_dir, path);
    if (found != CKPT_WATCHED_NOT_FOUND || !known)
        return found;
    /* Its path was renamed, or a link leads elsewhere now: it is watched as it is now. */
    known->lost = true;
    ckpt_raw_format(path, CKPT_WATCHED_PATH_MAX, "%s", known->path);
    return CKPT_WATCHED_FOUND;
}

static int add_watch(struct watch_list *list, int32_t wd, uint32_t mask, uint32_t flags,
                     const char *path)
{
    size_t size = (ckpt_raw_length(path) + 4) / 4 * 4;
    struct found_watch *added =
        ckpt_array_add(&list->watches, &list->gather->scratch, 1, list->error);
    char *copy = ckpt_scratch_take(&list->gather->scratch, size, list->error);

    if (!added || !copy)
        return -1;
    memcpy(copy, path, ckpt_raw_length(path));
    *added = (struct found_watch){{wd, mask & MASK, flags, (uint32_t)size}, copy};
    return 0;
}

static int take_line(void *context, const char *line)
{
    struct watch_list *list = context;
    struct ckpt_watched_file file;
    char path[CKPT_WATCHED_PATH_MAX] = "";
    enum ckpt_watched_found found;
    struct stat status;
    uint32_t flags = 0;

    if (!ckpt_watched_file_parse(line, &file))
        return 0;
    found = find(list, &file, path);
    if (found == CKPT_WATCHED_NOT_FOUND) {
        list->unknown++;
        return 0;
    }
    if (found == CKPT_WATCHED_DELETED)
        return add_watch(list, file.wd, file.mask, WATCH_GONE, "");
    if (found == CKPT_WATCHED_LINK)
        flags = WATCH_LINK;
    else if (ckpt_sys_fstatat(AT_FDCWD, path, &status, 0) == 0 && S_ISDIR(status.st_mode))
        flags = WATCH_DIRECTORY;
    return add_watch(list, file.wd, file.mask, flags, path);
}

/*
 * The unread events of a WatchService will be missing: its keys get an OVERFLOW instead. A key
 * whose watch has ended gets its IN_IGNORED again.
 */
static int replace_events(struct watch_list *list)
{
    struct ckpt_watched_paths *paths = list->gather->watched_paths;

    for (size_t i = 0; i < paths->count; i++) {
        if (paths->list[i].fd != list->live->number)
            continue;
        paths->list[i].lost = true;
        if (!paths->list[i].is_watched && add_watch(list, paths->list[i].wd, 0, WATCH_GONE, "") < 0)
            return -1;
    }
    return 0;
}

static bool is_javas(const struct watch_list *list)
{
    const struct ckpt_watched_paths *paths = list->gather->watched_paths;

    for (size_t i = 0; paths && i < paths->count; i++)
        if (paths->list[i].fd == list->live->number)
            return true;
    return false;
}

static bool has_unread(int fd)
{
    int bytes = 0;

    return ckpt_sys_ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* Events that were not read: waited for, or replaced, or a reason to refuse the descriptor. */
static int check_events(struct watch_list *list)
{
    struct ckpt_gather *gather = list->gather;

    if (!has_unread(list->live->number))
        return 0;
    if (is_javas(list)) {
        if (!gather->parked)
            return 0;
        if (gather->watched_paths->postponed >= POSTPONED_MAX)
            return replace_events(list);
        gather->watched_paths->postponed++;
    }
    ckpt_report_refuse(
        gather->report, "resource",
        "let it read them, or close it in a beforeCheckpoint hook or by a policy file",
        "descriptor %d (inotify) has events that the application has not read", list->live->number);
    ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_WATCHES);
    return 0;
}

static void refuse_unknown(const struct watch_list *list)
{
    if (!list->unknown)
        return;
    ckpt_report_refuse(list->gather->report, "resource",
                       "watch them by a java.nio.file.WatchService, or close it in a "
                       "beforeCheckpoint hook or by a policy file",
                       "descriptor %d (inotify) watches %zu files whose paths are not known, which "
                       "needs CAP_DAC_READ_SEARCH",
                       list->live->number, list->unknown);
    ckpt_report_criu_keeps(list->gather->report, CKPT_CRIU_KEEPS_WATCHES);
}

/* The number from which to continue: after that of the newest watch, which fdinfo lists first. */
static int32_t next_number(const struct watch_list *list)
{
    const struct found_watch *newest = list->watches.count ? list->watches.data : NULL;
    int32_t last = newest ? newest->watch.wd : 0;

    return last < INT_MAX - UNUSED_NUMBERS ? last + 1 + UNUSED_NUMBERS : 1;
}

/* Add the bytes of the entry to the pool; the oldest watch comes first. */
static int save(struct watch_list *list, int32_t next, struct ckpt_image_fd *entry)
{
    struct instance instance = {.count = (uint32_t)list->watches.count, .next = next};
    const struct found_watch *watches = list->watches.data;
    size_t size = sizeof instance;
    char *bytes, *at;

    for (size_t i = 0; i < instance.count; i++)
        size += sizeof(struct watch) + watches[i].watch.path_size;
    bytes = at = ckpt_scratch_take(&list->gather->scratch, size, list->error);
    if (!bytes)
        return -1;
    memcpy(at, &instance, sizeof instance);
    at += sizeof instance;
    for (size_t i = instance.count; i-- > 0;) {
        memcpy(at, &watches[i].watch, sizeof watches[i].watch);
        memcpy(at + sizeof watches[i].watch, watches[i].path, watches[i].watch.path_size);
        at += sizeof watches[i].watch + watches[i].watch.path_size;
    }
    return ckpt_tables_pool(&list->gather->tables, bytes, size, &entry->data, list->error);
}

/* Which of Java's keys are watched is found in each walk. */
static void begin(const struct watch_list *list)
{
    struct ckpt_watched_paths *paths = list->gather->watched_paths;

    for (size_t i = 0; paths && i < paths->count; i++)
        if (paths->list[i].fd == list->live->number)
            paths->list[i].is_watched = false;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct watch_list list = {.gather = gather, .live = live, .error = error};
    int32_t next;

    ckpt_array_init(&list.watches, sizeof(struct found_watch));
    begin(&list);
    list.lines = ckpt_scratch_take(&gather->scratch, sizeof *list.lines, error);
    list.entries = ckpt_scratch_take(&gather->scratch, sizeof *list.entries, error);
    if (!list.lines || !list.entries ||
        ckpt_live_fd_info_lines(gather, live, take_line, &list, error) < 0)
        return -1;
    refuse_unknown(&list);
    next = next_number(&list);
    if (check_events(&list) < 0)
        return -1;
    return save(&list, next, entry);
}

/* ---- in an image ---- */

/* Goes through the watches of an entry. */
struct reader {
    struct instance instance;
    const char *at;
    size_t left;
    struct watch watch;
    const char *path;
};

static bool start(struct reader *reader, const struct ckpt_image_view *image,
                  const struct ckpt_image_fd *entry)
{
    if (entry->data.size < sizeof reader->instance)
        return false;
    reader->at = ckpt_view_text(image, entry->data);
    memcpy(&reader->instance, reader->at, sizeof reader->instance);
    reader->at += sizeof reader->instance;
    reader->left = entry->data.size - sizeof reader->instance;
    return true;
}

/* The next watch; false: there is none, or it does not fit. */
static bool next(struct reader *reader)
{
    if (reader->left < sizeof reader->watch)
        return false;
    memcpy(&reader->watch, reader->at, sizeof reader->watch);
    reader->path = reader->at + sizeof reader->watch;
    reader->left -= sizeof reader->watch;
    if (reader->watch.path_size > reader->left)
        return false;
    reader->at = reader->path + reader->watch.path_size;
    reader->left -= reader->watch.path_size;
    return true;
}

static bool is_valid_path(const struct watch *watch, const char *path)
{
    if (watch->path_size == 0 || watch->path_size % 4 || watch->path_size > CKPT_WATCHED_PATH_MAX ||
        path[watch->path_size - 1])
        return false;
    return watch->flags & WATCH_GONE ? !path[0] : path[0] == '/';
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    struct reader reader = {0};

    if (!start(&reader, image, entry) || reader.instance.next < 1)
        return false;
    for (uint32_t i = 0; i < reader.instance.count; i++)
        if (!next(&reader) || reader.watch.wd < 1 || reader.watch.mask & ~(uint32_t)MASK ||
            reader.watch.flags & ~(WATCH_LINK | WATCH_DIRECTORY | WATCH_GONE) ||
            !is_valid_path(&reader.watch, reader.path))
            return false;
    return reader.left == 0;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    struct reader reader = {0};
    size_t length;

    start(&reader, image, entry);
    length = ckpt_raw_format(text, size, "watches %s", reader.instance.count ? "" : "nothing");
    for (const char *between = ""; next(&reader); between = ", ")
        length += ckpt_raw_format(text + length, size - length,
                                  reader.watch.flags & WATCH_GONE ? "%sa deleted file" : "%s'%s'",
                                  between, reader.path);
}

/* ---- in the command ---- */

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    long opened = ckpt_syscall(SYS_inotify_init1, (entry->open_flags & O_NONBLOCK) | IN_CLOEXEC, 0,
                               0, 0, 0, 0);

    if (opened == -EMFILE && thaw->original_runs) /* the frozen JVM still has its own */
        opened = ckpt_sys_openat(AT_FDCWD, "/proc/self", O_PATH | O_CLOEXEC, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make an inotify descriptor%s",
                              opened == -EMFILE ? "; raise fs.inotify.max_user_instances" : "");
    return (int)opened;
}

/* Read the events that are there. */
static void drain(int fd)
{
    char events[4096];

    while (has_unread(fd) && ckpt_sys_read(fd, events, sizeof events) > 0)
        ;
}

/*
 * The memory files that are watched in place of files that do not exist. Closing them ends their
 * watches. Where numbers are skipped, which drops all events, that is done after the last number.
 */
struct ended {
    int *files;
    uint32_t count, room;
    bool skips;
};

static int begin_ended(struct ended *ended, uint32_t room, struct ckpt_error *error)
{
    long at = ckpt_sys_mmap(0, (room + 1) * sizeof(int), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at < 0)
        return ckpt_error_set(error, (int)-at, "cannot plan the restore");
    *ended = (struct ended){.files = (int *)at, .room = room};
    return 0;
}

/* The oldest one first, as the kernel would have reported them. */
static void close_ended(struct ended *ended)
{
    for (uint32_t i = 0; i < ended->count; i++)
        ckpt_sys_close(ended->files[i]);
    ckpt_sys_munmap((uint64_t)ended->files, (ended->room + 1) * sizeof(int));
}

/*
 * A memory file is watched in place of a file that does not exist. Returns the number of the watch
 * or a negative error; *ret_file is to be closed, which ends the watch.
 */
static long watch_memory_file(int fd, uint32_t mask, int *ret_file)
{
    long file = ckpt_syscall(SYS_memfd_create, "watched", MFD_CLOEXEC, 0, 0, 0, 0), wd;
    char path[64];

    if (file < 0)
        return file;
    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", (int)file);
    wd = ckpt_syscall(SYS_inotify_add_watch, fd, path, mask, 0, 0, 0);
    if (wd < 0)
        ckpt_sys_close((int)file);
    else
        *ret_file = (int)file;
    return wd;
}

/* Let the numbers before @wd be used up. Returns 0 or a negative error. */
static long skip_to(int fd, int32_t wd)
{
    long last = 0;
    int file;

    for (int i = 0; last + 1 != wd; i++) {
        if (i == SKIPPED_MAX || last > wd)
            return -EOPNOTSUPP;
        last = watch_memory_file(fd, IN_MOVE_SELF, &file);
        if (last < 0)
            return last;
        ckpt_syscall(SYS_inotify_rm_watch, fd, last, 0, 0, 0, 0);
        ckpt_sys_close(file);
        if (i % SKIPPED_AT_ONCE == 0)
            drain(fd);
    }
    drain(fd);
    return 0;
}

/* Have the kernel continue with the number @wd. */
static long set_next(int fd, int32_t wd, int32_t previous, struct ended *ended)
{
    ended->skips = ckpt_syscall(SYS_ioctl, fd, SET_NEXT_WD, wd, 0, 0, 0) < 0;
    return ended->skips && wd != previous + 1 ? skip_to(fd, wd) : 0;
}

/* Watch a path as it is now. Returns the number of the watch or a negative error. */
static long watch_path(int fd, const struct watch *watch, const char *path)
{
    uint32_t mask = (watch->mask ? watch->mask : IN_UNMOUNT) | MASK_CREATE;

    if (watch->flags & WATCH_LINK)
        mask |= IN_DONT_FOLLOW;
    if (watch->flags & WATCH_DIRECTORY)
        mask |= IN_ONLYDIR;
    return ckpt_syscall(SYS_inotify_add_watch, fd, path, mask, 0, 0, 0);
}

/*
 * Whether a path cannot be watched because it is gone, or is another one's now: two paths that were
 * different files may lead to one, which has one watch.
 */
static bool is_gone(long error)
{
    return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -EEXIST;
}

static long watch_again(int fd, const struct reader *reader, struct ended *ended)
{
    long wd =
        reader->watch.flags & WATCH_GONE ? -ENOENT : watch_path(fd, &reader->watch, reader->path);
    int file;

    if (!is_gone(wd))
        return wd;
    wd = watch_memory_file(fd, reader->watch.mask & IN_DELETE_SELF ? IN_DELETE_SELF : IN_MOVE_SELF,
                           &file);
    if (wd >= 0 && ended->skips)
        ended->files[ended->count++] = file;
    else if (wd >= 0)
        ckpt_sys_close(file);
    return wd;
}

static int refuse(const struct reader *reader, long failed, struct ckpt_error *error)
{
    if (failed == -ENOSPC)
        return ckpt_error_set(error, 0,
                              "cannot watch '%s' again: this user has too many watches; raise "
                              "fs.inotify.max_user_watches",
                              reader->path);
    if (failed >= 0 || failed == -EOPNOTSUPP)
        return ckpt_error_set(error, 0,
                              "cannot watch '%s' again with the number %d: this kernel lacks "
                              "INOTIFY_IOC_SETNEXTWD, CONFIG_CHECKPOINT_RESTORE has it",
                              reader->path, reader->watch.wd);
    return ckpt_error_set(error, (int)-failed, "cannot watch '%s' again", reader->path);
}

static int watch_all(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                     struct reader *reader, struct ended *ended, struct ckpt_error *error)
{
    int32_t last = 0;
    long wd;

    for (; next(reader); last = reader->watch.wd) {
        wd = set_next(entry->number, reader->watch.wd, last, ended);
        if (wd == 0)
            wd = watch_again(entry->number, reader, ended);
        /* The frozen JVM still has its own watches; see thaw() for a descriptor with O_PATH. */
        if ((wd == -ENOSPC && thaw->original_runs) || (wd == -EBADF && thaw->rehearsal))
            return 0;
        if (wd != reader->watch.wd)
            return refuse(reader, wd, error);
    }
    set_next(entry->number, reader->instance.next, last, ended);
    return 0;
}

static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    struct reader reader = {0};
    struct ended ended = {.count = 0};
    int result;

    start(&reader, thaw->image, entry);
    if (begin_ended(&ended, reader.instance.count, error) < 0)
        return -1;
    result = watch_all(thaw, entry, &reader, &ended, error);
    close_ended(&ended);
    return result;
}

const struct ckpt_fd_kind_row ckpt_kind_inotify = {
    .number = CKPT_FD_INOTIFY,
    .name = "inotify",
    .support =
        {
            .object = "such as Java's WatchService; see [watched files](descriptors.md#watched-"
                      "files)",
            .kept = "the watched paths, masks, numbers, non-blocking mode",
            .option = "a policy that closes it",
            .refused = "if a path cannot be found, or events stay unread that are not a "
                       "WatchService's",
        },
    .policy = CKPT_POLICY_DESCRIPTOR,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
    .finish = finish,
};
