// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Part of unixsockets.t's library: sockets with names, datagram sockets, and what is refused.

#define _GNU_SOURCE
#include "unixsockets.h"

// ---- names

// At a name of another process, in the folder UNIX_PEERS.
static const char *connected_outside(int fd, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", getenv("UNIX_PEERS"), name);
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? NULL
                                                                         : FAIL("connect: %m");
}

// A client connects, both speak.
static const char *serves(int server, int type, const char *name)
{
    int client = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), accepted;

    MUST(connected(client, name));
    accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    MUST(put(client, "hello"));
    MUST(get(accepted, "hello"));
    MUST(has_name(accepted, name, 0));
    close(client);
    close(accepted);
    return NULL;
}

static const char *listens_at(const char *name, int type, int first, int *fd)
{
    if (first)
        MUST(listener(type, name, fd));
    MUST(has_name(*fd, name, 0));
    return serves(*fd, type, name);
}

static const char *listens(int first)
{
    static int path, abstract, packets, relative;
    struct stat status;

    MUST(listens_at("listens", SOCK_STREAM, first, &path));
    MUST(listens_at("@listens", SOCK_STREAM, first, &abstract));
    MUST(listens_at("packets", SOCK_SEQPACKET, first, &packets));
    MUST(listens_at("./relative", SOCK_STREAM, first, &relative));
    if (first)
        chmod(file_of("packets"), 0620);
    return stat(file_of("packets"), &status) == 0 && (status.st_mode & 07777) == 0620
               ? NULL
               : FAIL("the permissions of its file are not as they were");
}

// The file of a listener is deleted, replaced by that of another one, or renamed.
static const char *files(int first)
{
    static int deleted, replaced, other, renamed;
    char old[200];

    if (first) {
        MUST(listener(SOCK_STREAM, "deleted", &deleted));
        unlink(file_of("deleted"));
        MUST(listener(SOCK_STREAM, "replaced", &replaced));
        unlink(file_of("replaced"));
        MUST(listener(SOCK_STREAM, "replaced", &other));
        MUST(listener(SOCK_STREAM, "renamed.new", &renamed));
        snprintf(old, sizeof old, "%s", file_of("renamed.new"));
        rename(old, file_of("renamed"));
    }
    if (access(file_of("deleted"), F_OK) == 0)
        return FAIL("a file that was deleted is there again");
    MUST(has_name(deleted, "deleted", 0));
    MUST(serves(other, SOCK_STREAM, "replaced"));
    MUST(has_name(renamed, "renamed.new", 0));
    if (access(file_of("renamed.new"), F_OK) == 0)
        return FAIL("the old name of a renamed file is there again");
    old[0] = '\0';
    {
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted;

        MUST(connected(client, "renamed"));
        accepted = accept4(renamed, NULL, NULL, SOCK_CLOEXEC);
        close(client);
        close(accepted);
    }
    return NULL;
}

struct connection {
    int server, client, accepted;
};

static const char *make_connection(int type, const char *name, const char *client,
                                   struct connection *ret)
{
    MUST(listener(type, name, &ret->server));
    if (client)
        MUST(bound(type, client, &ret->client));
    else
        ret->client = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    MUST(connected(ret->client, name));
    ret->accepted = accept4(ret->server, NULL, NULL, SOCK_CLOEXEC);
    MUST(put(ret->client, "question"));
    return put(ret->accepted, "answer");
}

static const char *check_connection(const struct connection *its, const char *name,
                                    const char *client)
{
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof peer;

    MUST(get(its->accepted, "question"));
    MUST(get(its->client, "answer"));
    MUST(has_name(its->accepted, name, 0));
    MUST(has_name(its->accepted, client, 1));
    MUST(has_name(its->client, client, 0));
    MUST(has_name(its->client, name, 1));
    getsockopt(its->client, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    if (peer.pid != getpid())
        return FAIL("its peer is process %d", peer.pid);
    MUST(put(its->client, "question"));
    return put(its->accepted, "answer");
}

// Connections that were accepted, with names; the listener is there, or closed and deleted.
static const char *accepted(int first)
{
    static struct connection path, abstract, both, alone;

    if (first) {
        MUST(make_connection(SOCK_STREAM, "accepted", NULL, &path));
        MUST(make_connection(SOCK_SEQPACKET, "@accepted", "@client", &abstract));
        MUST(make_connection(SOCK_STREAM, "both", "client", &both));
        MUST(make_connection(SOCK_STREAM, "alone", NULL, &alone));
        close(alone.server);
        unlink(file_of("alone"));
    }
    MUST(check_connection(&path, "accepted", NULL));
    MUST(check_connection(&abstract, "@accepted", "@client"));
    MUST(check_connection(&both, "both", "client"));
    MUST(check_connection(&alone, "alone", NULL));
    if (access(file_of("alone"), F_OK) == 0)
        return FAIL("a file that was deleted is there again");
    MUST(serves(path.server, SOCK_STREAM, "accepted"));
    return serves(abstract.server, SOCK_SEQPACKET, "@accepted");
}

// Sockets that are bound and do not listen.
static const char *not_listening(int first)
{
    static int fd;

    if (first)
        MUST(bound(SOCK_STREAM, "not-listening", &fd));
    MUST(has_name(fd, "not-listening", 0));
    if (access(file_of("not-listening"), F_OK) < 0)
        return FAIL("its file is gone");
    return NULL;
}

// ---- datagrams

// A server with a name, clients with and without one, and datagrams that wait.
static const char *datagrams(int first)
{
    static int server, named, nameless, abstract, one, other;

    if (first) {
        MUST(bound(SOCK_DGRAM, "server", &server));
        MUST(bound(SOCK_DGRAM, "named", &named));
        MUST(bound(SOCK_DGRAM, "@abstract", &abstract));
        nameless = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        MUST(connected(named, "server"));
        MUST(connected(nameless, "server"));
        MUST(bound(SOCK_DGRAM, "one", &one));
        MUST(bound(SOCK_DGRAM, "@other", &other));
        MUST(connected(one, "@other"));
        MUST(connected(other, "one"));
    } else {
        MUST(get_from(server, "from named", "named"));
        MUST(get_from(server, "from nameless", NULL));
        MUST(get_from(server, "from abstract", "@abstract"));
        MUST(get_error(server, EAGAIN));
        MUST(get_from(other, "to other", "one"));
        MUST(get_from(one, "to one", "@other"));
    }
    MUST(has_name(server, "server", 0));
    MUST(has_name(named, "named", 0));
    MUST(has_name(named, "server", 1));
    MUST(has_name(one, "@other", 1));
    MUST(has_name(other, "one", 1));
    MUST(put(named, "from named"));
    MUST(put(nameless, "from nameless"));
    MUST(put_to(abstract, "from abstract", "server"));
    MUST(put(one, "to other"));
    return put(other, "to one");
}

// Connected to the socket of another process, such as that of syslog, if there is one.
static const char *logs(int first)
{
    static int fd;

    if (first) {
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        MUST(connected_outside(fd, "log"));
    }
    return put(fd, "a line");
}

// ---- what is refused

// A descriptor waits in a queue.
static const char *passed(int first)
{
    static int ends[2];
    char control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec byte = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &byte,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    if (!first)
        return NULL;
    MUST(pair(SOCK_STREAM, ends));
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &ends[0], sizeof(int));
    return sendmsg(ends[0], &message, 0) == 1 ? NULL : FAIL("sendmsg: %m");
}

// A reset is read before a message that waits, and must not be read by a checkpoint.
static const char *reset_first(int first)
{
    static int ends[2];

    if (first) {
        MUST(pair(SOCK_SEQPACKET, ends));
        MUST(put(ends[0], "answer"));
        MUST(put(ends[1], "question"));
        close(ends[0]);
    }
    return events(ends[1], POLLIN | POLLRDHUP | POLLHUP | POLLERR);
}

// An empty message, which is left alone.
static const char *peeked(int first)
{
    static int ends[2];

    if (!first)
        return NULL;
    MUST(pair(SOCK_DGRAM, ends));
    MUST(put(ends[0], "one"));
    MUST(put(ends[0], ""));
    return put(ends[0], "two");
}

static const char *urgent(int first)
{
    static int ends[2];

    if (!first)
        return NULL;
    MUST(pair(SOCK_STREAM, ends));
    send(ends[0], "xy", 2, MSG_OOB);
    return NULL;
}

static const char *outside(int first)
{
    static int fd;

    if (!first)
        return NULL;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connected_outside(fd, "outside");
}

// --connections=close resets the client, and the listener accepts others.
static const char *waiting(int first)
{
    static int server, client;

    if (!first) {
        MUST(events(server, 0));
        MUST(get_error(client, ECONNRESET));
        return serves(server, SOCK_STREAM, "waiting");
    }
    MUST(listener(SOCK_STREAM, "waiting", &server));
    client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connected(client, "waiting");
}

const struct unix_case name_cases[] = {
    {"listens", listens},   {"files", files},
    {"accepted", accepted}, {"unused", not_listening},
    {"bound", datagrams},   {"-logs", logs},
    {"-passed", passed},    {"-urgent", urgent},
    {"-outside", outside},  {"-waiting", waiting},
    {"-peeked", peeked},    {"-reset-first", reset_first},
    {NULL, NULL},
};
