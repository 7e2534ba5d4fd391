// SPDX-License-Identifier: LGPL-3.0-or-later
//
// UDP sockets, for Shown.
//
//     options   for each option that can be set, a socket with another value than a new one has
//     groups    sockets in multicast groups on the interfaces "one" and "two"
//     states    bound, connected, shut down, with time limits and buffers
//     SET       one socket with what is refused: filter, cork, ipoptions

#define _GNU_SOURCE
#include "shown.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 2000

static const int levels[] = {SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP};
static int sockets[SOCKETS], socket_count;

// Options that are actions, change by themselves, or are tested otherwise.
static int is_excluded(int level, int name)
{
    static const int socket[] = {SO_RCVBUF,
                                 SO_SNDBUF,
                                 SO_RCVBUFFORCE,
                                 SO_SNDBUFFORCE,
                                 SO_LINGER,
                                 SO_ATTACH_FILTER,
                                 SO_DETACH_FILTER,
                                 SO_LOCK_FILTER,
                                 SO_RCVTIMEO,
                                 SO_SNDTIMEO,
                                 SO_INCOMING_CPU,
                                 SO_BINDTODEVICE,
                                 50,
                                 51,
                                 52,
                                 53,
                                 54,
                                 55,
                                 56,
                                 57,
                                 61,
                                 62,
                                 66,
                                 67,
                                 71,
                                 72,
                                 74,
                                 79};
    static const int ipv6[] = {IPV6_ADDRFORM, IPV6_JOIN_ANYCAST, IPV6_MULTICAST_IF, 32, 24, 76};
    static const int ip[] = {IP_OPTIONS, IP_MULTICAST_IF, 50, 64, 16, 17};

    for (size_t i = 0; level == SOL_SOCKET && i < sizeof socket / sizeof socket[0]; i++)
        if (socket[i] == name)
            return 1;
    for (size_t i = 0; level == IPPROTO_IP && i < sizeof ip / sizeof ip[0]; i++)
        if (ip[i] == name)
            return 1;
    for (size_t i = 0; level == IPPROTO_IPV6 && i < sizeof ipv6 / sizeof ipv6[0]; i++)
        if (ipv6[i] == name)
            return 1;
    return level == IPPROTO_UDP && (name == 1 || name == 100);
}

static int new_socket(int family)
{
    return sockets[socket_count++] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int get(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(fd, level, name, &value, &size) == 0 ? value : -errno - 1000;
}

static void show_options(int fd)
{
    for (int i = 0; i < 4; i++)
        for (int name = 1; name < 110; name++)
            if (!is_excluded(levels[i], name) && get(fd, levels[i], name) > -1000)
                say(" %d/%d=%d", levels[i], name, get(fd, levels[i], name));
}

// Each option that can be changed, in a socket of its own.
static void make_options(int family)
{
    static const int values[] = {1, 0, 2, 3, 5, 77, 1500, 24};

    for (int i = 0; i < 4; i++)
        for (int name = 1; name < 110; name++) {
            int fd = new_socket(family), before = get(fd, levels[i], name), changed = 0;

            for (size_t v = 0; v < sizeof values / sizeof values[0] && !changed; v++)
                changed = before > -1000 && !is_excluded(levels[i], name) &&
                          setsockopt(fd, levels[i], name, &values[v], sizeof values[v]) == 0 &&
                          get(fd, levels[i], name) != before;
            if (!changed)
                close(sockets[--socket_count]);
        }
}

static void make_address(struct sockaddr_storage *to, const char *text, int port)
{
    struct sockaddr_in6 *v6 = (void *)to;
    struct sockaddr_in *v4 = (void *)to;

    memset(to, 0, sizeof *to);
    if (strchr(text, ':')) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        inet_pton(AF_INET6, text, &v6->sin6_addr);
    } else {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        inet_pton(AF_INET, text, &v4->sin_addr);
    }
}

static socklen_t size_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static void expect(int result, const char *what)
{
    if (result != 0)
        printf("failed: %s: %s\n", what, strerror(errno));
    fflush(stdout);
}

static void bind_to(int fd, const char *text, int port)
{
    struct sockaddr_storage address;

    make_address(&address, text, port);
    expect(bind(fd, (void *)&address, size_of(&address)), text);
}

static void connect_to(int fd, const char *text, int port, const char *interface)
{
    struct sockaddr_storage address;

    make_address(&address, text, port);
    if (interface)
        ((struct sockaddr_in6 *)&address)->sin6_scope_id = if_nametoindex(interface);
    expect(connect(fd, (void *)&address, size_of(&address)), text);
}

static void join(int fd, const char *interface, const char *group, const char *source, int how)
{
    struct group_source_req request = {.gsr_interface = if_nametoindex(interface)};
    int level = strchr(group, ':') ? IPPROTO_IPV6 : IPPROTO_IP;

    make_address(&request.gsr_group, group, 0);
    if (source)
        make_address(&request.gsr_source, source, 0);
    expect(setsockopt(fd, level, how, &request,
                      how == MCAST_JOIN_GROUP ? sizeof(struct group_req) : sizeof request),
           group);
}

static void set_int(int fd, int level, int name, int value)
{
    expect(setsockopt(fd, level, name, &value, sizeof value), "setsockopt");
}

static void make_groups(void)
{
    int fd = new_socket(AF_INET);
    struct in_addr interface;

    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    bind_to(fd, "0.0.0.0", 7001);
    join(fd, "one", "239.1.2.3", NULL, MCAST_JOIN_GROUP);
    join(fd, "two", "239.1.2.3", NULL, MCAST_JOIN_GROUP);
    join(fd, "two", "239.1.2.4", NULL, MCAST_JOIN_GROUP);
    inet_pton(AF_INET, "10.9.2.1", &interface);
    expect(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface), "if");
    set_int(fd, IPPROTO_IP, 49, 0); // IP_MULTICAST_ALL
    fd = new_socket(AF_INET);       // a second socket at the same port, in another group
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    bind_to(fd, "0.0.0.0", 7001);
    join(fd, "one", "239.1.2.5", NULL, MCAST_JOIN_GROUP);
    fd = new_socket(AF_INET);
    bind_to(fd, "232.1.1.1", 7002); // bound to its group
    join(fd, "one", "232.1.1.1", "10.1.1.1", MCAST_JOIN_SOURCE_GROUP);
    join(fd, "one", "232.1.1.1", "10.1.1.2", MCAST_JOIN_SOURCE_GROUP);
    fd = new_socket(AF_INET);
    join(fd, "two", "239.1.2.6", NULL, MCAST_JOIN_GROUP);
    join(fd, "two", "239.1.2.6", "10.1.1.3", MCAST_BLOCK_SOURCE);
    fd = new_socket(AF_INET6);
    bind_to(fd, "::", 7003);
    join(fd, "one", "ff15::77", NULL, MCAST_JOIN_GROUP);
    join(fd, "two", "ff35::78", "fd00::1", MCAST_JOIN_SOURCE_GROUP);
    join(fd, "two", "239.1.2.7", NULL, MCAST_JOIN_GROUP);
    set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)if_nametoindex("two"));
    fd = new_socket(AF_INET6);
    join(fd, "one", "ff15::79", NULL, MCAST_JOIN_GROUP);
    join(fd, "one", "ff15::79", "fd00::2", MCAST_BLOCK_SOURCE);
    fd = new_socket(AF_INET);
    expect(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "two", 4), "SO_BINDTODEVICE");
    fd = new_socket(AF_INET6);
    connect_to(fd, "fe80::77", 7004, "one");
    fd = new_socket(AF_INET);
    set_int(fd, IPPROTO_IP, 50, (int)htonl(if_nametoindex("one"))); // IP_UNICAST_IF
    new_socket(AF_INET);                                            // in no group
}

static void make_states(void)
{
    struct timeval limit = {7, 250000};
    int fd = new_socket(AF_INET), buffer = 40000;

    bind_to(fd, "127.0.0.1", 0);
    fd = new_socket(AF_INET6);
    bind_to(fd, "::", 0);
    fd = new_socket(AF_INET);
    connect_to(fd, "127.0.0.1", 9, NULL); // the kernel chooses the port
    fd = new_socket(AF_INET6);
    connect_to(fd, "::ffff:127.0.0.1", 9, NULL);
    fd = new_socket(AF_INET6);
    connect_to(fd, "::1", 9, NULL);
    shutdown(fd, SHUT_RD);
    fd = new_socket(AF_INET);
    shutdown(fd, SHUT_RDWR); // not connected
    fd = new_socket(AF_INET);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    expect(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), "SO_RCVTIMEO");
    fd = new_socket(AF_INET);
    expect(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), "SO_SNDTIMEO");
    fd = new_socket(AF_INET);
    expect(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer), "SO_RCVBUF");
    fd = new_socket(AF_INET);
    expect(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer), "SO_SNDBUF");
    new_socket(AF_INET);
}

static void make_refused(const char *kind)
{
    struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0xffff);
    struct sock_fprog program = {1, &code};
    int fd = new_socket(AF_INET);

    if (strcmp(kind, "filter") == 0)
        expect(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), kind);
    else if (strcmp(kind, "cork") == 0)
        set_int(fd, IPPROTO_UDP, UDP_CORK, 1);
    else if (strcmp(kind, "ipoptions") == 0)
        expect(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, "\x94\x04\0\0", 4), kind);
    else if (strcmp(kind, "udplite") == 0)
        sockets[socket_count++] = socket(AF_INET, SOCK_DGRAM, 136);
    else if (strcmp(kind, "netlink") == 0)
        sockets[socket_count++] = socket(AF_NETLINK, SOCK_RAW, 0);
    else if (strcmp(kind, "raw") == 0)
        sockets[socket_count++] = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
    else if (strcmp(kind, "packet") == 0)
        sockets[socket_count++] = socket(AF_PACKET, SOCK_DGRAM, 0);
    else if (strcmp(kind, "ping") == 0)
        sockets[socket_count++] = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
}

static void make(const char *kind)
{
    if (strcmp(kind, "options") == 0) {
        make_options(AF_INET);
        make_options(AF_INET6);
    } else if (strcmp(kind, "groups") == 0) {
        make_groups();
    } else if (strcmp(kind, "states") == 0) {
        make_states();
    } else {
        make_refused(kind);
    }
}

static void show_address(const char *label, int result, const struct sockaddr_storage *address)
{
    char text[64] = "", scope[IF_NAMESIZE] = "";
    const struct sockaddr_in6 *v6 = (const void *)address;
    const struct sockaddr_in *v4 = (const void *)address;

    if (result < 0)
        return;
    if (address->ss_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    if (address->ss_family == AF_INET6 && v6->sin6_scope_id)
        if_indextoname(v6->sin6_scope_id, scope);
    say(" %s %s%%%s:%d", label, text, scope, ntohs(v4->sin_port));
}

static void show_interface(int fd, int level, int name, const char *label, int network)
{
    char text[IF_NAMESIZE] = "-";
    int value = get(fd, level, name);

    if (value > 0)
        if_indextoname(network ? ntohl((uint32_t)value) : (uint32_t)value, text);
    if (value > -1000)
        say(" %s %s", label, text);
}

static void show_group(int fd, const char *interface, const char *group)
{
    char bytes[sizeof(struct group_filter) + 8 * sizeof(struct sockaddr_storage)] = {0};
    struct group_filter *filter = (void *)bytes;
    socklen_t size = sizeof bytes;

    filter->gf_interface = if_nametoindex(interface);
    filter->gf_numsrc = 8;
    make_address(&filter->gf_group, group, 0);
    if (getsockopt(fd, strchr(group, ':') ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_MSFILTER, bytes,
                   &size) < 0)
        return;
    say(" in %s on %s %s", group, interface, filter->gf_fmode == MCAST_EXCLUDE ? "but" : "from");
    for (unsigned i = 0; i < filter->gf_numsrc; i++)
        show_address("", 0, &filter->gf_slist[i]);
}

static void show_groups(int fd)
{
    static const char *const groups[] = {"239.1.2.3", "239.1.2.4", "239.1.2.5",
                                         "239.1.2.6", "239.1.2.7", "232.1.1.1",
                                         "ff15::77",  "ff35::78",  "ff15::79"};
    uint8_t bytes[4] = {0};
    socklen_t size = sizeof bytes;

    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        show_group(fd, "one", groups[i]);
        show_group(fd, "two", groups[i]);
    }
    show_interface(fd, SOL_SOCKET, 62, "device", 0);
    show_interface(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, "if6", 0);
    show_interface(fd, IPPROTO_IPV6, 76, "unicast6", 1);
    show_interface(fd, IPPROTO_IP, 50, "unicast4", 1);
    if (getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, bytes, &size) == 0)
        say(" if4 %d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
}

static void show_time(int fd, int name)
{
    struct timeval limit = {0};
    socklen_t size = sizeof limit;

    getsockopt(fd, SOL_SOCKET, name, &limit, &size);
    say(" limit %ld.%06ld", (long)limit.tv_sec, (long)limit.tv_usec);
}

static void show(const char *kind)
{
    for (int i = 0; i < socket_count; i++) {
        struct sockaddr_storage address = {0};
        struct pollfd state = {.fd = sockets[i], .events = POLLRDHUP};
        socklen_t size = sizeof address;
        int fd = sockets[i];

        poll(&state, 1, 0);
        say("%d: flags %x poll %x", i, (unsigned)fcntl(fd, F_GETFL), (unsigned)state.revents);
        show_address("at", getsockname(fd, (void *)&address, &size), &address);
        size = sizeof address;
        show_address("to", getpeername(fd, (void *)&address, &size), &address);
        say(" buffers %d %d", get(fd, SOL_SOCKET, SO_SNDBUF), get(fd, SOL_SOCKET, SO_RCVBUF));
        show_time(fd, SO_RCVTIMEO);
        show_time(fd, SO_SNDTIMEO);
        if (strcmp(kind, "groups") == 0)
            show_groups(fd);
        show_options(fd);
        say("\n");
    }
}
