/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Descriptors: one file a kind (fd_*.c) with both its freezing and its thawing, one row a kind in
 * table.c.  To add a kind: a file, a row, a number in image/format.h, a test, a line in the manual.
 *
 * Freezing runs in the JVM under the rules for parked processes.  Thawing runs in the command that
 * restores, before it gives up its own memory; the files are linked into both and keep to the
 * stricter rules.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_FD_H
#define CKPT_ENGINE_BUILTIN_FD_FD_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"
#include "engine/builtin/parked/gather.h"
#include "engine/policy_file.h"
#include "image/view.h"

/** A descriptor as it is found in the process. */
struct ckpt_fd_look {
    int number;
    struct stat status;
    uint32_t open_flags, fd_flags;
    uint64_t position;
    uint64_t file_system; /**< f_type of statfs(2) */
    char link[1024];      /**< of /proc/self/fd/N */
    char info[2048];      /**< the beginning of /proc/self/fdinfo/N */
    bool reopen;          /**< a policy says so */
};

/** A socket as policies see it; an address is a struct sockaddr, of size 0 where there is none. */
struct ckpt_fd_ends {
    uint8_t local[112], remote[112];
    uint32_t local_size, remote_size;
    int family;
    bool listening;
};

/** What is asked about a descriptor, and room for its texts. */
struct ckpt_fd_subject {
    struct ckpt_policy_subject subject;
    char text[1024], local[112], remote[112];
};

/** What thawing works with. */
struct ckpt_fd_thaw {
    const struct ckpt_image_view *image;
    int high;       /**< numbers from here on are free for what must be kept aside */
    int *other_end; /**< for each descriptor of the image: the other end of its pipe, or -1 */
    const int *shared_fds; /**< for each shared object, a descriptor of it */
    const int *streams;    /**< copies of the command's standard streams; or -1 */
    /**
     * A rehearsal: nothing that others can see.  Files are opened, since that alone tells whether
     * they can be, but no device and no named pipe; addresses are bound, without listen(); locks
     * are only asked for.
     */
    bool rehearsal;
    bool frozen_runs; /**< and the JVM in the image still runs: its addresses and locks are taken */
};

struct ckpt_fd_kind_row {
    uint32_t kind;
    /**
     * Of what the entries of this kind mean, and their bytes in the pool; the first is 0.  valid()
     * and thaw() take all up to this one; freeze() gives the lowest that says it all.
     */
    uint32_t version;
    const char *name;
    /** Whether this row is for that descriptor; the first row that says so has it. */
    bool (*matches)(const struct ckpt_gather *gather, const struct ckpt_fd_look *look);
    /** Describe it in @entry, or refuse it in the report. -1 only if the walk cannot go on. */
    int (*freeze)(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                  struct ckpt_image_fd *entry, struct ckpt_error *error);
    /**
     * Whether the kind's bytes in the pool make sense; they come from a file. NULL: it has none.
     */
    bool (*valid)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
    /**
     * For people: what it is, from bytes that are valid. NULL: the name of the kind says it all.
     */
    void (*describe)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size);
    /** As policies see it, from bytes that are valid. NULL: it is no socket that they apply to. */
    void (*ends)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                 struct ckpt_fd_ends *ret_ends);
    /** Open it, at any number: the caller moves it. -1 with @error. NULL: nothing to open. */
    int (*thaw)(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error);
    /** When all descriptors are at their numbers. NULL: nothing. */
    int (*finish)(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error);
};

extern const struct ckpt_fd_kind_row ckpt_fd_stdio, ckpt_fd_file, ckpt_fd_directory, ckpt_fd_device,
    ckpt_fd_pipe, ckpt_fd_eventfd, ckpt_fd_epoll, ckpt_fd_tcp, ckpt_fd_unix, ckpt_fd_shared,
    ckpt_fd_closed, ckpt_fd_fifo, ckpt_fd_listener, ckpt_fd_udp, ckpt_fd_kernel, ckpt_fd_timerfd;

/** Flags that say how a file is opened, not how it is created. */
#define CKPT_FD_KEPT_FLAGS                                                                         \
    (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECT | O_NOATIME | O_PATH |        \
     O_DIRECTORY | O_NOFOLLOW)

/** To read a file line by line, one at a time: the same 16 KiB of scratch space for all. */
struct ckpt_raw_lines *ckpt_fd_lines(struct ckpt_gather *gather, struct ckpt_error *error);

struct ckpt_park;

/**
 * Whether the file's name is gone, of which the kernel says " (deleted)": a file may also have a
 * name that ends like that (kind_file.c).
 */
bool ckpt_fd_has_lost_name(const struct ckpt_fd_look *look);

/** Forget the threads' files of an earlier walk; before a walk. */
void ckpt_fd_kernel_begin(void);

/** In the restored process, with all threads back: open the threads' files under their new TIDs. */
void ckpt_fd_kernel_threads(const struct ckpt_park *park);

/**
 * The path that leads to the same place for the restored process: @path itself, or by way of
 * /proc/self. -1: it belongs to another process, or to a thread that is not the first.
 */
int ckpt_fd_kernel_path(const char *path, char *ret, size_t size);

/** The path of such a descriptor in an image. */
const char *ckpt_fd_kernel_text(const struct ckpt_image_view *image,
                                const struct ckpt_image_fd *entry);

/**
 * Locks on what has a path (file_locks.c): into the bytes of @entry. Refusals go to the report; -1
 * only if the walk cannot go on.
 */
int ckpt_fd_locks_freeze(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                         struct ckpt_image_fd *entry, struct ckpt_error *error);

/** Whether these bytes make sense; and for people, what they say: "" or ", exclusive lock ...". */
bool ckpt_fd_locks_valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
void ckpt_fd_locks_describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                            char *text, size_t size);

/**
 * Take all locks again, when all descriptors are at their numbers.  From here on no descriptor of
 * a locked file may be closed: those of @file_fds are before, and one of the image is put there.
 * @param file_fds  for each file of the image, a descriptor to map it by, or -1
 */
int ckpt_fd_locks_take(const struct ckpt_fd_thaw *thaw, int *file_fds, struct ckpt_error *error);

/**
 * In a rehearsal, in place of bind() and listen() (rehearsal.c): whether an Internet socket can
 * have its address next to other processes.
 * @param fd       a socket with the options that come before bind(); it may be bound afterwards
 * @param address  a struct sockaddr_in or sockaddr_in6
 * @return 0, or the error of bind() as a negative number
 */
long ckpt_fd_rehearse_bind(const struct ckpt_fd_thaw *thaw, int fd, const void *address,
                           uint32_t size);

/**
 * The same next to the image's other sockets, which cannot be seen while the frozen JVM has all
 * their addresses.  So they are bound once more, side by side, at ports that are free: when each
 * has had its own, or one of these could be taken for a free one.  Next to a socket that listens
 * nothing else can be bound, whatever its SO_REUSEADDR says; one that only will listen is given no
 * SO_REUSEADDR for that.
 * @param like  a socket that has gone through ckpt_fd_rehearse_bind()
 */
long ckpt_fd_rehearse_aside(struct ckpt_fd_thaw *thaw, int like, const void *address, uint32_t size,
                            bool listens);

/**
 * In a rehearsal, in place of open(): whether @path may be opened with these flags, without doing
 * it.
 * @return a descriptor for the place (O_PATH), or a negative error
 */
long ckpt_fd_rehearse_open(const char *path, uint32_t flags);

/** access() for the effective user; 0 or a negative error. */
long ckpt_fd_rehearse_access(const char *path, int mode);

/** Whether a Unix socket of that name listens, without connecting to it. */
bool ckpt_fd_rehearse_listens(const char *path);

/** Whether all descriptors of an image are of kinds and versions known here, and make sense. */
int ckpt_fds_check(const struct ckpt_image_view *image, struct ckpt_error *error);

/** The row of a kind, NULL if there is none. */
const struct ckpt_fd_kind_row *ckpt_fd_row(uint32_t kind);

/** The rule for a descriptor of this process (policy_match.c), or NULL. */
const struct ckpt_policy_rule *ckpt_fd_policy(const struct ckpt_gather *gather,
                                              const struct ckpt_fd_look *look,
                                              struct ckpt_fd_subject *subject);

/** The rule for a descriptor of an image, or NULL. */
const struct ckpt_policy_rule *ckpt_fd_policy_entry(const struct ckpt_policies *policies,
                                                    const struct ckpt_image_view *image,
                                                    const struct ckpt_image_fd *entry,
                                                    struct ckpt_fd_subject *subject);

/** Describe a descriptor that a policy closes (kind_closed.c). */
int ckpt_fd_closed_freeze(struct ckpt_gather *gather, const struct ckpt_fd_look *look,
                          struct ckpt_image_fd *entry, struct ckpt_error *error);

/**
 * Note what is at 0 to 2 when the JVM starts, or the agent is loaded, and that these are the
 * standard streams (kind_stdio.c). Only the first call does anything.
 */
void ckpt_fd_stdio_note(void);

/** In the restored process: they are those of the command that restored it. */
void ckpt_fd_stdio_restored(void);

/** Whether a path is in the JDK of @java, its bin/java, or its source of random bytes. */
bool ckpt_fd_is_of_jdk(const char *java, const char *path);

/** Whether it is one of the Unix sockets that every JVM has for itself (kind_unix.c). */
bool ckpt_fd_unix_is_own(const struct ckpt_gather *gather, const struct ckpt_fd_look *look);

/** How a TCP connection has ended (ended_connection.c); part of the format of the image. */
enum ckpt_fd_dead {
    CKPT_FD_ALIVE,
    CKPT_FD_ENDED,   /**< reading tells the end */
    CKPT_FD_RESET,   /**< there is an error that was not told yet */
    CKPT_FD_REFUSED, /**< the same, and it was never made */
};
#define CKPT_FD_UNREAD_MAX ((size_t)64 << 10)

struct tcp_info;

/** Whether neither side can say anything over that connection any more, and how it ended. */
enum ckpt_fd_dead ckpt_fd_dead_state(int fd, int protocol, const struct tcp_info *info);

/**
 * Copy what was not read yet, at most CKPT_FD_UNREAD_MAX bytes: how many, or minus their number if
 * there are more.
 */
long ckpt_fd_dead_unread(int fd, char *ret_bytes);

/** A socket whose connection has ended in that way. A descriptor, or a negative errno value. */
long ckpt_fd_dead_make(int family, bool only_v6, enum ckpt_fd_dead how, const void *unread,
                       size_t size);

/** Whether a socket in the state CLOSE still has its port; getsockname() tells old ones too. */
bool ckpt_fd_has_port(int fd);

/** getsockopt() of an option that is an int (socket_options.c); 0 if the socket has no such. */
int ckpt_fd_option(int fd, int level, int name);

/** The same for what a restore has to give back: -1 with @error if the kernel does not tell. */
int ckpt_fd_option_kept(int fd, int level, int name, int *ret_value, struct ckpt_error *error);

/**
 * Put a descriptor that a restore has opened where it was, or give it its flags; -1 with @error,
 * and it is closed then.
 */
int ckpt_fd_seek(int fd, int64_t position, int whence, struct ckpt_error *error);
int ckpt_fd_set_flags(int fd, uint32_t flags, struct ckpt_error *error);

/** getsockname(); @size as there. */
int ckpt_fd_name(int fd, void *ret_address, uint32_t *size, struct ckpt_error *error);

/** Whether it is a socket of @protocol (IPPROTO_TCP, IPPROTO_UDP) over IPv4 or IPv6. */
bool ckpt_fd_is_inet(const struct ckpt_fd_look *look, int protocol);

/** "127.0.0.1:80", "[::1]:80". @address: a struct sockaddr_in or sockaddr_in6. */
void ckpt_fd_address_text(const uint8_t *address, char *text, size_t size);

/** What helps where an address could not be had again, after the reason; or @busy. */
const char *ckpt_fd_bind_hint(long failed, const char *busy);

/** Whether two descriptors of this process are one open file; false also where nobody can tell. */
bool ckpt_fd_same_open_file(int left, int right);

/**
 * Open all descriptors of an image at their numbers in this process, close all others from 3 on but
 * those at or above thaw->high.
 */
int ckpt_fds_thaw(struct ckpt_fd_thaw *thaw, struct ckpt_error *error);

#endif
