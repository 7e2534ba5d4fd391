/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See policy_match.h.  Rules do not apply to descriptors that the JVM opens for itself: files of
 * the JDK, and HotSpot's and the JDK's own sockets.  To descriptors without a name that the engine
 * restores anyway (selectors, memory files), only rules with their number apply.
 */
#include "engine/builtin/fd/policy_match.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind_pipe.h"
#include "engine/builtin/fd/kinds.h"
#include "engine/builtin/fd/sockets.h"

#define DELETED " (deleted)"

/* If java is in /usr/bin or /usr/local/bin, not everything below /usr is the JDK's. */
bool ckpt_fd_is_of_jdk(const char *java, const char *path)
{
    size_t end = ckpt_raw_length(java);

    if (ckpt_raw_equal(path, "/dev/random") || ckpt_raw_equal(path, "/dev/urandom"))
        return true;
    while (end && java[end - 1] != '/')
        end--;
    if (end < 6 || !ckpt_raw_starts(java + end - 5, "/bin/"))
        return false;
    end -= 4; /* after the slash before "bin" */
    if ((end == 5 && ckpt_raw_starts(java, "/usr/")) ||
        (end == 11 && ckpt_raw_starts(java, "/usr/local/")))
        return false;
    return ckpt_raw_length(path) > end && __builtin_memcmp(java, path, end) == 0;
}

/* ---- sockets ---- */

static void set_end(struct ckpt_policy_end *end, const uint8_t *address, uint32_t size, char *text)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    uint32_t start = offsetof(struct sockaddr_un, sun_path);

    if (size >= sizeof *v4 && v4->sin_family == AF_INET) {
        end->known = v4->sin_port != 0;
        end->port = ntohs(v4->sin_port);
        __builtin_memset(end->ip, 0, 10);
        __builtin_memset(end->ip + 10, 0xff, 2);
        __builtin_memcpy(end->ip + 12, &v4->sin_addr, 4);
    } else if (size >= sizeof *v6 - sizeof v6->sin6_scope_id && v4->sin_family == AF_INET6) {
        end->known = v6->sin6_port != 0;
        end->port = ntohs(v6->sin6_port);
        __builtin_memcpy(end->ip, &v6->sin6_addr, 16);
    } else if (size > start && v4->sin_family == AF_UNIX) {
        if (size - start > sizeof((struct sockaddr_un){0}).sun_path)
            size = start + sizeof((struct sockaddr_un){0}).sun_path;
        __builtin_memcpy(text, address + start, size - start);
        text[size - start] = '\0';
        if (!text[0])
            text[0] = '@'; /* an abstract name, as /proc/net/unix shows it */
        end->path = text;
    }
}

static unsigned ip_families(const struct ckpt_policy_end *end)
{
    static const uint8_t zero[16], mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (!end->known || __builtin_memcmp(end->ip, zero, 16) == 0)
        return CKPT_POLICY_IP;
    return __builtin_memcmp(end->ip, mapped, 12) == 0 ? CKPT_POLICY_IPV4 : CKPT_POLICY_IPV6;
}

static void set_socket(struct ckpt_fd_subject *to, const struct ckpt_fd_addresses *addresses)
{
    struct ckpt_policy_subject *subject = &to->subject;

    subject->listening = addresses->listening;
    subject->protocol = addresses->protocol == IPPROTO_TCP   ? CKPT_POLICY_TCP
                        : addresses->protocol == IPPROTO_UDP ? CKPT_POLICY_UDP
                                                             : 0;
    set_end(&subject->local, addresses->local, addresses->local_size, to->local);
    set_end(&subject->remote, addresses->remote, addresses->remote_size, to->remote);
    if (addresses->family == AF_INET)
        subject->families = CKPT_POLICY_IPV4;
    else if (addresses->family == AF_INET6)
        subject->families = ip_families(&subject->local) &
                            (subject->remote.known ? ip_families(&subject->remote) : ~0u);
    else if (addresses->family == AF_UNIX)
        subject->families = CKPT_POLICY_UNIX;
    /* for messages */
    if (subject->local.path)
        ckpt_raw_format(to->text, sizeof to->text, "%s", subject->local.path);
    else if (subject->remote.path)
        ckpt_raw_format(to->text, sizeof to->text, "%s", subject->remote.path);
    else if (subject->local.known) {
        size_t length;

        ckpt_socket_address_text(addresses->local, to->text, sizeof to->text);
        length = ckpt_raw_length(to->text);
        if (subject->remote.known) {
            length += ckpt_raw_format(to->text + length, sizeof to->text - length, " to ");
            ckpt_socket_address_text(addresses->remote, to->text + length,
                                     sizeof to->text - length);
        }
    }
}

static void read_socket(const struct ckpt_live_fd *live, struct ckpt_fd_subject *to)
{
    struct ckpt_fd_addresses addresses = {.local_size = sizeof addresses.local,
                                          .remote_size = sizeof addresses.remote};

    addresses.family = ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN);
    addresses.listening = ckpt_socket_option(live->number, SOL_SOCKET, SO_ACCEPTCONN);
    if (addresses.family == AF_INET || addresses.family == AF_INET6)
        addresses.protocol = ckpt_socket_option(live->number, SOL_SOCKET, SO_PROTOCOL);
    if (addresses.protocol == IPPROTO_MPTCP)
        addresses.protocol = IPPROTO_TCP;
    if (ckpt_syscall(SYS_getsockname, live->number, addresses.local, &addresses.local_size, 0, 0,
                     0) < 0)
        addresses.local_size = 0;
    if (ckpt_syscall(SYS_getpeername, live->number, addresses.remote, &addresses.remote_size, 0, 0,
                     0) < 0)
        addresses.remote_size = 0;
    set_socket(to, &addresses);
}

static void start_subject(struct ckpt_fd_subject *to, enum ckpt_policy_type type, int number,
                          const char *text)
{
    to->subject = (struct ckpt_policy_subject){.type = type, .number = number, .text = to->text};
    ckpt_raw_format(to->text, sizeof to->text, "%s", text);
}

/* ---- a descriptor of this process ---- */

/* A descriptor without a kind gets its type from its mode and link; a file must have a path. */
static enum ckpt_policy_type type_of(const struct ckpt_live_fd *live,
                                     const struct ckpt_fd_kind_row *row)
{
    bool has_path = live->link[0] == '/';

    if (row)
        return row->policy == CKPT_POLICY_FILE && !has_path ? CKPT_POLICY_DESCRIPTOR : row->policy;
    return S_ISSOCK(live->status.st_mode) ? CKPT_POLICY_SOCKET
           : has_path                     ? CKPT_POLICY_FILE
                                          : CKPT_POLICY_DESCRIPTOR;
}

const struct ckpt_policy_rule *ckpt_fd_policy_live(const struct ckpt_gather *gather,
                                                   const struct ckpt_live_fd *live,
                                                   const struct ckpt_fd_kind_row *row,
                                                   struct ckpt_fd_subject *to)
{
    enum ckpt_policy_type type = type_of(live, row);

    if (!gather->policies || (row && !row->policy))
        return NULL;
    start_subject(to, type, live->number, live->link);
    to->subject.by_number = row && row->policy == CKPT_POLICY_DESCRIPTOR;
    to->subject.is_end = row && row->is_end && !ckpt_fd_is_pipe_to_elsewhere(live);
    if (type == CKPT_POLICY_SOCKET) {
        read_socket(live, to);
    } else if (type == CKPT_POLICY_FILE) {
        if (ckpt_fd_is_of_jdk(ckpt_tables_text(&gather->tables, gather->tables.process.exe),
                              live->link))
            return NULL;
        if (ckpt_live_fd_is_deleted(live) && ckpt_raw_ends(to->text, DELETED))
            to->text[ckpt_raw_length(to->text) - (sizeof DELETED - 1)] = '\0';
    }
    return ckpt_policies_find(gather->policies, &to->subject);
}

/* ---- a descriptor of an image ---- */

const struct ckpt_policy_rule *ckpt_fd_policy_entry(const struct ckpt_policies *policies,
                                                    const struct ckpt_image_view *image,
                                                    const struct ckpt_image_fd *entry,
                                                    struct ckpt_fd_subject *to)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);
    const char *path = ckpt_fd_path(image, entry);
    struct ckpt_fd_addresses addresses = {.family = 0};

    if (!row->policy ||
        (path && ckpt_fd_is_of_jdk(ckpt_view_text(image, image->process->exe), path)))
        return NULL;
    start_subject(to, row->policy, entry->number, path ? path : row->name);
    to->subject.by_number = row->policy == CKPT_POLICY_DESCRIPTOR;
    to->subject.is_end = row->is_end;
    if (row->addresses) {
        row->addresses(image, entry, &addresses);
        set_socket(to, &addresses);
    }
    return ckpt_policies_find(policies, &to->subject);
}
