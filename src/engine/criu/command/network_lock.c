/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See network_lock.h. criu's lock with nftables is a table; that with iptables is two rules for
 * each connection, which only the iptables programs know how to remove. Other processes may be
 * frozen by another criu in the same network namespace, whose lock must stay.
 */
#include "engine/criu/command/network_lock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/criu/command/nftables.h"
#include "engine/criu/command/rpc.pb-c.h"

#define TEXT_OF_VALUE(value) TEXT_OF(value)
#define TEXT_OF(word) #word

/* ---- for callers ---- */

static bool in_folders(const char *program)
{
    static const char *const folders[] = {"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"};
    char path[64];

    for (size_t i = 0; i < CKPT_COUNT(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], program);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

int ckpt_criu_network_lock_choose(const struct ckpt_criu *criu, bool tcp_established,
                                  struct ckpt_error *error)
{
    ckpt_auto_close int fd = -1;
    char text[1024];

    if (!tcp_established)
        return criu->version >= 31800 ? CKPT_RPC__NETWORK_LOCK__LOCK_NONE : 0;
    fd = ckpt_criu_nftables_open(-1);
    if (ckpt_criu_nftables_list(fd, text, sizeof text) == 0)
        return CKPT_RPC__NETWORK_LOCK__LOCK_NFTABLES;
    if (in_folders("iptables-restore"))
        return CKPT_RPC__NETWORK_LOCK__LOCK_IPTABLES;
    return ckpt_error_set(error, 0,
                          "established connections cannot be kept, because nothing can hold back "
                          "their packets; load the kernel module nf_tables or install iptables, "
                          "give CAP_NET_ADMIN, or close the connections before the checkpoint");
}

void ckpt_criu_network_lock_tables(int netns, char *text, size_t size)
{
    ckpt_auto_close int fd = ckpt_criu_nftables_open(netns);

    ckpt_criu_nftables_list(fd, text, size);
}

static bool is_listed(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = names; (at = strstr(at, name)); at += length)
        if ((at == names || at[-1] == ' ') && at[length] == ' ')
            return true;
    return false;
}

void ckpt_criu_network_lock_remove_tables(int netns, const char *keep, bool all)
{
    static const char no_key[] = "no connection has this key";
    ckpt_auto_close int fd = ckpt_criu_nftables_open(netns);
    char text[4096], *save;

    if (ckpt_criu_nftables_list(fd, text, sizeof text) < 0)
        return;
    for (char *name = strtok_r(text, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        if (is_listed(keep, name))
            continue;
        if (all || (!ckpt_criu_nftables_lock_of(fd, name, false, no_key, sizeof no_key) &&
                    !ckpt_criu_nftables_lock_of(fd, name, true, no_key, sizeof no_key)))
            ckpt_criu_nftables_delete(fd, name);
    }
}

/* Run a program of iptables in the network namespace, with nothing of this process. */
static void run_iptables(int netns, const char *const arguments[])
{
    pid_t child = fork();

    if (child == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if ((!ckpt_criu_nftables_is_here(netns) && setns(netns, CLONE_NEWNET) < 0) ||
            dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            _exit(127);
        setenv("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", 1);
        execvp(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* The address of an end, without an IPv6 address around one of IPv4. */
static const uint8_t *address_of(const struct sockaddr_storage *end, bool mapped)
{
    return end->ss_family == AF_INET
               ? (const void *)&((const struct sockaddr_in *)end)->sin_addr
               : ((const struct sockaddr_in6 *)end)->sin6_addr.s6_addr + (mapped ? 12 : 0);
}

void ckpt_criu_ends_from(const struct sockaddr_storage ends[2], struct ckpt_criu_ends *ret_ends)
{
    *ret_ends = (struct ckpt_criu_ends){.is_six = false};
    for (int i = 0; i < 2; i++) {
        const struct sockaddr_in6 *six = (const void *)&ends[i];
        bool mapped = ends[i].ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);

        ret_ends->is_six = ends[i].ss_family == AF_INET6 && !mapped;
        ret_ends->port[i] = six->sin6_port; /* at the same place as that of IPv4 */
        memcpy(ret_ends->address[i], address_of(&ends[i], mapped), ret_ends->is_six ? 16 : 4);
    }
}

static int read_ends(int socket, struct ckpt_criu_ends *ret_ends)
{
    struct sockaddr_storage ends[2] = {0};

    for (int i = 0; i < 2; i++) {
        socklen_t size = sizeof ends[i];

        if ((i ? getpeername : getsockname)(socket, (void *)&ends[i], &size) < 0 ||
            (ends[i].ss_family != AF_INET && ends[i].ss_family != AF_INET6))
            return -1;
    }
    ckpt_criu_ends_from(ends, ret_ends);
    return 0;
}

size_t ckpt_criu_ends_key(const struct ckpt_criu_ends *ends, uint8_t key[40])
{
    size_t length = ends->is_six ? 16 : 4, at = 0;

    memset(key, 0, 40);
    for (int i = 0; i < 2; i++) {
        memcpy(key + at, ends->address[i], length);
        memcpy(key + at + length, &ends->port[i], sizeof ends->port[i]);
        at += length + 4;
    }
    return at;
}

static void remove_tables_of(int netns, const struct ckpt_criu_ends *ends)
{
    ckpt_auto_close int fd = ckpt_criu_nftables_open(netns);
    char text[4096], *save;
    uint8_t key[40];
    size_t size = ckpt_criu_ends_key(ends, key);

    if (ckpt_criu_nftables_list(fd, text, sizeof text) < 0)
        return;
    for (char *name = strtok_r(text, " ", &save); name; name = strtok_r(NULL, " ", &save))
        if (ckpt_criu_nftables_lock_of(fd, name, ends->is_six, key, size) == CKPT_CRIU_LOCK_OURS)
            ckpt_criu_nftables_delete(fd, name);
}

static void remove_rules_of(int netns, const struct ckpt_criu_ends *ends)
{
    char address[2][INET6_ADDRSTRLEN], port[2][8];

    for (int i = 0; i < 2; i++) {
        inet_ntop(ends->is_six ? AF_INET6 : AF_INET, ends->address[i], address[i],
                  sizeof address[i]);
        snprintf(port[i], sizeof port[i], "%u", ntohs(ends->port[i]));
    }
    for (int i = 0; i < 2; i++) { /* what arrives, then what leaves */
        const char *const arguments[] = {ends->is_six ? "ip6tables" : "iptables",
                                         "-w",
                                         "-t",
                                         "filter",
                                         "-D",
                                         i ? "OUTPUT" : "INPUT",
                                         "--protocol",
                                         "tcp",
                                         "-m",
                                         "mark",
                                         "!",
                                         "--mark",
                                         TEXT_OF_VALUE(CKPT_CRIU_MARK),
                                         "--source",
                                         address[!i],
                                         "--sport",
                                         port[!i],
                                         "--destination",
                                         address[i],
                                         "--dport",
                                         port[i],
                                         "-j",
                                         "DROP",
                                         NULL};

        run_iptables(netns, arguments);
    }
}

void ckpt_criu_network_lock_remove(int netns, int socket)
{
    struct ckpt_criu_ends ends;

    if (read_ends(socket, &ends) < 0)
        return; /* not connected, so not locked */
    remove_tables_of(netns, &ends);
    if (in_folders("iptables"))
        remove_rules_of(netns, &ends);
}
