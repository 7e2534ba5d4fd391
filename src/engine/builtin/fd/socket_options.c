/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See socket_options.h. An option is set only if the new socket has another value, because some
 * may be set by privileged processes only, and have their usual value everywhere.
 */
#include "engine/builtin/fd/socket_options.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/sockets.h"

#define BIND_TO_INTERFACE 62 /* SO_BINDTOIFINDEX */

enum meaning {
    NUMBER,
    INTERFACE,         /**< an interface by number */
    INTERFACE_NETWORK, /**< the same in network byte order */
    INTERFACE_ADDRESS, /**< an interface by its IPv4 address */
};

/*
 * In the order in which they are set: an interface to which the socket is bound limits what others
 * may be; the type of service sets the priority too. Numbers that have no name in the C library's
 * headers have it in a comment.
 */
static const struct known {
    int level, name;
    const char *text;
    enum meaning meaning;
} known[] = {
#define SOCKET(name)                                                                               \
    {                                                                                              \
        SOL_SOCKET, name, #name, NUMBER                                                            \
    }
#define IP(name)                                                                                   \
    {                                                                                              \
        IPPROTO_IP, name, #name, NUMBER                                                            \
    }
#define IPV6(name)                                                                                 \
    {                                                                                              \
        IPPROTO_IPV6, name, #name, NUMBER                                                          \
    }
    {SOL_SOCKET, BIND_TO_INTERFACE, "SO_BINDTODEVICE", INTERFACE},
    SOCKET(SO_REUSEADDR),
    SOCKET(SO_REUSEPORT),
    SOCKET(SO_BROADCAST),
    SOCKET(SO_DONTROUTE),
    SOCKET(SO_DEBUG),
    SOCKET(SO_KEEPALIVE),
    SOCKET(SO_OOBINLINE),
    SOCKET(SO_NO_CHECK),
    SOCKET(SO_RCVLOWAT),
    SOCKET(SO_PASSCRED),
    SOCKET(SO_PASSSEC),
    {SOL_SOCKET, 29, "SO_TIMESTAMP", NUMBER},
    {SOL_SOCKET, 35, "SO_TIMESTAMPNS", NUMBER},
    {SOL_SOCKET, 63, "SO_TIMESTAMP_NEW", NUMBER},
    {SOL_SOCKET, 64, "SO_TIMESTAMPNS_NEW", NUMBER},
    {SOL_SOCKET, 37, "SO_TIMESTAMPING", NUMBER},
    {SOL_SOCKET, 65, "SO_TIMESTAMPING_NEW", NUMBER},
    SOCKET(SO_RXQ_OVFL),
    SOCKET(SO_WIFI_STATUS),
    SOCKET(SO_PEEK_OFF),
    SOCKET(SO_NOFCS),
    SOCKET(SO_SELECT_ERR_QUEUE),
    SOCKET(SO_BUSY_POLL),
    {SOL_SOCKET, 47, "SO_MAX_PACING_RATE", NUMBER},
    {SOL_SOCKET, 60, "SO_ZEROCOPY", NUMBER},
    {SOL_SOCKET, 69, "SO_PREFER_BUSY_POLL", NUMBER},
    {SOL_SOCKET, 73, "SO_RESERVE_MEM", NUMBER},
    {SOL_SOCKET, 75, "SO_RCVMARK", NUMBER},
    {SOL_SOCKET, 82, "SO_RCVPRIORITY", NUMBER},
    SOCKET(SO_MARK),
    IP(IP_TOS),
    IP(IP_TTL),
    IP(IP_RECVOPTS),
    IP(IP_RETOPTS),
    IP(IP_PKTINFO),
    IP(IP_MTU_DISCOVER),
    IP(IP_RECVERR),
    IP(IP_RECVTTL),
    IP(IP_RECVTOS),
    IP(IP_FREEBIND),
    IP(IP_PASSSEC),
    IP(IP_TRANSPARENT),
    {IPPROTO_IP, 20, "IP_RECVORIGDSTADDR", NUMBER},
    IP(IP_MINTTL),
    {IPPROTO_IP, 23, "IP_CHECKSUM", NUMBER},
    {IPPROTO_IP, 24, "IP_BIND_ADDRESS_NO_PORT", NUMBER},
    {IPPROTO_IP, 25, "IP_RECVFRAGSIZE", NUMBER},
    {IPPROTO_IP, 26, "IP_RECVERR_RFC4884", NUMBER},
    IP(IP_MULTICAST_TTL),
    IP(IP_MULTICAST_LOOP),
    {IPPROTO_IP, 49, "IP_MULTICAST_ALL", NUMBER},
    {IPPROTO_IP, 51, "IP_LOCAL_PORT_RANGE", NUMBER},
    {IPPROTO_IP, 50, "IP_UNICAST_IF", INTERFACE_NETWORK},
    {IPPROTO_IP, IP_MULTICAST_IF, "IP_MULTICAST_IF", INTERFACE_ADDRESS},
    IPV6(IPV6_V6ONLY),
    IPV6(IPV6_UNICAST_HOPS),
    IPV6(IPV6_MULTICAST_HOPS),
    IPV6(IPV6_MULTICAST_LOOP),
    {IPPROTO_IPV6, 11, "IPV6_FLOWINFO", NUMBER},
    {IPPROTO_IPV6, 29, "IPV6_MULTICAST_ALL", NUMBER},
    IPV6(IPV6_MTU_DISCOVER),
    IPV6(IPV6_RECVERR),
    {IPPROTO_IPV6, 30, "IPV6_ROUTER_ALERT_ISOLATE", NUMBER},
    {IPPROTO_IPV6, 31, "IPV6_RECVERR_RFC4884", NUMBER},
    {IPPROTO_IPV6, 33, "IPV6_FLOWINFO_SEND", NUMBER},
    IPV6(IPV6_RECVPKTINFO),
    IPV6(IPV6_2292PKTINFO),
    IPV6(IPV6_RECVHOPLIMIT),
    IPV6(IPV6_2292HOPLIMIT),
    IPV6(IPV6_RECVHOPOPTS),
    IPV6(IPV6_2292HOPOPTS),
    IPV6(IPV6_RECVRTHDR),
    IPV6(IPV6_2292RTHDR),
    IPV6(IPV6_RECVDSTOPTS),
    IPV6(IPV6_2292DSTOPTS),
    IPV6(IPV6_RECVPATHMTU),
    IPV6(IPV6_DONTFRAG),
    IPV6(IPV6_RECVTCLASS),
    IPV6(IPV6_TCLASS),
    {IPPROTO_IPV6, 70, "IPV6_AUTOFLOWLABEL", NUMBER},
    {IPPROTO_IPV6, 72, "IPV6_ADDR_PREFERENCES", NUMBER},
    {IPPROTO_IPV6, 73, "IPV6_MINHOPCOUNT", NUMBER},
    {IPPROTO_IPV6, 74, "IPV6_RECVORIGDSTADDR", NUMBER},
    {IPPROTO_IPV6, 75, "IPV6_TRANSPARENT", NUMBER},
    {IPPROTO_IPV6, 77, "IPV6_RECVFRAGSIZE", NUMBER},
    {IPPROTO_IPV6, 78, "IPV6_FREEBIND", NUMBER},
    {IPPROTO_IPV6, 76, "IPV6_UNICAST_IF", INTERFACE_NETWORK},
    {IPPROTO_IPV6, IPV6_MULTICAST_IF, "IPV6_MULTICAST_IF", INTERFACE},
    {IPPROTO_UDP, 101, "UDP_NO_CHECK6_TX", NUMBER},
    {IPPROTO_UDP, 102, "UDP_NO_CHECK6_RX", NUMBER},
    {IPPROTO_UDP, 103, "UDP_SEGMENT", NUMBER},
    {IPPROTO_UDP, 104, "UDP_GRO", NUMBER},
    SOCKET(SO_PRIORITY),
#undef SOCKET
#undef IP
#undef IPV6
};
#define KNOWN (sizeof known / sizeof known[0])
_Static_assert(KNOWN <= CKPT_SOCKET_OPTIONS_MAX, "all of them can be saved");

/* As struct ifreq, whose header cannot be included together with that of the kernel. */
struct interface_request {
    char name[CKPT_INTERFACE_NAME];
    union {
        int32_t index;
        struct sockaddr_in address;
        uint8_t reserved[24];
    } value;
};

static struct interface_request addresses[128]; /* too large for the stack of a thread */

void ckpt_socket_interface_name(int fd, uint32_t index, char name[CKPT_INTERFACE_NAME])
{
    struct interface_request request = {.value.index = (int32_t)index};

    __builtin_memset(name, 0, CKPT_INTERFACE_NAME);
    if (!index)
        return;
    if (ckpt_syscall(SYS_ioctl, fd, SIOCGIFNAME, &request, 0, 0, 0) == 0)
        __builtin_memcpy(name, request.name, CKPT_INTERFACE_NAME);
    else
        ckpt_raw_format(name, CKPT_INTERFACE_NAME, "if%u", index);
}

uint32_t ckpt_socket_interface_index(int fd, const char name[CKPT_INTERFACE_NAME],
                                     struct ckpt_error *error)
{
    struct interface_request request = {0};
    long failed;

    __builtin_memcpy(request.name, name, CKPT_INTERFACE_NAME);
    failed = ckpt_syscall(SYS_ioctl, fd, SIOCGIFINDEX, &request, 0, 0, 0);
    if (failed == 0)
        return (uint32_t)request.value.index;
    ckpt_error_set(error, (int)-failed,
                   "there is no network interface '%s' here; make one of this name, or close the "
                   "socket by a policy file",
                   name);
    return 0;
}

/* The IPv4 addresses of this machine with the names of their interfaces. Returns their number. */
static size_t list_addresses(int fd)
{
    struct {
        int32_t size;
        void *list;
    } request = {.size = sizeof addresses, .list = addresses};

    return ckpt_syscall(SYS_ioctl, fd, SIOCGIFCONF, &request, 0, 0, 0) == 0
               ? (size_t)request.size / sizeof addresses[0]
               : 0;
}

/* A second address may have a name of its own, such as "eth0:1". */
static void cut_label(char name[CKPT_INTERFACE_NAME])
{
    size_t length = 0;

    while (length < CKPT_INTERFACE_NAME - 1 && name[length] && name[length] != ':')
        length++;
    __builtin_memset(name + length, 0, CKPT_INTERFACE_NAME - length);
}

/* The name of the interface with this address; empty if there is none. */
static void name_of_address(int fd, uint32_t address, char name[CKPT_INTERFACE_NAME])
{
    size_t count = list_addresses(fd);

    __builtin_memset(name, 0, CKPT_INTERFACE_NAME);
    for (size_t i = 0; i < count; i++)
        if (addresses[i].value.address.sin_addr.s_addr == address) {
            __builtin_memcpy(name, addresses[i].name, CKPT_INTERFACE_NAME);
            cut_label(name);
            return;
        }
}

/* The first address of an interface; 0: it has none. */
static uint32_t address_of_name(int fd, const char name[CKPT_INTERFACE_NAME])
{
    size_t count = list_addresses(fd);

    for (size_t i = 0; i < count; i++)
        if (ckpt_raw_equal(addresses[i].name, name))
            return addresses[i].value.address.sin_addr.s_addr;
    return 0;
}

const char *ckpt_socket_options_unsaved(int fd)
{
    static const struct {
        int level, name;
        const char *text;
        bool size_counts; /**< it is set if it has a size, not if it has another value than 0 */
    } unsaved[] = {
        {SOL_SOCKET, SO_GET_FILTER, "a packet filter", true},
        {SOL_SOCKET, 61, "SO_TXTIME", false},
        {IPPROTO_IP, IP_OPTIONS, "IP options", true},
        {IPPROTO_IPV6, IPV6_HOPOPTS, "IPv6 extension headers", true},
        {IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, "IPv6 extension headers", true},
        {IPPROTO_IPV6, IPV6_RTHDR, "IPv6 extension headers", true},
        {IPPROTO_IPV6, IPV6_DSTOPTS, "IPv6 extension headers", true},
        {IPPROTO_UDP, 1, "UDP_CORK", false},
        {IPPROTO_UDP, 100, "UDP_ENCAP", false},
    };

    for (size_t i = 0; i < sizeof unsaved / sizeof unsaved[0]; i++) {
        uint32_t value[64] = {0};
        socklen_t size = unsaved[i].name == SO_GET_FILTER ? 0 : sizeof value;
        long failed =
            ckpt_syscall(SYS_getsockopt, fd, unsaved[i].level, unsaved[i].name, value, &size, 0);

        if ((failed == 0 && (unsaved[i].size_counts ? size > 0 : value[0] || value[1])) ||
            failed == -EACCES /* a filter in the language of eBPF */)
            return unsaved[i].text;
    }
    return NULL;
}

static bool get(int fd, const struct known *option, int32_t *ret_value)
{
    socklen_t size = sizeof *ret_value;

    *ret_value = 0;
    return fd >= 0 &&
           ckpt_syscall(SYS_getsockopt, fd, option->level, option->name, ret_value, &size, 0) == 0;
}

static uint32_t interface_index(const struct known *option, int32_t value)
{
    return option->meaning == INTERFACE_NETWORK ? __builtin_bswap32((uint32_t)value)
                                                : (uint32_t)value;
}

size_t ckpt_socket_options_save(int fd, int like,
                                struct ckpt_socket_option to[CKPT_SOCKET_OPTIONS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < KNOWN; i++) {
        int32_t value, usual;

        if (!get(fd, &known[i], &value) || (get(like, &known[i], &usual) && usual == value))
            continue;
        to[count] = (struct ckpt_socket_option){
            .level = (uint16_t)known[i].level, .name = (uint16_t)known[i].name, .value = value};
        if (known[i].meaning == INTERFACE_ADDRESS)
            name_of_address(fd, (uint32_t)value, to[count].interface);
        else if (known[i].meaning != NUMBER)
            ckpt_socket_interface_name(fd, interface_index(&known[i], value), to[count].interface);
        count++;
    }
    return count;
}

void ckpt_socket_limits_save(int fd, struct ckpt_socket_limits *ret_limits)
{
    socklen_t size = sizeof ret_limits->receive_timeout;
    struct ckpt_error error;

    *ret_limits = (struct ckpt_socket_limits){0};
    ckpt_socket_buffers_read(fd, &ret_limits->send_buffer, &ret_limits->receive_buffer, &error);
    ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, ret_limits->receive_timeout, &size,
                 0);
    size = sizeof ret_limits->send_timeout;
    ckpt_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, ret_limits->send_timeout, &size, 0);
}

static const struct known *find(const struct ckpt_socket_option *option)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].level == option->level && known[i].name == option->name)
            return &known[i];
    return NULL;
}

bool ckpt_socket_options_valid(const struct ckpt_socket_option *options, size_t count)
{
    if (count > CKPT_SOCKET_OPTIONS_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!find(&options[i]) || options[i].interface[CKPT_INTERFACE_NAME - 1])
            return false;
    return true;
}

static long set(int fd, const struct known *option, int32_t value)
{
    int32_t now;

    if (get(fd, option, &now) && now == value)
        return 0;
    return ckpt_syscall(SYS_setsockopt, fd, option->level, option->name, &value, sizeof value, 0);
}

/* Set one option. An interface has the address that it has here, if the old one is gone. */
static int set_option(int fd, const struct ckpt_socket_option *saved, struct ckpt_error *error)
{
    const struct known *option = find(saved);
    int32_t value = saved->value;
    long failed;

    if (option->meaning == INTERFACE || option->meaning == INTERFACE_NETWORK) {
        uint32_t index =
            saved->interface[0] ? ckpt_socket_interface_index(fd, saved->interface, error) : 0;

        if (!index && saved->interface[0])
            return -1;
        value = (int32_t)interface_index(option, (int32_t)index);
    }
    failed = set(fd, option, value);
    if (failed == -EADDRNOTAVAIL && option->meaning == INTERFACE_ADDRESS && saved->interface[0]) {
        if (!ckpt_socket_interface_index(fd, saved->interface, error))
            return -1;
        failed = set(fd, option, (int32_t)address_of_name(fd, saved->interface));
    }
    return failed < 0 ? ckpt_error_set(error, (int)-failed,
                                       "cannot set a socket's option %s to %d again%s",
                                       option->text, value,
                                       failed == -EPERM ? "; restore with the privileges that the "
                                                          "JVM had when it was set, or close the "
                                                          "socket by a policy file"
                                                        : "")
                      : 0;
}

int ckpt_socket_options_set(int fd, const struct ckpt_socket_option *options, size_t count,
                            struct ckpt_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (set_option(fd, &options[i], error) < 0)
            return -1;
    return 0;
}

static void set_timeout(int fd, int name, const int64_t timeout[2])
{
    if (timeout[0] || timeout[1])
        ckpt_syscall(SYS_setsockopt, fd, SOL_SOCKET, name, timeout, 2 * sizeof *timeout, 0);
}

void ckpt_socket_limits_set(int fd, const struct ckpt_socket_limits *limits)
{
    ckpt_socket_buffers_set(fd, limits->send_buffer, limits->receive_buffer);
    set_timeout(fd, SO_RCVTIMEO, limits->receive_timeout);
    set_timeout(fd, SO_SNDTIMEO, limits->send_timeout);
}
