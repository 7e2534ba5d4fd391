/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See order.h.  The process may be dumped at any system call of the wait, so each is made again
 * when it is interrupted.  A peer that sends nothing is dropped: another one may follow.
 */
#include "engine/criu/parked/order.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"
#include "base/kernel_abi.h"
#include "base/page.h"
#include "base/raw.h"
#include "base/syscall.h"

#define STREAMS 3
#define PEER_MS 30000 /* how long a peer may take for the next bytes */
#define END_FAILED 125
#define WATCH_MS 1000 /* how often to check that the freeze is still driven */
#define LOST                                                                                       \
    "error:the command that drove criu was killed, with what takes its place; standard streams "   \
    "that are pipes are /dev/null now; try again\n"

/* ---- the socket ---- */

int ckpt_order_listen(const struct ckpt_offer *offer, struct ckpt_error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    long fd = ckpt_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    long failed = fd;

    memcpy(name.sun_path, offer->head.socket, sizeof name.sun_path);
    ckpt_syscall(SYS_unlinkat, AT_FDCWD, name.sun_path, 0, 0, 0, 0);
    if (failed >= 0)
        failed = ckpt_syscall(SYS_bind, fd, &name, sizeof name, 0, 0, 0);
    if (failed >= 0)
        failed = ckpt_syscall(SYS_fchmodat, AT_FDCWD, name.sun_path, 0600, 0, 0, 0);
    if (failed >= 0)
        failed = ckpt_syscall(SYS_listen, fd, 4, 0, 0, 0, 0);
    if (failed >= 0)
        return (int)fd;
    if (fd >= 0)
        ckpt_order_close(offer, (int)fd, true);
    return ckpt_error_set(error, (int)-failed, "cannot listen at '%s'", name.sun_path);
}

void ckpt_order_close(const struct ckpt_offer *offer, int listener, bool bound_here)
{
    /* In a restored process the name may be that of another one by now. */
    if (bound_here)
        ckpt_syscall(SYS_unlinkat, AT_FDCWD, offer->head.socket, 0, 0, 0, 0);
    ckpt_sys_close(listener);
}

static bool is_allowed(int fd)
{
    struct ucred peer = {.uid = CKPT_OVERFLOW_UID};
    socklen_t size = sizeof peer;
    long user = ckpt_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0);

    /* The socket's mode admits its owner and root only; root may have no number here. */
    return ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size, 0) == 0 &&
           (peer.uid == (uint32_t)user || peer.uid == 0 || peer.uid == CKPT_OVERFLOW_UID);
}

/* The next peer that is allowed; -1: none will come. */
static int accept_peer(int listener, const struct ckpt_driver_watch *watch)
{
    for (;;) {
        struct pollfd wait = {.fd = listener, .events = POLLIN};
        struct timespec limit = ckpt_clock_from_ms(WATCH_MS);
        long fd = ckpt_syscall(SYS_ppoll, &wait, 1, &limit, NULL, 0, 0);

        if (fd == 0 && ckpt_driver_watch_is_over(watch))
            return -1;
        fd = fd > 0 ? ckpt_syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC, 0, 0) : -1;
        if (fd < 0)
            continue;
        if (is_allowed((int)fd))
            return (int)fd;
        ckpt_sys_close((int)fd);
    }
}

/* ---- receiving ---- */

static bool wait_readable(int fd)
{
    int64_t deadline = ckpt_clock_ms(CLOCK_MONOTONIC) + PEER_MS;

    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left = deadline - ckpt_clock_ms(CLOCK_MONOTONIC);
        struct timespec timeout = ckpt_clock_from_ms(left > 0 ? left : 0);
        long ready = ckpt_syscall(SYS_ppoll, &wait, 1, &timeout, NULL, 0, 0);

        if (ready != -EINTR)
            return ready > 0;
    }
}

static bool receive(int fd, void *to, size_t size)
{
    char *at = to;

    while (size) {
        long got = wait_readable(fd) ? ckpt_syscall(SYS_recvfrom, fd, at, size, 0, NULL, 0) : 0;

        if (got == -EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

/* Receive one byte and its descriptor; -1: there is none. */
static int receive_fd(int fd)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    long got;
    int received;

    memset(&control, 0, sizeof control);
    do
        got = wait_readable(fd) ? ckpt_syscall(SYS_recvmsg, fd, &message, MSG_CMSG_CLOEXEC, 0, 0, 0)
                                : 0;
    while (got == -EINTR);
    if (got != 1 || message.msg_controllen < sizeof(struct cmsghdr) ||
        control.head.cmsg_type != SCM_RIGHTS || control.head.cmsg_len < CMSG_LEN(sizeof(int)))
        return -1;
    memcpy(&received, CMSG_DATA(&control.head), sizeof received);
    return received;
}

/* Receive the head of an order, of this release or another one. */
static bool receive_head(int fd, struct ckpt_frozen_order *ret)
{
    char rest[256];
    uint32_t size;

    memset(ret, 0, sizeof *ret);
    if (!receive(fd, &size, sizeof size) || size < 2 * sizeof size ||
        size > CKPT_FROZEN_STRUCTURE_MAX)
        return false;
    size -= (uint32_t)sizeof size;
    if (size <= sizeof *ret - sizeof size)
        return receive(fd, (char *)ret + sizeof size, size);
    if (!receive(fd, (char *)ret + sizeof size, sizeof *ret - sizeof size))
        return false;
    for (size -= (uint32_t)(sizeof *ret - sizeof size); size;) {
        uint32_t step = size < sizeof rest ? size : (uint32_t)sizeof rest;

        if (!receive(fd, rest, step))
            return false;
        size -= step;
    }
    return true;
}

static void send_answer(int fd, const char *failed)
{
    struct ckpt_frozen_answer answer;

    memset(&answer, 0, sizeof answer);
    answer.size = sizeof answer;
    answer.failed = failed != NULL;
    ckpt_raw_format(answer.text, sizeof answer.text, "%s", failed ? failed : "");
    ckpt_syscall(SYS_sendto, fd, &answer, sizeof answer, MSG_NOSIGNAL, NULL, 0);
}

/* ---- the parameters of a restore ---- */

/* Where the parts of the mapping are: the structure, arrays of pointers, the words. */
struct parts {
    char *start;
    size_t size;
    char *words, *end;
};

static size_t word_count(const struct ckpt_frozen_order *order)
{
    size_t count = 0;

    for (size_t i = 0; i < 3; i++)
        count += order->word_counts[i];
    return count;
}

/* Map room for all, and receive the words. */
static bool receive_words(int fd, const struct ckpt_frozen_order *order, struct parts *ret)
{
    size_t arrays = (word_count(order) + 3) * sizeof(uint64_t);
    size_t before = sizeof(struct ckpt_parameters) + sizeof(struct prctl_mm_map) + arrays;
    size_t size = ckpt_page_ceil(before + order->data_size + 1);
    long start;

    if (order->data_size > CKPT_FROZEN_DATA_MAX || word_count(order) > order->data_size ||
        order->mailbox_size > order->data_size)
        return false;
    start = ckpt_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start < 0)
        return false;
    *ret = (struct parts){.start = (char *)start,
                          .size = size,
                          .words = (char *)start + before,
                          .end = (char *)start + before + order->data_size};
    if (receive(fd, ret->words, order->data_size) &&
        (order->data_size == order->mailbox_size || ret->end[-1] == '\0'))
        return true;
    ckpt_sys_munmap((uint64_t)start, size);
    return false;
}

/* Fill in the next array with @count words. NULL: there are not so many. */
static uint64_t *take_words(const struct parts *parts, uint64_t *array, uint32_t count, char **word)
{
    for (uint32_t i = 0; i < count; i++) {
        if (*word >= parts->end)
            return NULL;
        *array++ = (uint64_t)*word;
        *word += ckpt_raw_length(*word) + 1;
    }
    *array++ = 0;
    return array;
}

/*
 * Copy the fields that both releases know. criu keeps the clocks, and there is no restorer and no
 * mapping of an image.
 */
static void take_mailbox(const struct ckpt_frozen_order *order, const char *from,
                         const struct ckpt_parameters *parameters, struct ckpt_mailbox *mailbox)
{
    uint32_t version = mailbox->version, size = mailbox->size;
    uint32_t generation = mailbox->generation + 1;

    memset(mailbox, 0, size);
    memcpy(mailbox, from, order->mailbox_size < size ? order->mailbox_size : size);
    mailbox->version = version;
    mailbox->size = size;
    mailbox->parameters = (uint64_t)parameters;
    __atomic_store_n(&mailbox->generation, generation, __ATOMIC_RELEASE);
}

/* Let /proc/PID/environ show the new environment. Without effect where the kernel refuses. */
static void show_environment(struct ckpt_parameters *parameters)
{
    struct prctl_mm_map *map = (struct prctl_mm_map *)(parameters + 1);
    char stat[1024];

    parameters->mm_map = (uint64_t)map;
    parameters->mm_map_size = sizeof *map;
    if (ckpt_raw_read_file("/proc/self/stat", stat, sizeof stat) <= 0)
        return;
    *map = (struct prctl_mm_map){
        .start_code = ckpt_raw_stat_field(stat, 26),
        .end_code = ckpt_raw_stat_field(stat, 27),
        .start_stack = ckpt_raw_stat_field(stat, 28),
        .start_data = ckpt_raw_stat_field(stat, 45),
        .end_data = ckpt_raw_stat_field(stat, 46),
        .start_brk = ckpt_raw_stat_field(stat, 47),
        .brk = (uint64_t)ckpt_syscall(SYS_brk, 0, 0, 0, 0, 0, 0),
        .arg_start = ckpt_raw_stat_field(stat, 48),
        .arg_end = ckpt_raw_stat_field(stat, 49),
        .env_start = parameters->env_start,
        .env_end = parameters->env_end,
        .exe_fd = UINT32_MAX,
    };
    ckpt_sys_prctl(PR_SET_MM, PR_SET_MM_MAP, (unsigned long)map, sizeof *map, 0);
}

static const char *take_parameters(int fd, const struct ckpt_frozen_order *order,
                                   struct ckpt_mailbox *mailbox)
{
    struct ckpt_parameters *parameters;
    struct parts parts;
    uint64_t *array;
    char *word;

    if (!receive_words(fd, order, &parts))
        return "the JVM did not get its new environment; its memory may be limited";
    parameters = (struct ckpt_parameters *)parts.start;
    array = (uint64_t *)(parts.start + sizeof *parameters + sizeof(struct prctl_mm_map));
    word = parts.words + order->mailbox_size;
    parameters->size = parts.size;
    parameters->environment = (uint64_t)array;
    parameters->env_start = (uint64_t)word;
    array = take_words(&parts, array, order->word_counts[CKPT_FROZEN_ENVIRONMENT], &word);
    parameters->env_end = (uint64_t)word;
    parameters->properties = (uint64_t)array;
    if (array)
        array = take_words(&parts, array, order->word_counts[CKPT_FROZEN_PROPERTIES], &word);
    parameters->arguments = (uint64_t)array;
    if (array)
        array = take_words(&parts, array, order->word_counts[CKPT_FROZEN_ARGUMENTS], &word);
    if (!array || (order->has_cwd && word >= parts.end))
        return "the command has sent parameters that are not complete";
    if (order->has_cwd) {
        if (ckpt_syscall(SYS_chdir, word, 0, 0, 0, 0, 0) < 0)
            return "the JVM cannot enter its new working directory (--cwd)";
        parameters->cwd = (uint64_t)word;
        word += ckpt_raw_length(word) + 1;
    }
    if (order->has_new_image && word < parts.end)
        parameters->new_image = (uint64_t)word;
    show_environment(parameters);
    take_mailbox(order, parts.words, parameters, mailbox);
    return NULL;
}

/* ---- orders ---- */

__attribute__((noreturn)) static void end(void)
{
    for (;;)
        ckpt_syscall(SYS_exit_group, END_FAILED, 0, 0, 0, 0, 0);
}

static bool take_restored(int fd, const struct ckpt_offer *offer,
                          const struct ckpt_frozen_order *order, struct ckpt_mailbox *mailbox)
{
    const char *failed = take_parameters(fd, order, mailbox);

    for (int i = 0; i < STREAMS && !failed; i++) {
        int index = ckpt_offer_stream(offer, i), stream;

        if (!(order->streams & (1u << i)))
            continue;
        stream = receive_fd(fd);
        if (stream < 0)
            failed = "the JVM did not get its standard streams";
        else if (index >= 0)
            ckpt_offer_put_back(offer, (size_t)index, stream);
        else
            ckpt_sys_close(stream); /* it was closed at the checkpoint, or is a file by now */
    }
    send_answer(fd, failed);
    if (failed)
        end();
    return true;
}

/* Put the descriptors back. What is lost stays /dev/null. */
static bool take_back(int fd, const struct ckpt_offer *offer, const struct ckpt_frozen_order *order,
                      struct ckpt_received *ret)
{
    size_t size = ckpt_page_ceil(order->data_size + 1);
    long text =
        order->data_size > CKPT_FROZEN_DATA_MAX
            ? -E2BIG
            : ckpt_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (text < 0 || !receive(fd, (void *)text, order->data_size))
        return false;
    ret->reasons = (const char *)text;
    ret->mapping = (uint64_t)text;
    ret->mapping_size = size;
    for (uint32_t i = 0; i < offer->head.fd_count; i++) {
        int back = receive_fd(fd);

        if (back >= 0)
            ckpt_offer_put_back(offer, i, back);
    }
    send_answer(fd, NULL);
    return true;
}

static bool carry_out(int fd, const struct ckpt_offer *offer, struct ckpt_mailbox *mailbox,
                      struct ckpt_received *ret)
{
    struct ckpt_frozen_order order;

    *ret = (struct ckpt_received){.reasons = ""};
    if (!receive_head(fd, &order))
        return false;
    ret->action = (enum ckpt_frozen_action)order.action;
    switch (ret->action) {
    case CKPT_FROZEN_CANCEL:
    case CKPT_FROZEN_CONTINUE:
        return take_back(fd, offer, &order, ret);
    case CKPT_FROZEN_RESTORED:
        return take_restored(fd, offer, &order, mailbox);
    default:
        return false;
    }
}

/* The descriptors are lost, except for what can be opened again. */
static void give_up(const struct ckpt_offer *offer, struct ckpt_received *ret)
{
    *ret = (struct ckpt_received){
        .action = CKPT_FROZEN_CANCEL, .reasons = LOST, .descriptors_are_lost = true};
    ckpt_offer_reopen_streams(offer);
}

void ckpt_order_wait(const struct ckpt_offer *offer, int listener,
                     const struct ckpt_driver_watch *watch, struct ckpt_mailbox *mailbox,
                     struct ckpt_received *ret)
{
    for (;;) {
        int fd = accept_peer(listener, watch);
        bool done = fd >= 0 && carry_out(fd, offer, mailbox, ret);

        if (fd < 0) {
            give_up(offer, ret);
            return;
        }
        ckpt_sys_close(fd);
        if (done)
            return;
    }
}
