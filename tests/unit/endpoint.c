// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What the HTTP endpoint parses itself: its address, Host headers, the kernel's table of sockets,
// types and bodies. And which peers it accepts.

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/requests/http/endpoint_address.h"
#include "agent/requests/http/peer.h"
#include "agent/requests/http/request_body.h"
#include "agent/requests/unix_peer.h"
#include "tap.h"

static struct ckpt_endpoint_address addr;
static struct ckpt_error error;

// Replaces the agent's function.
bool ckpt_unix_peer_is_allowed(int fd)
{
    return fd < 0;
}

static void good(const char *text, enum ckpt_endpoint_kind kind, const char *where, int port)
{
    char name[600];

    snprintf(name, sizeof name, "addr=%s is accepted", text);
    TAP_OK(ckpt_endpoint_address_parse(text, &addr, &error) == 0 && addr.kind == kind, name);
    snprintf(name, sizeof name, "addr=%s has the host or path '%s'", text, where);
    TAP_STR(kind == CKPT_ENDPOINT_UNIX ? addr.path : addr.host, where, name);
    snprintf(name, sizeof name, "addr=%s has the port %d", text, port);
    TAP_INT(addr.port, port, name);
}

static void bad(const char *text, const char *part)
{
    char name[256];

    snprintf(name, sizeof name, "addr=%.60s is refused: %s", text, part);
    error.text[0] = '\0';
    TAP_OK(ckpt_endpoint_address_parse(text, &addr, &error) == -1 && strstr(error.text, part),
           name);
}

static void test_addr(void)
{
    char cwd[256], path[512], longest[400] = "unix:/";

    good("localhost", CKPT_ENDPOINT_TCP, "localhost", 10095);
    good("localhost:1", CKPT_ENDPOINT_TCP, "localhost", 1);
    good("10.0.0.1:65535", CKPT_ENDPOINT_TCP, "10.0.0.1", 65535);
    good("[::1]", CKPT_ENDPOINT_TCP, "::1", 10095);
    good("[fe80::1]:80", CKPT_ENDPOINT_TCP, "fe80::1", 80);
    good("none", CKPT_ENDPOINT_NONE, "", 0);
    good("unix:/run/x", CKPT_ENDPOINT_UNIX, "/run/x", 0);
    if (getcwd(cwd, sizeof cwd) && strlen(cwd) < 90) {
        snprintf(path, sizeof path, "%s/x", cwd);
        good("unix:x", CKPT_ENDPOINT_UNIX, path, 0);
    }
    bad("", "expected HOST");
    bad(":80", "expected HOST");
    bad("a b", "expected HOST");
    bad("unix:", "expected HOST");
    bad("localhost:", "from 1 to 65535");
    bad("localhost:0", "from 1 to 65535");
    bad("localhost:65536", "from 1 to 65535");
    bad("localhost:-1", "from 1 to 65535");
    bad("localhost:99999999999999999999", "from 1 to 65535");
    bad("[::1]80", "from 1 to 65535");
    bad("::1", "in brackets");
    bad("[::1", "closing bracket");
    bad("[localhost]", "no IPv6 address");
    memset(longest + 6, 'x', 103);
    bad(longest, "at most 103 bytes");
    longest[5 + 103] = '\0';
    TAP_INT(ckpt_endpoint_address_parse(longest, &addr, &error), 0,
            "the longest path of a Unix socket is accepted");
}

static void host(const char *option, const char *header, bool ours)
{
    char name[256];

    ckpt_endpoint_address_parse(option, &addr, &error);
    snprintf(name, sizeof name, "addr=%s: Host '%s' is %s", option, header,
             ours ? "accepted" : "refused");
    TAP_OK(ckpt_endpoint_address_matches(&addr, header) == ours, name);
}

static void test_host(void)
{
    host("localhost", "localhost", true);
    host("localhost", "LocalHost:99", true);
    host("localhost", "localhost.", true);
    host("localhost", "127.1.2.3:80", true);
    host("localhost", "[::1]", true);
    host("localhost", "[0:0:0:0:0:0:0:1]:1", true);
    host("localhost", "[::ffff:127.0.0.1]", true);
    host("localhost", "", false);
    host("localhost", "localhost:", false);
    host("localhost", "localhost:http", false);
    host("localhost", "localhost.evil", false);
    host("localhost", "notlocalhost", false);
    host("localhost", "localhost@evil", false);
    host("localhost", "128.0.0.1", false);
    host("localhost", "127.0.0.1.evil", false);
    host("localhost", "::1", false);
    host("svc.example:80", "SVC.example:81", true);
    host("svc.example:80", "example", false);
    host("10.1.1.1:80", "10.1.1.1", true);
    host("10.1.1.1:80", "10.1.1.2", false);
    host("[fd00::1]:80", "[fd00:0::1]", true);
    host("0.0.0.0:80", "10.1.1.2:8080", true);
    host("0.0.0.0:80", "[fd00::2]", true);
    host("[::]:80", "10.1.1.2", true);
    host("0.0.0.0:80", "evil", false);
}

static void test_lines(void)
{
    struct ckpt_peer_socket found;
    struct in6_addr want;

    TAP_OK(!ckpt_peer_socket_parse("  sl  local_address rem_address   st tx_queue rx_queue tr",
                                   &found),
           "socket table: the heading is no socket");
    TAP_OK(ckpt_peer_socket_parse("   0: 0100007F:276F 0200000A:D4C4 01 00000000:00000000 "
                                  "00:00000000 00000000  1000        0 4242 1 f 20 4 30 10 -1",
                                  &found),
           "socket table: an IPv4 socket is read");
    ckpt_endpoint_address_literal("127.0.0.1", &want);
    TAP_OK(memcmp(&want, &found.local.address, sizeof want) == 0,
           "socket table: the local IPv4 address is read");
    ckpt_endpoint_address_literal("10.0.0.2", &want);
    TAP_OK(memcmp(&want, &found.remote.address, sizeof want) == 0,
           "socket table: the remote IPv4 address is read");
    TAP_OK(found.local.port == 10095 && found.remote.port == 0xd4c4,
           "socket table: both ports are read");
    TAP_OK(found.uid == 1000 && found.inode == 4242, "socket table: user and inode are read");
    TAP_OK(ckpt_peer_socket_parse("   1: 00000000000000000000000001000000:276F "
                                  "0000000000000000FFFF00000100007F:D4C4 01 00000000:00000000 "
                                  "02:000AFC80 00000000     0        0 77 2 0 20 4 1 10 -1",
                                  &found),
           "socket table: an IPv6 socket is read");
    ckpt_endpoint_address_literal("::1", &want);
    TAP_OK(memcmp(&want, &found.local.address, sizeof want) == 0,
           "socket table: the local IPv6 address is read");
    ckpt_endpoint_address_literal("127.0.0.1", &want);
    TAP_OK(memcmp(&want, &found.remote.address, sizeof want) == 0,
           "socket table: a remote IPv4-mapped address is read");
    TAP_OK(!ckpt_peer_socket_parse("   0: 0100007F:276F 0200000A:D4C4 01", &found),
           "socket table: half a line is refused");
    TAP_OK(!ckpt_peer_socket_parse("   0: 0100007:276F 0200000A:D4C4 01 00000000:00000000 "
                                   "00:00000000 00000000  1000        0 4242",
                                   &found),
           "socket table: an address that is too short is refused");
}

// Connects over the loopback, from a socket of either family to an IPv4 socket.
static int connect_to_ourselves(const char *to, const char *from, int *ret_client)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

    inet_pton(AF_INET, to, &address.sin_addr);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        TAP_BAIL_OUT("no socket");
    ckpt_endpoint_address_literal(to, &mapped.sin6_addr);
    mapped.sin6_port = address.sin_port;
    *ret_client = socket(*from == '6' ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*from == '6' ? connect(*ret_client, (struct sockaddr *)&mapped, sizeof mapped)
                     : connect(*ret_client, (struct sockaddr *)&address, sizeof address)) {
        close(listener);
        return -1;
    }
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
    return fd;
}

static void test_peer(void)
{
    struct linger at_once = {.l_onoff = 1};
    int client, pair[2], fd = connect_to_ourselves("127.0.0.1", "4", &client);

    TAP_OK(ckpt_peer_is_allowed(fd), "peer: a connection from the same user is accepted");
    setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(client);
    TAP_OK(!ckpt_peer_is_allowed(fd), "peer: a connection whose other end is reset is refused");
    close(fd);
    fd = connect_to_ourselves("127.0.0.1", "4", &client);
    close(client);
    TAP_OK(!ckpt_peer_is_allowed(fd), "peer: a connection whose other end is closed is refused");
    close(fd);
    fd = connect_to_ourselves("127.0.0.1", "6", &client);
    if (fd >= 0)
        TAP_OK(ckpt_peer_is_allowed(fd),
               "peer: an IPv6 socket at the other end, as Java's are, is accepted");
    else
        TAP_CANNOT("peer: an IPv6 socket at the other end, as Java's are, is accepted",
                   "there is no IPv6 here");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
        TAP_OK(!ckpt_peer_is_allowed(pair[0]),
               "peer: a Unix socket's peer is judged by its credentials");
    TAP_OK(!ckpt_peer_is_allowed(-1), "peer: a bad descriptor is refused");
}

static void body(const char *text, int result, const char *part)
{
    struct ckpt_request_body parsed;
    char name[256];

    error.text[0] = '\0';
    snprintf(name, sizeof name, "body %.80s gives '%s'", text, part);
    if (ckpt_request_body_parse(text, strlen(text), &parsed, &error) == 0)
        TAP_OK(result == 0 && strcmp(parsed.directory, part) == 0, name);
    else
        TAP_OK(result == -1 && strstr(error.text, part), name);
}

static void test_body(void)
{
    struct ckpt_request_body parsed;
    char text[2 * PATH_MAX];

    body("", 0, "");
    body("{}", 0, "");
    body("{\"directory\": \"/a b\"}", 0, "/a b");
    body("{\"directory\": \"a\"}", -1, "expected an absolute path");
    body("{\"directory\": 7}", -1, "expected an absolute path");
    body("{\"directory\": \"/a\\u0000b\"}", -1, "not JSON");
    body("{\"gc\": 1}", -1, "expected true or false");
    body("{\"GC\": true}", -1, "is not known; there are");
    body("{\"gc\": true, \"gc\": true}", -1, "not JSON");
    body("[]", -1, "not a JSON object");
    body("{} {}", -1, "not JSON");
    body("{\"directory\": \"/\xff\"}", -1, "not JSON");
    ckpt_request_body_parse("{\"leaveRunning\": true, \"gc\": false}", 35, &parsed, &error);
    TAP_OK(parsed.leave_running && parsed.gc == -1, "body: leaveRunning and gc are read");
    TAP_INT(parsed.rehearsal, 0, "body: without rehearsal the agent's option applies");
    ckpt_request_body_parse("{\"rehearsal\": false}", 20, &parsed, &error);
    TAP_INT(parsed.rehearsal, -1, "body: rehearsal is read");
    ckpt_request_body_parse("{\"connections\": \"close\", \"children\": \"ignore\"}", 46, &parsed,
                            &error);
    TAP_OK(parsed.allowance.connections == CKPT_CONNECTIONS_CLOSE &&
               parsed.allowance.children == CKPT_CHILDREN_IGNORE,
           "body: connections and children are read");
    ckpt_request_body_parse("{\"tmpFiles\": 7}", 15, &parsed, &error);
    TAP_OK(parsed.allowance.limits_tmp_files && parsed.allowance.tmp_files_mib == 7,
           "body: tmpFiles is read");
    TAP_OK(ckpt_request_body_parse("{\"tmpFiles\": \"7\"}", 17, &parsed, &error) < 0,
           "body: tmpFiles must be a number");
    ckpt_request_body_parse("{\"policies\": \"/p\"}", 18, &parsed, &error);
    TAP_STR(parsed.policies, "/p", "body: policies is read");
    memset(text, 'x', sizeof text);
    memcpy(text, "{\"directory\": \"/", 16);
    memcpy(text + 16 + PATH_MAX, "\"}", 3);
    body(text, -1, "too long");
    TAP_OK(ckpt_request_body_type_is_allowed(NULL, false), "type: no type is accepted");
    TAP_OK(ckpt_request_body_type_is_allowed("Application/JSON;charset=utf-8", false),
           "type: application/json with parameters is accepted");
    TAP_OK(!ckpt_request_body_type_is_allowed("application/jsonp", false),
           "type: application/jsonp is refused");
    TAP_OK(!ckpt_request_body_type_is_allowed("text/plain", true), "type: text/plain is refused");
    TAP_OK(ckpt_request_body_type_is_allowed("application/x-www-form-urlencoded", true),
           "type: a form's default type is accepted without a body");
    TAP_OK(!ckpt_request_body_type_is_allowed("application/x-www-form-urlencoded", false),
           "type: a form's default type is refused with a body");
}

int main(void)
{
    test_addr();
    test_host();
    test_lines();
    test_peer();
    test_body();
    return tap_done();
}
