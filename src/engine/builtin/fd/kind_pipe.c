/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Pipes with both ends in the process, and their content.  The bytes are copied with tee(2) to a
 * pipe of our own and read there, so that the JVM's pipe still has them if the checkpoint fails.  A
 * pipe with only one end in this process is a connection to another process, and is refused; if the
 * other end is closed, the restored process has one whose other end is closed (kind_closed.c).  A
 * named pipe whose name was deleted is one, too.
 */
#include "engine/builtin/fd/kind_pipe.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/child_pipes.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/kind_closed.h"
#include "engine/builtin/fd/thaw_steps.h"

/* In kind_version: the other end is closed, and there is content, which older releases drop. */
#define ONE_END 1

struct pipe_data {
    uint32_t size; /**< F_GETPIPE_SZ */
    uint32_t
        used; /**< bytes that follow; in CKPT_PIPE_PACKETS each packet has its size before it */
};

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_raw_starts(live->link, "pipe:[") ||
           (S_ISFIFO(live->status.st_mode) && ckpt_live_fd_is_deleted(live));
}

/* Whether @fd is the other end of the pipe: both ends have the same inode. */
static bool is_other_end(int fd, const struct ckpt_live_fd *live, bool *ret_open)
{
    struct stat status;

    *ret_open = ckpt_sys_fstat(fd, &status) == 0;
    return *ret_open && status.st_ino == live->status.st_ino &&
           status.st_dev == live->status.st_dev &&
           (((uint32_t)ckpt_sys_fcntl(fd, F_GETFL, 0) ^ live->open_flags) & O_ACCMODE);
}

int ckpt_fd_pipe_other_end(const struct ckpt_live_fd *live)
{
    int unused = 0;

    for (int up = live->number + 1, down = live->number - 1; unused < 4096 || down >= 3;
         up++, down--) {
        bool open = false;

        if (down >= 3 && is_other_end(down, live, &open))
            return down;
        if (unused < 4096 && is_other_end(up, live, &open))
            return up;
        if (unused < 4096)
            unused = open ? 0 : unused + 1;
    }
    return -1;
}

bool ckpt_fd_is_pipe_to_elsewhere(const struct ckpt_live_fd *live)
{
    return ckpt_raw_starts(live->link, "pipe:[") && ckpt_fd_pipe_other_end(live) < 0;
}

/* Whether no process has the other end any more. */
static bool has_hung_up(const struct ckpt_live_fd *live)
{
    static const struct timespec now = {0};
    struct pollfd poll = {.fd = live->number, .events = POLLIN};

    return ckpt_syscall(SYS_ppoll, &poll, 1, &now, NULL, 0, 0) == 1 &&
           (poll.revents & (POLLHUP | POLLERR));
}

/*
 * Move what is in the pipe @from to @bytes, of which there are @room. Each read gets one packet, or
 * all that is no packet. Returns how many bytes were in the pipe.
 */
static int move_content(int from, char *bytes, size_t room, bool packets, struct pipe_data *data)
{
    uint32_t head = packets ? sizeof(uint32_t) : 0, size;
    int moved = 0;
    long got;

    while (data->used + head < room &&
           (got = ckpt_sys_read(from, bytes + data->used + head, room - data->used - head)) > 0) {
        size = (uint32_t)got;
        __builtin_memcpy(bytes + data->used, &size, head);
        data->used += head + size;
        moved += (int)got;
    }
    return moved;
}

static int copy_content(struct ckpt_gather *gather, int from, int queued, bool packets,
                        struct pipe_data *data, struct ckpt_image_fd *entry,
                        struct ckpt_error *error)
{
    /* No packet is in two pages, and none shares its page with another one. */
    size_t room = data->size + (packets ? data->size / ckpt_page_size * sizeof(uint32_t) : 0);
    char *bytes = ckpt_scratch_take(&gather->scratch, sizeof *data + room, error);
    int copy[2], moved = 0;
    long failed;

    if (!bytes)
        return -1;
    failed = ckpt_syscall(SYS_pipe2, copy, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0);
    if (failed < 0)
        return ckpt_error_set(error, (int)-failed, "cannot make a pipe");
    ckpt_sys_fcntl(copy[1], F_SETPIPE_SZ, (long)data->size);
    if (ckpt_syscall(SYS_tee, from, copy[1], data->size, 2 /* SPLICE_F_NONBLOCK */, 0, 0) > 0)
        moved = move_content(copy[0], bytes + sizeof *data, room, packets, data);
    ckpt_sys_close(copy[0]);
    ckpt_sys_close(copy[1]);
    if (moved < queued) /* another process may have written more meanwhile */
        ckpt_report_refuse(gather->report, "resource", "empty it in a beforeCheckpoint hook",
                           "descriptor %d is a pipe of which only %d of %d bytes can be copied",
                           entry->number, moved, queued);
    if (packets && moved)
        entry->kind_version = CKPT_PIPE_PACKETS;
    __builtin_memcpy(bytes, data, sizeof *data);
    return ckpt_tables_pool(&gather->tables, bytes, sizeof *data + data->used, &entry->data, error);
}

/* Whether what is written to the pipe are packets, or was by a writer that is gone. */
static bool has_packets(const struct ckpt_live_fd *live)
{
    int other = ckpt_fd_pipe_other_end(live);

    return (live->open_flags & O_DIRECT) ||
           (other >= 0 && (ckpt_sys_fcntl(other, F_GETFL, 0) & O_DIRECT));
}

/* Copy by another descriptor, because the one that is saved can only write. */
static int copy_by_reader(struct ckpt_gather *gather, const struct ckpt_live_fd *live, int queued,
                          struct pipe_data *data, struct ckpt_image_fd *entry,
                          struct ckpt_error *error)
{
    char path[32];
    long reader;
    int result;

    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", live->number);
    reader = ckpt_sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    if (reader < 0) {
        ckpt_report_refuse(gather->report, "file", CKPT_CLOSE_IT,
                           "descriptor %d is the named pipe '%s' with %d unread bytes, which this "
                           "process may not read",
                           live->number, live->link, queued);
        return 0;
    }
    result = copy_content(gather, (int)reader, queued, has_packets(live), data, entry, error);
    ckpt_sys_close((int)reader);
    return result;
}

int ckpt_fd_pipe_save(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                      bool with_content, struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct pipe_data data = {0};
    long size = ckpt_sys_fcntl(live->number, F_GETPIPE_SZ, 0);
    int queued = 0;

    data.size = size > 0 ? (uint32_t)size : 65536;
    if (with_content && gather->parked) {
        size = ckpt_sys_ioctl(live->number, FIONREAD, &queued);
        if (size < 0)
            return ckpt_error_set(error, (int)-size,
                                  "cannot find out how much is in the pipe of descriptor %d",
                                  live->number);
        if (queued > 0)
            return (live->open_flags & O_ACCMODE) == O_WRONLY
                       ? copy_by_reader(gather, live, queued, &data, entry, error)
                       : copy_content(gather, live->number, queued, has_packets(live), &data, entry,
                                      error);
    }
    return ckpt_tables_pool(&gather->tables, &data, sizeof data, &entry->data, error);
}

bool ckpt_fd_pipe_has_content(const struct ckpt_image_fd *entry)
{
    return entry->data.size > sizeof(struct pipe_data);
}

/* The other end is closed in the restored process, which can still read what is in the pipe now. */
static int freeze_one_end(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                          struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    int queued = 0;

    if ((live->open_flags & O_ACCMODE) != O_RDONLY ||
        ckpt_sys_ioctl(live->number, FIONREAD, &queued) < 0 || !queued)
        return ckpt_fd_closed_freeze(gather, live, entry, error);
    entry->kind_version = ONE_END;
    return ckpt_fd_pipe_save(gather, live, true, entry, error);
}

/* The other end is not in this process, and the restored process must not find it closed. */
static void refuse_one_end(struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    pid_t hidden = gather->child_tree ? gather->child_tree->hidden : 0;

    if (ckpt_child_pipe_refuse(gather, live))
        return;
    if (hidden && gather->children > CKPT_CHILDREN_REFUSE)
        ckpt_report_refuse(
            gather->report, "resource", "close it in a beforeCheckpoint hook, or by a policy file",
            "descriptor %d is one end of '%s', whose other end may be in the child process %d, "
            "whose descriptors cannot be read, or in any other process",
            live->number, live->link, hidden);
    else
        ckpt_report_refuse(
            gather->report, "resource",
            "close it in a beforeCheckpoint hook, or by a policy file; if the JVM only inherited "
            "it, start it with 'checkpointer run'",
            "descriptor %d is one end of '%s', whose other end is in another process", live->number,
            live->link);
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    entry->kind_version = 0;
    /* Named pipes of two file systems may have one inode number. */
    entry->position = live->link[0] == '/' ? live->status.st_dev : 0;
    if (ckpt_fd_pipe_other_end(live) < 0) {
        if (has_hung_up(live) ||
            (gather->children > CKPT_CHILDREN_REFUSE && ckpt_child_pipe_exists(gather, live)))
            return freeze_one_end(gather, live, entry, error);
        refuse_one_end(gather, live);
        return 0;
    }
    if ((live->open_flags & O_ACCMODE) == O_RDWR)
        ckpt_report_refuse(gather->report, "resource", "close it in a beforeCheckpoint hook",
                           "descriptor %d is '%s', open for both directions, which is only kept "
                           "while the pipe has a name",
                           live->number, live->link);
    return ckpt_fd_pipe_save(gather, live, (live->open_flags & O_ACCMODE) == O_RDONLY, entry,
                             error);
}

/* Goes through the packets of an entry, or through its bytes as one. */
struct packets {
    const char *at;
    uint32_t left, size;
};

static struct packets packets_of(const struct ckpt_image_view *image,
                                 const struct ckpt_image_fd *entry)
{
    const struct pipe_data *data = (const void *)ckpt_view_text(image, entry->data);

    return (struct packets){.at = (const char *)(data + 1), .left = data->used};
}

/* The bytes at packets->at, of which there are packets->size; false: none, or they do not fit. */
static bool next_packet(struct packets *packets, const struct ckpt_image_fd *entry)
{
    uint32_t head = entry->kind_version == CKPT_PIPE_PACKETS ? sizeof packets->size : 0;

    packets->at += packets->size;
    if (packets->left <= head)
        return false;
    packets->size = packets->left;
    __builtin_memcpy(&packets->size, packets->at, head);
    packets->at += head;
    packets->left -= head;
    if (!packets->size || packets->size > packets->left)
        return false;
    packets->left -= packets->size;
    return true;
}

bool ckpt_fd_pipe_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    const struct pipe_data *data = (const void *)ckpt_view_text(image, entry->data);
    struct packets packets;

    if (entry->data.size < sizeof *data || data->used != entry->data.size - sizeof *data)
        return false;
    packets = packets_of(image, entry);
    while (next_packet(&packets, entry))
        ;
    return packets.left == 0;
}

static bool is_read_end(const struct ckpt_image_fd *entry)
{
    return (entry->open_flags & O_ACCMODE) == O_RDONLY;
}

uint32_t ckpt_fd_pipe_used(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    struct packets packets = packets_of(image, entry);
    uint32_t used = 0;

    while (next_packet(&packets, entry))
        used += packets.size;
    return used;
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    const struct pipe_data *data = (const void *)ckpt_view_text(image, entry->data);
    bool reads = is_read_end(entry);
    size_t length =
        ckpt_raw_format(text, size, "%s of pipe %lu", reads ? "reading end" : "writing end",
                        (unsigned long)entry->inode);

    if (reads)
        ckpt_raw_format(text + length, size - length, ", %u of %u bytes",
                        ckpt_fd_pipe_used(image, entry), data->size);
}

/* The index of the other end, if it is thawed after this one; or CKPT_NONE. */
static uint32_t find_peer(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    for (size_t i = (size_t)(entry - image->fds) + 1; i < image->fd_count; i++) {
        const struct ckpt_image_fd *peer = &image->fds[i];

        if (peer->kind == CKPT_FD_PIPE && peer->inode == entry->inode &&
            peer->position == entry->position && peer->same_as == CKPT_NONE &&
            is_read_end(peer) != is_read_end(entry))
            return (uint32_t)i;
    }
    return CKPT_NONE;
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    uint32_t peer = find_peer(thaw->image, entry);
    int ends[2], own = is_read_end(entry) ? 0 : 1;
    long made = ckpt_syscall(SYS_pipe2, ends, O_CLOEXEC, 0, 0, 0, 0);

    if (made < 0)
        return ckpt_error_set(error, (int)-made, "cannot make a pipe");
    if (peer == CKPT_NONE) {
        ckpt_sys_close(ends[!own]);
    } else if (ckpt_fd_keep_aside(thaw, peer, ends[!own], error) < 0) {
        ckpt_sys_close(ends[own]);
        return -1;
    }
    return ends[own];
}

static int write_packets(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                         int fd)
{
    struct packets packets = packets_of(image, entry);
    int failed = 0;

    if (entry->kind_version == CKPT_PIPE_PACKETS)
        failed = (int)ckpt_sys_fcntl(fd, F_SETFL, O_NONBLOCK | O_DIRECT);
    while (failed >= 0 && next_packet(&packets, entry))
        failed = ckpt_raw_write_all(fd, packets.at, packets.size);
    return failed;
}

int ckpt_fd_pipe_refill(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                        struct ckpt_error *error)
{
    const struct pipe_data *data = (const void *)ckpt_view_text(image, entry->data);
    /* Nothing can be written while there is no reader. */
    int access = (entry->open_flags & O_ACCMODE) == O_WRONLY ? O_RDWR : O_WRONLY;
    char path[32];
    long opened;
    int failed;

    ckpt_sys_fcntl(entry->number, F_SETPIPE_SZ, (long)data->size);
    if (!data->used)
        return 0;
    ckpt_raw_format(path, sizeof path, "/proc/self/fd/%d", entry->number);
    opened = ckpt_sys_openat(AT_FDCWD, path, access | O_NONBLOCK | O_CLOEXEC, 0);
    failed = opened < 0 ? (int)opened : write_packets(image, entry, (int)opened);
    if (opened >= 0)
        ckpt_sys_close((int)opened);
    return failed < 0 ? ckpt_error_set(error, -failed, "cannot refill the pipe") : 0;
}

/* When both ends are at their numbers. */
static int finish(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error)
{
    if (ckpt_fd_pipe_refill(thaw->image, entry, error) < 0)
        return -1;
    return ckpt_fd_set_flags(entry->number, entry->open_flags & (O_NONBLOCK | O_DIRECT), error) < 0
               ? -1
               : 0;
}

const struct ckpt_fd_kind_row ckpt_kind_pipe = {
    .number = CKPT_FD_PIPE,
    .version = CKPT_PIPE_PACKETS,
    .name = "pipe",
    .support =
        {
            .object = "both ends in the JVM, or one whose other end is closed",
            .kept = "size, content, non-blocking and packet mode",
            .option = "one end whose other end is in another process: by a [policy](policies.md) "
                      "that closes it",
            .refused = "otherwise",
        },
    .policy = CKPT_POLICY_PIPE,
    .is_end = true,
    .matches = matches,
    .freeze = freeze,
    .valid = ckpt_fd_pipe_valid,
    .describe = describe,
    .thaw = thaw,
    .finish = finish,
};
