/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * What policy files are asked about a descriptor: one of this process, or one of an image.  What
 * the JVM has open for itself is not theirs: files of the JDK, HotSpot's and the JDK's own sockets.
 * What the engine carries over by itself and has no name (selectors, memory files) is only theirs
 * when a rule gives its number.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/fd.h"

#define DELETED " (deleted)"

/* In the JDK whose bin/java runs (a directory as wide as /usr is none), or its source of chance. */
bool ckpt_fd_is_of_jdk(const char *java, const char *path)
{
    size_t end = ckpt_raw_length(java);

    if (ckpt_raw_equal(path, "/dev/random") || ckpt_raw_equal(path, "/dev/urandom"))
        return true;
    while (end && java[end - 1] != '/')
        end--;
    if (end < 6 || !ckpt_raw_starts(java + end - 5, "/bin/"))
        return false;
    end -= 4; /* behind the slash before "bin" */
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
    uint32_t begin = offsetof(struct sockaddr_un, sun_path);

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
    } else if (size > begin && v4->sin_family == AF_UNIX) {
        if (size - begin > sizeof((struct sockaddr_un){0}).sun_path)
            size = begin + sizeof((struct sockaddr_un){0}).sun_path;
        __builtin_memcpy(text, address + begin, size - begin);
        text[size - begin] = '\0';
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

static void set_socket(struct ckpt_fd_subject *to, const struct ckpt_fd_ends *ends)
{
    struct ckpt_policy_subject *subject = &to->subject;

    subject->type = CKPT_POLICY_SOCKET;
    subject->listening = ends->listening;
    set_end(&subject->local, ends->local, ends->local_size, to->local);
    set_end(&subject->remote, ends->remote, ends->remote_size, to->remote);
    if (ends->family == AF_INET)
        subject->families = CKPT_POLICY_IPV4;
    else if (ends->family == AF_INET6)
        subject->families = ip_families(&subject->local) &
                            (subject->remote.known ? ip_families(&subject->remote) : ~0u);
    else if (ends->family == AF_UNIX)
        subject->families = CKPT_POLICY_UNIX;
    /* for messages */
    if (subject->local.path)
        ckpt_raw_format(to->text, sizeof to->text, "%s", subject->local.path);
    else if (subject->remote.path)
        ckpt_raw_format(to->text, sizeof to->text, "%s", subject->remote.path);
    else if (subject->local.known) {
        size_t length;

        ckpt_fd_address_text(ends->local, to->text, sizeof to->text);
        length = ckpt_raw_length(to->text);
        if (subject->remote.known) {
            length += ckpt_raw_format(to->text + length, sizeof to->text - length, " to ");
            ckpt_fd_address_text(ends->remote, to->text + length, sizeof to->text - length);
        }
    }
}

static void look_at_socket(const struct ckpt_fd_look *look, struct ckpt_fd_subject *to)
{
    struct ckpt_fd_ends ends = {.local_size = sizeof ends.local, .remote_size = sizeof ends.remote};

    ends.family = ckpt_fd_option(look->number, SOL_SOCKET, SO_DOMAIN);
    ends.listening = ckpt_fd_option(look->number, SOL_SOCKET, SO_ACCEPTCONN);
    if (ckpt_syscall(SYS_getsockname, look->number, ends.local, &ends.local_size, 0, 0, 0) < 0)
        ends.local_size = 0;
    if (ckpt_syscall(SYS_getpeername, look->number, ends.remote, &ends.remote_size, 0, 0, 0) < 0)
        ends.remote_size = 0;
    set_socket(to, &ends);
}

/* ---- a descriptor of this process ---- */

const struct ckpt_policy_rule *ckpt_fd_policy(const struct ckpt_gather *gather,
                                              const struct ckpt_fd_look *look,
                                              struct ckpt_fd_subject *to)
{
    struct ckpt_policy_subject *subject = &to->subject;

    *subject = (struct ckpt_policy_subject){
        .type = CKPT_POLICY_DESCRIPTOR, .number = look->number, .text = to->text};
    ckpt_raw_format(to->text, sizeof to->text, "%s", look->link);
    if (ckpt_raw_starts(look->link, "/memfd:") || ckpt_fd_eventfd.matches(gather, look) ||
        ckpt_fd_epoll.matches(gather, look)) {
        subject->by_number = true;
    } else if (ckpt_fd_pipe.matches(gather, look)) {
        subject->type = CKPT_POLICY_PIPE;
    } else if (S_ISSOCK(look->status.st_mode)) {
        if (ckpt_fd_unix_is_own(gather, look))
            return NULL;
        look_at_socket(look, to);
    } else if (look->link[0] == '/') {
        if (ckpt_fd_is_of_jdk(ckpt_tables_text(&gather->tables, gather->tables.process.exe),
                              look->link))
            return NULL;
        if (ckpt_fd_has_lost_name(look) && ckpt_raw_ends(to->text, DELETED))
            to->text[ckpt_raw_length(to->text) - (sizeof DELETED - 1)] = '\0';
        subject->type = CKPT_POLICY_FILE;
    }
    return ckpt_policies_find(gather->policies, subject);
}

/* ---- a descriptor of an image ---- */

const struct ckpt_policy_rule *ckpt_fd_policy_entry(const struct ckpt_policies *policies,
                                                    const struct ckpt_image_view *image,
                                                    const struct ckpt_image_fd *entry,
                                                    struct ckpt_fd_subject *to)
{
    const struct ckpt_fd_kind_row *row = ckpt_fd_row(entry->kind);
    struct ckpt_policy_subject *subject = &to->subject;
    struct ckpt_fd_ends ends = {.family = 0};

    *subject = (struct ckpt_policy_subject){.type = CKPT_POLICY_DESCRIPTOR,
                                            .number = entry->number,
                                            .text = to->text,
                                            .by_number = true};
    ckpt_raw_format(to->text, sizeof to->text, "%s", row->name);
    switch (entry->kind) {
    case CKPT_FD_STDIO:
    case CKPT_FD_CLOSED:
    case CKPT_FD_UNIX:
        return NULL;
    case CKPT_FD_FILE:
    case CKPT_FD_DIRECTORY:
    case CKPT_FD_DEVICE:
    case CKPT_FD_FIFO:
        ckpt_raw_format(to->text, sizeof to->text, "%s",
                        ckpt_view_text(image, image->files[entry->object].path));
        if (ckpt_fd_is_of_jdk(ckpt_view_text(image, image->process->exe), to->text))
            return NULL;
        subject->type = CKPT_POLICY_FILE;
        break;
    case CKPT_FD_KERNEL:
        ckpt_raw_format(to->text, sizeof to->text, "%s", ckpt_fd_kernel_text(image, entry));
        subject->type = CKPT_POLICY_FILE;
        break;
    case CKPT_FD_PIPE:
        subject->type = CKPT_POLICY_PIPE;
        break;
    default:
        if (row->ends) {
            row->ends(image, entry, &ends);
            set_socket(to, &ends);
        }
    }
    return ckpt_policies_find(policies, subject);
}
