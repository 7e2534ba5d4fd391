/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The name to which a Unix socket is bound: a path, whose file is made again at a restore, or an
 * abstract name.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_UNIX_NAME_H
#define CKPT_ENGINE_BUILTIN_FD_UNIX_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/fd/unix_diag.h"

/** The size of an abstract name that the kernel has chosen: a zero byte and five digits. */
#define CKPT_UNIX_AUTOBIND 6

enum ckpt_unix_file {
    CKPT_UNIX_NO_FILE, /**< an abstract name */
    CKPT_UNIX_FILE_THERE,
    CKPT_UNIX_FILE_GONE,    /**< deleted, or replaced by another one: no process can connect */
    CKPT_UNIX_FILE_RENAMED, /**< it is at `moved` */
    CKPT_UNIX_FILE_LAST = CKPT_UNIX_FILE_RENAMED
};

/** Part of the image's format. */
struct ckpt_unix_name {
    uint16_t size;        /**< of the address; 0: no name */
    uint16_t mode;        /**< permissions of the file */
    uint32_t file;        /**< enum ckpt_unix_file */
    uint32_t user, group; /**< of the file; ~0: not known */
    uint8_t address[112]; /**< with a zero byte after a path of 108 bytes */
    char moved[112];
};
_Static_assert(sizeof(struct ckpt_unix_name) == 240, "part of the image's format");

/** How a name can be printed: the path, or an abstract name as /proc/net/unix shows it. */
struct ckpt_unix_text {
    char text[112];
};

/**
 * Call getsockname() or getpeername() (@call), without facts about the file.
 * @return false: not connected
 */
bool ckpt_unix_name_get(int call, int fd, struct ckpt_unix_name *ret_name);

/** Find the file of a socket's own name. @diag is NULL if it is not known. */
void ckpt_unix_name_find_file(struct ckpt_unix_name *name, const struct ckpt_unix_diag *diag);

/** Complete a name of which only the address and the permissions are known. */
void ckpt_unix_name_complete(struct ckpt_unix_name *name);

bool ckpt_unix_name_is_valid(const struct ckpt_unix_name *name);

bool ckpt_unix_name_same(const struct ckpt_unix_name *left, const struct ckpt_unix_name *right);

const char *ckpt_unix_name_text(const struct ckpt_unix_name *name, struct ckpt_unix_text *text);

/**
 * Bind a socket of @type to the name again, so that the file has its owner and permissions. A file
 * that a dead process has left is replaced. In a rehearsal only test whether that is possible.
 * @return 0 or a negative error
 */
long ckpt_unix_name_bind(const struct ckpt_fd_thaw *thaw, int fd, int type,
                         const struct ckpt_unix_name *name);

/**
 * Bind a datagram socket that only sends to this address of valid @size, so that its messages have
 * this sender; no process can reach the socket. It stays without a name if the address is in use.
 */
void ckpt_unix_name_lend(int fd, const void *address, uint32_t size);

/**
 * The address at which a bound datagram socket of an image can be reached now: its file may have
 * been renamed. One that has no name, as in a rehearsal, gets one that the kernel chooses.
 * @param saved  its name in the image, or NULL
 */
void ckpt_unix_name_reach(const struct ckpt_fd_thaw *thaw, int fd,
                          const struct ckpt_unix_name *saved, struct ckpt_unix_name *ret_address);

/** The hint for such an error; @busy is the hint for a name in use. */
const char *ckpt_unix_name_hint(long failed, const char *busy);

/** Set @error for a socket that does not listen; returns -1. */
int ckpt_unix_name_cannot_bind(const struct ckpt_unix_name *name, long failed,
                               struct ckpt_error *error);

/**
 * Make a connected pair of sockets that have these names, as by connect() and accept().
 * The name of @accepted is that of the listener, and no socket is bound to it afterwards.
 * @return 0 or a negative error
 */
long ckpt_unix_name_pair(const struct ckpt_fd_thaw *thaw, int type,
                         const struct ckpt_unix_name *accepted,
                         const struct ckpt_unix_name *connected, int ret_ends[2]);

#endif
