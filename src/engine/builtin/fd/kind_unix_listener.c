/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Unix sockets that listen at a name: a restore binds them to the name again and listens.  The
 * socket's file still exists if the JVM was killed at the end of the checkpoint; it is replaced if
 * no process listens at it.  Connections that wait to be accepted are refused, and lost where a
 * policy reopens the listener.  For the JVM's own listener see kind_unix_own.c.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/default_close.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/kind_unix_socket.h"
#include "engine/builtin/fd/policy_match.h"
#include "engine/builtin/fd/sockets.h"
#include "engine/builtin/fd/unix_diag.h"
#include "engine/builtin/fd/unix_name.h"
#include "engine/builtin/fd/unix_options.h"

#define BACKLOG 128 /* if the kernel does not report it; it limits this one to somaxconn */

struct listener_data {
    uint32_t type; /**< SOCK_STREAM or SOCK_SEQPACKET */
    uint32_t backlog;
    struct ckpt_unix_options options;
    struct ckpt_unix_name name;
};
_Static_assert(sizeof(struct listener_data) == 344, "part of the image's format");

/* Version 0 of the entry. */
struct old_data {
    uint32_t type;
    uint32_t mode; /**< permissions of the file, 0: an abstract name */
    uint32_t address_size, reserved;
    uint8_t address[112];
};
_Static_assert(sizeof(struct old_data) == 128, "part of the image's format");

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return ckpt_socket_is_unix(live) && ckpt_socket_option(live->number, SOL_SOCKET, SO_ACCEPTCONN);
}

/* How many connections wait to be accepted; at least one, where that cannot be counted. */
static uint32_t count_waiting(int fd, bool known, const struct ckpt_unix_diag *diag)
{
    struct pollfd poll = {.fd = fd, .events = POLLIN};
    struct timespec now = {0};

    return known ? diag->waiting
                 : (uint32_t)ckpt_syscall(SYS_ppoll, &poll, 1, &now, NULL, 8, 0) == 1;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    struct ckpt_unix_diag diag = {.backlog = BACKLOG};
    bool known = ckpt_unix_diag(gather, live->status.st_ino, &diag);
    uint32_t waiting = count_waiting(live->number, known, &diag);
    struct ckpt_unix_text text;
    struct listener_data data = {
        .type = (uint32_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_TYPE),
        .backlog = diag.backlog};

    ckpt_unix_name_get(SYS_getsockname, live->number, &data.name);
    ckpt_unix_name_find_file(&data.name, known ? &diag : NULL);
    ckpt_unix_options_get(live->number, &diag, &data.options);
    if (ckpt_fd_is_inherited(live) && !live->reopen) {
        ckpt_report_refuse(gather->report, "socket", "close it there, or by a policy file",
                           "descriptor %d listens at '%s', and the JVM has inherited it from the "
                           "process that started it",
                           live->number, ckpt_unix_name_text(&data.name, &text));
        return 0;
    }
    if (waiting && !live->drops_waiting) {
        ckpt_report_refuse(gather->report, "socket",
                           "use --connections=close, or try again when they are",
                           "descriptor %d listens at '%s' and %u connections wait to be accepted",
                           live->number, ckpt_unix_name_text(&data.name, &text), waiting);
        ckpt_report_criu_keeps(gather->report, CKPT_CRIU_KEEPS_UNIX);
        return 0;
    }
    return ckpt_tables_pool(&gather->tables, &data, sizeof data, &entry->data, error);
}

static bool is_old_valid(const struct old_data *data)
{
    return data->address_size > sizeof(sa_family_t) &&
           data->address_size <= sizeof(struct sockaddr_un) &&
           ((const struct sockaddr_un *)data->address)->sun_family == AF_UNIX &&
           data->address[sizeof data->address - 1] == 0 &&
           data->address[sizeof data->address - 2] == 0;
}

/* The entry as one of the current version; false: it is not valid. */
static bool get(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                struct listener_data *ret_data)
{
    const void *bytes = ckpt_view_text(image, entry->data);
    const struct old_data *old = bytes;

    if (entry->kind_version == 0) {
        if (entry->data.size != sizeof *old || !is_old_valid(old))
            return false;
        *ret_data = (struct listener_data){
            .type = old->type,
            .backlog = BACKLOG,
            .name = {.size = (uint16_t)old->address_size, .mode = (uint16_t)old->mode}};
        ckpt_unix_options_default(&ret_data->options);
        __builtin_memcpy(ret_data->name.address, old->address, sizeof old->address);
        ckpt_unix_name_complete(&ret_data->name);
    } else {
        if (entry->data.size != sizeof *ret_data)
            return false;
        __builtin_memcpy(ret_data, bytes, sizeof *ret_data);
    }
    return (ret_data->type == SOCK_STREAM || ret_data->type == SOCK_SEQPACKET) &&
           ret_data->options.shutdown <= 3 && ret_data->name.size &&
           ckpt_unix_name_is_valid(&ret_data->name);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    struct listener_data data;

    return get(image, entry, &data);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    struct listener_data data;
    struct ckpt_unix_text name;

    get(image, entry, &data);
    ckpt_raw_format(text, size, "listens at '%s', backlog %u%s",
                    ckpt_unix_name_text(&data.name, &name), data.backlog,
                    data.name.file == CKPT_UNIX_FILE_GONE ? ", its file is gone" : "");
}

static void addresses(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses)
{
    struct listener_data data;

    get(image, entry, &data);
    ret_addresses->family = AF_UNIX;
    ret_addresses->listening = true;
    ret_addresses->local_size = data.name.size;
    __builtin_memcpy(ret_addresses->local, data.name.address, sizeof data.name.address);
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    size_t index = (size_t)(entry - thaw->image->fds);
    struct listener_data data;
    struct ckpt_unix_text name;
    long failed, opened;

    get(thaw->image, entry, &data);
    if (ckpt_unix_socket_connect_first(thaw, index + 1, &data.name, error) < 0)
        return -1;
    opened = ckpt_syscall(SYS_socket, AF_UNIX,
                          data.type | SOCK_CLOEXEC | (entry->open_flags & O_NONBLOCK), 0, 0, 0, 0);
    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a Unix socket");
    ckpt_unix_options_set((int)opened, &data.options);
    ckpt_unix_options_close((int)opened, &data.options);
    failed = ckpt_unix_name_bind(thaw, (int)opened, (int)data.type, &data.name);
    if (failed == 0 && !thaw->rehearsal)
        failed = ckpt_syscall(SYS_listen, opened, data.backlog, 0, 0, 0, 0);
    if (failed < 0) {
        ckpt_sys_close((int)opened);
        return ckpt_error_set(error, (int)-failed, "cannot listen at '%s' again%s",
                              ckpt_unix_name_text(&data.name, &name),
                              ckpt_unix_name_hint(failed, "; stop the process that listens there"));
    }
    return (int)opened;
}

const struct ckpt_fd_kind_row ckpt_kind_unix_listener = {
    .number = CKPT_FD_LISTENER,
    .version = 1, /* 1: with a backlog, options, and what has become of the file */
    .name = "Unix listener",
    .support =
        {
            .object = "stream and seqpacket sockets that listen at a [name](descriptors.md#names-"
                      "of-unix-sockets)",
            .kept = "name, owner and permissions of its file, backlog, options",
            .option = "connections that wait to be accepted: `--connections=close`, or a "
                      "[policy](policies.md) that reopens it",
            .refused = "otherwise",
        },
    .policy = CKPT_POLICY_SOCKET,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .addresses = addresses,
    .thaw = thaw,
};
