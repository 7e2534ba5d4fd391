// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Policy files: each key, each kind of pattern, which rule applies, and for each wrong line its
// number and what was expected.

#include <stdlib.h>

#include "base/cleanup.h"
#include "engine/ip_address.h"
#include "engine/policy_file.h"
#include "tap.h"

static struct ckpt_policies policies;
static struct ckpt_error error;

static int parse(const char *text)
{
    error.text[0] = '\0';
    return ckpt_policies_parse(&policies, "F", text, strlen(text), &error);
}

// The line of the rule that applies to it, 0 if none does.
static unsigned line_for(const struct ckpt_policy_subject *subject)
{
    const struct ckpt_policy_rule *rule = ckpt_policies_find(&policies, subject);

    return rule ? rule->line : 0;
}

static unsigned file_line(const char *path)
{
    return line_for(
        &(struct ckpt_policy_subject){.type = CKPT_POLICY_FILE, .number = 9, .text = path});
}

static void wrong(const char *text, const char *message, const char *what)
{
    bool refused = parse(text) == -1 && strcmp(error.text, message) == 0;
    char name[128];

    snprintf(name, sizeof name, "wrong file: %s is refused with its line", what);
    TAP_OK(refused && policies.count == 0, name);
    if (!refused)
        tap_note("the message is: %s", error.text);
}

static void test_form(void)
{
    TAP_OK(parse("") == 0 && policies.count == 0, "form: an empty file has no rule");
    TAP_OK(parse("---\n# only this\n\n---\n") == 0 && policies.count == 0,
           "form: a file of separators and comments has no rule");
    TAP_INT(parse("\xef\xbb\xbf# one\r\n\r\n  type:  FILE \r\n action:\tClose\r\n path: '/a b' \n"
                  "---\ntype: Pipe\naction: error\n---\ntype: FileDescriptor\nACTION: ignore"),
            0, "form: byte order mark, CR, blanks, quotes, capitals, no last newline are accepted");
    TAP_OK(policies.count == 3 && policies.rules[0].line == 3 && policies.rules[1].line == 7 &&
               policies.rules[2].line == 10,
           "form: each rule has its line");
    TAP_OK(policies.rules[0].action == CKPT_POLICY_CLOSE &&
               policies.rules[1].action == CKPT_POLICY_ERROR &&
               policies.rules[2].action == CKPT_POLICY_IGNORE && !policies.rules[0].silent,
           "form: each rule has its action");
    TAP_OK(file_line("/a b") == 3 && file_line("/a") == 0, "form: quotes are no part of the path");
    TAP_OK(parse("type: file\naction: reopen\nwarn: FALSE") == 0 && policies.rules[0].silent,
           "form: warn: false makes a rule silent");
}

static void test_order(void)
{
    static const char text[] = "type: socket\naction: close\n---\ntype: file\npath: /a/*.log\n"
                               "action: reopen\n---\ntype: file\npath: /a/**\naction: close\n---\n"
                               "type: filedescriptor\nvalue: 9\naction: error\n";

    TAP_INT(parse(text), 0, "order: four rules are accepted");
    TAP_INT(file_line("/a/b.log"), 4, "order: the first rule of the type that matches applies");
    TAP_INT(file_line("/a/b/c.log"), 8,
            "order: the second rule applies if the first does not match");
    TAP_INT(file_line("/b"), 12,
            "order: a rule by number applies to a descriptor without a rule of its type");
    TAP_OK(line_for(&(struct ckpt_policy_subject){
               .type = CKPT_POLICY_FILE, .number = 8, .text = "/b"}) == 0,
           "order: a rule by number does not apply to another number");
    TAP_OK(ckpt_policies_find(NULL, &(struct ckpt_policy_subject){.type = CKPT_POLICY_FILE}) ==
               NULL,
           "order: without a policy file no rule applies");
}

static void globs(const char *glob, const char *path, bool want)
{
    char text[256], name[256];

    snprintf(text, sizeof text, "type: file\naction: close\npath: %s\n", glob);
    snprintf(name, sizeof name, "glob %s %s %s", glob, want ? "matches" : "does not match", path);
    TAP_OK(parse(text) == 0 && (file_line(path) == 1) == want, name);
}

static void test_globs(void)
{
    globs("/a/b", "/a/b", true);
    globs("/a/b", "/a/b/", false);
    globs("/a/*", "/a/b", true);
    globs("/a/*", "/a/", true);
    globs("/a/*", "/a/b/c", false);
    globs("**/*.log", "/x/y/z.log", true);
    globs("**/*.log", "/z.log", true);
    globs("**/*.log", "z.log", false);
    globs("/a/?.c", "/a/b.c", true);
    globs("/a/?.c", "/a/\xc3\xa4.c", true);
    globs("/a/?.c", "/a/\xf0\x9f\x98\x80.c", true);
    globs("/a/?.c", "/a/bb.c", false);
    globs("/a?b", "/a/b", false);
    globs("/[a-c]", "/b", true);
    globs("/[a-c]", "/d", false);
    globs("/[!a-c]", "/d", true);
    globs("/[!a-c]", "/b", false);
    globs("/[!a-c]x", "/\xc3\xa4x", true);
    globs("/a[!b]c", "/a/c", false);
    globs("/[-x]", "/-", true);
    globs("/[*?\\]", "/\\", true);
    globs("/{a,bc,}/d", "/bc/d", true);
    globs("/{a,bc,}/d", "//d", true);
    globs("/{a,bc}/d", "/b/d", false);
    globs("/{*.a,?.b}", "/xyz.a", true);
    globs("/{*.a,?.b}", "/xyz.b", false);
    globs("/\\*", "/*", true);
    globs("/\\*", "/a", false);
    globs("*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false);
}

static void regexes(const char *regex, const char *link, bool want)
{
    struct ckpt_policy_subject subject = {.type = CKPT_POLICY_DESCRIPTOR, .text = link};
    char text[256], name[256];

    snprintf(text, sizeof text, "type: filedescriptor\naction: close\nregex: %s\n", regex);
    snprintf(name, sizeof name, "regex %s %s '%s'", regex, want ? "matches" : "does not match",
             link);
    TAP_OK(parse(text) == 0 && (line_for(&subject) == 1) == want, name);
}

static void test_regexes(void)
{
    regexes(".*inotify.*", "anon_inode:inotify", true);
    regexes("inotify", "anon_inode:inotify", false);
    regexes("^anon_inode:.+$", "anon_inode:inotify", true);
    regexes("a|bc|", "bc", true);
    regexes("a|bc|", "", true);
    regexes("a|bc", "abc", false);
    regexes("(a|b)*c", "ababc", true);
    regexes("(?:ab){2}c?", "abab", true);
    regexes("(?:ab){2}c?", "ababab", false);
    regexes("a{2,}", "aaaaa", true);
    regexes("a{2,}", "a", false);
    regexes("a{0,2}b", "b", true);
    regexes("a{0,2}b", "aab", true);
    regexes("a{0,2}b", "aaab", false);
    regexes("a{1,3}", "aaa", true);
    regexes("a{1,3}", "aaaa", false);
    regexes("a{0,}b", "aaab", true);
    regexes("x*?y", "xxy", true);
    regexes("\\[\\w+\\]\\s\\d", "[ab_1] 7", true);
    regexes("\\D\\W\\S", "a-\xc3\xa4", true);
    regexes("[^a\\d]", "5", false);
    regexes("[^a\\d]", "b", true);
    regexes("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false);
}

static struct ckpt_policy_end at(const char *address, uint16_t port)
{
    struct ckpt_policy_end end = {.known = true, .port = port};
    char name[80];

    snprintf(name, sizeof name, "address: '%s' is accepted", address);
    TAP_OK(ckpt_ip_parse(address, end.ip), name);
    return end;
}

static void sockets(const char *filters, const struct ckpt_policy_subject *subject, bool want)
{
    char text[256], name[256];

    snprintf(text, sizeof text, "type: socket\naction: close\n%s\n", filters);
    snprintf(name, sizeof name, "socket '%s' %s", filters, want ? "matches" : "does not match");
    for (char *at = name; *at; at++)
        if (*at == '\n')
            *at = ' ';
    if (!TAP_OK(parse(text) == 0 && (line_for(subject) == 1) == want, name))
        tap_note("the message is: %s", error.text);
}

static void test_sockets(void)
{
    struct ckpt_policy_subject tcp = {.type = CKPT_POLICY_SOCKET,
                                      .families = CKPT_POLICY_IPV4,
                                      .protocol = CKPT_POLICY_TCP,
                                      .local = at("127.0.0.1", 80),
                                      .remote = at("192.0.2.7", 4000)},
                               listener = {.type = CKPT_POLICY_SOCKET,
                                           .families = CKPT_POLICY_IP,
                                           .protocol = CKPT_POLICY_TCP,
                                           .listening = true,
                                           .local = at("::", 8080)},
                               local = {.type = CKPT_POLICY_SOCKET,
                                        .families = CKPT_POLICY_UNIX,
                                        .listening = true,
                                        .local.path = "/run/my.sock"};

    sockets("", &tcp, true);
    sockets("localAddress: 127.0.0.1\nlocalPort: 80\nremoteAddress: 192.0.2.7\nremotePort: 4000",
            &tcp, true);
    sockets("localAddress: localhost", &tcp, true);
    sockets("localAddress: ::ffff:127.0.0.1", &tcp, true);
    sockets("localAddress: 127.0.0.2", &tcp, false);
    sockets("localPort: 81", &tcp, false);
    sockets("remotePort: 80", &tcp, false);
    sockets("remoteAddress: *\nremotePort: *", &tcp, true);
    sockets("remoteAddress: *", &listener, false);
    sockets("remotePort: *", &listener, false);
    sockets("localAddress: 0.0.0.0\nlocalPort: 8080", &listener, true);
    sockets("localAddress: [::]", &listener, true);
    sockets("localAddress: ::1", &listener, false);
    sockets("family: inet4", &tcp, true);
    sockets("family: IPv4", &listener, true);
    sockets("family: inet6", &tcp, false);
    sockets("family: ipv6", &listener, true);
    sockets("family: ip", &tcp, true);
    sockets("family: inet", &local, false);
    sockets("family: unix", &local, true);
    sockets("protocol: tcp", &tcp, true);
    sockets("protocol: TCP", &listener, true);
    sockets("protocol: udp", &tcp, false);
    sockets("protocol: tcp", &local, false);
    sockets("family: unix", &tcp, false);
    sockets("listening: true", &listener, true);
    sockets("listening: true", &tcp, false);
    sockets("listening: false", &tcp, true);
    sockets("localPath: /run/*.sock", &local, true);
    sockets("localPath: /var/*.sock", &local, false);
    sockets("remotePath: **", &local, false);
    sockets("localPath: **", &tcp, false);
    sockets("localAddress: *", &local, false);
}

static void test_addresses(void)
{
    static const char *const bad[] = {"",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "256.1.1.1",
                                      "1.2.3.4x",
                                      ":",
                                      ":::",
                                      "1::2::",
                                      "12345::",
                                      "::1%lo",
                                      "[::1",
                                      "::1]",
                                      "host",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1:2:3:4:5:6:7:8:",
                                      "1:2:3:4:5:6:7:1.2.3.4"};
    uint8_t left[16], right[16];

    TAP_OK(ckpt_ip_parse("2001:DB8::a:1.2.3.4", left) &&
               ckpt_ip_parse("2001:db8:0:0:0:a:102:304", right) && !memcmp(left, right, 16),
           "address: two ways to write one are equal");
    TAP_OK(ckpt_ip_parse("1:2:3:4:5:6:7::", left) && left[13] == 7 && left[15] == 0,
           "address: '::' at the end is accepted");
    for (size_t i = 0; i < CKPT_COUNT(bad); i++) {
        char name[80];

        snprintf(name, sizeof name, "address: '%s' is refused", bad[i]);
        TAP_OK(!ckpt_ip_parse(bad[i], left), name);
    }
}

static void test_descriptors(void)
{
    struct ckpt_policy_subject inotify = {.type = CKPT_POLICY_DESCRIPTOR, .number = 7, .text = "x"},
                               selector = {.type = CKPT_POLICY_DESCRIPTOR,
                                           .number = 8,
                                           .text = "x",
                                           .by_number = true};

    TAP_INT(parse("type: filedescriptor\naction: close"), 0,
            "descriptor: a rule without a number is accepted");
    TAP_INT(line_for(&inotify), 1,
            "descriptor: a rule without a number applies to a kind without a type");
    TAP_INT(line_for(&selector), 0,
            "descriptor: a rule without a number does not apply to a known kind");
    TAP_INT(parse("type: filedescriptor\nvalue: 8\naction: close"), 0,
            "descriptor: a rule with a number is accepted");
    TAP_INT(line_for(&selector), 1, "descriptor: a rule with a number applies to a known kind");
    TAP_INT(line_for(&inotify), 0,
            "descriptor: a rule with a number does not apply to another number");
}

#define RULE "type: file\naction: close\n"
static void test_wrong(void)
{
    wrong(RULE "---\nfoo\n", "F:4: 'foo'; expected 'key: value', '---' or '# comment'",
          "a line without a key");
    wrong("path:/a\n", "F:1: 'path:/a'; expected 'key: value', '---' or '# comment'",
          "a key without a blank after it");
    wrong(RULE "colour: red\n",
          "F:3: no rule has a 'colour'; expected type, action, warn, path, family, protocol, "
          "localAddress, localPort, remoteAddress, remotePort, localPath, remotePath, listening, "
          "value or regex",
          "an unknown key");
    wrong("# x\n\ntype: files\n",
          "F:3: type 'files'; expected file, pipe, socket or filedescriptor", "an unknown type");
    wrong("type: file\naction: open\n",
          "F:2: action 'open'; expected error, ignore, close or reopen", "an unknown action");
    wrong("---\n\npath: /a\naction: close\n---\n",
          "F:3: the rule that begins here has no 'type'; expected 'type: file', pipe, socket or "
          "filedescriptor",
          "a rule without a type");
    wrong("type: file\n",
          "F:1: the rule that begins here has no 'action'; expected 'action: error', ignore, close "
          "or reopen",
          "a rule without an action");
    wrong("path: /x\ntype: pipe\naction: close\n",
          "F:1: a rule of this type has no 'path'; expected type, action or warn",
          "a path in a rule for pipes");
    wrong(
        "type: filedescriptor\naction: close\nlocalPort: 1\n",
        "F:3: a rule of this type has no 'localPort'; expected type, action, warn, value or regex",
        "a port in a rule for descriptors");
    wrong(RULE "path: /a\npath: /b\n",
          "F:4: 'path' is in line 3 already; expected it once in a rule, and '---' between "
          "rules",
          "a key twice");
    wrong(RULE "path:\n", "F:3: no value for 'path'; expected one after the colon",
          "a key without a value");
    wrong("type: pipe\nwarn: false\naction: reopen\n",
          "F:3: a pipe has no path and cannot be reopened: action 'reopen'; expected error, ignore "
          "or "
          "close",
          "action reopen for pipes");
    wrong("type: filedescriptor\naction: reopen\n",
          "F:2: a descriptor without a path cannot be reopened: action 'reopen'; expected "
          "error, ignore or close",
          "action reopen for descriptors");
    wrong(RULE "warn: no\n", "F:3: warn 'no'; expected true or false", "a wrong value of warn");
    wrong("type: socket\nlistening: 1\n", "F:2: listening '1'; expected true or false",
          "a wrong value of listening");
    wrong("type: socket\nprotocol: sctp\n", "F:2: protocol 'sctp'; expected tcp or udp",
          "an unknown protocol");
    wrong("type: socket\nfamily: ipx\n",
          "F:2: family 'ipx'; expected ipv4, ipv6, ip (or inet4, inet6, inet) or unix",
          "an unknown family");
    wrong("type: socket\nlocalPort: 65536\n",
          "F:2: port '65536'; expected a number from 0 to 65535 or *", "a port too large");
    wrong("type: socket\nremotePort: -1\n",
          "F:2: port '-1'; expected a number from 0 to 65535 or *", "a port below zero");
    wrong("type: socket\nremoteAddress: db.example\n",
          "F:2: address 'db.example'; expected an IPv4 or IPv6 address, localhost or * (names are "
          "not looked up)",
          "a host name as address");
    wrong(RULE "path: /a\033[31m\n", "F:3: a control character after 'path: /a'; expected text",
          "a control character");
    parse(RULE "warn: 0123456789012345678901234567890123456789012345678901234567890123456789"
               "0123456789");
    TAP_OK(strstr(error.text, "012345...'; expected true or false"),
           "wrong file: a long word is cut in the message");
    wrong("value: 3x\n", "F:1: value '3x'; expected the number of a descriptor",
          "a wrong descriptor number");
    wrong(RULE "path: /a[b\n",
          "F:3: '/a[b': a '[' without its ']'; expected a path with *, **, ?, [...] and {..,..}",
          "a set that does not end");
    wrong(RULE "path: /{a\n",
          "F:3: '/{a': a '{' without its '}'; expected a path with *, **, ?, [...] and {..,..}",
          "a group that does not end");
    wrong("regex: a(b\n",
          "F:1: 'a(b': a '(' without its ')'; expected a regular expression of ., [...], (..|..), "
          "*, +, ?, {N,M} and \\d, \\w, \\s",
          "a regular expression that does not end");
}

static void wrong_regex(const char *regex, const char *part)
{
    char text[256], name[256];

    snprintf(text, sizeof text, "type: filedescriptor\naction: close\nregex: %s\n", regex);
    snprintf(name, sizeof name, "wrong regex: %s is refused: %s", regex, part);
    if (!TAP_OK(parse(text) == -1 && strstr(error.text, "F:3: ") && strstr(error.text, part), name))
        tap_note("the message is: %s", error.text);
}

static void test_limits(void)
{
    ckpt_auto_free char *large = malloc(CKPT_POLICY_TEXT + 100);
    char zero[] = "type: file\naction: cl\0se\n";

    wrong_regex("*a", "nothing before");
    wrong_regex("a**", "two of");
    wrong_regex("(?=a)", "other than '(?:'");
    wrong_regex("a\\b", "after a backslash");
    wrong_regex("a^b", "in the middle");
    wrong_regex("a)", "without its '('");
    wrong_regex("[b-a]", "ends before it begins");
    wrong_regex("a{3,2}", "without a count");
    wrong_regex("(((a{100}){100}){100})", "too long");
    wrong_regex("((((((((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))))))))",
                "too deep");
    TAP_OK(ckpt_policies_parse(&policies, "F", zero, sizeof zero - 1, &error) == -1 &&
               strstr(error.text, "F:2: a control character after 'action: cl'"),
           "wrong file: a zero byte is refused with its line");
    memset(large, '#', CKPT_POLICY_TEXT + 99);
    TAP_OK(ckpt_policies_parse(&policies, "F", large, CKPT_POLICY_TEXT, &error) == -1 &&
               strstr(error.text, "more than 65535 bytes"),
           "wrong file: a file that is too large is refused");
    large[0] = '\0';
    for (int i = 0; i <= CKPT_POLICY_RULES; i++)
        strcat(large, RULE "---\n");
    TAP_OK(parse(large) == -1 && strstr(error.text, "F:769: expected at most 256 rules"),
           "wrong file: more than 256 rules are refused");
    TAP_OK(ckpt_policies_read(&policies, "/nowhere/policies", true, &error) == -1 &&
               strstr(error.text, "cannot read the policy file '/nowhere/policies': "),
           "wrong file: a missing file is refused");
    TAP_OK(ckpt_policies_read(&policies, "/dev/null", true, &error) == -1 &&
               strstr(error.text, "is not a regular file"),
           "wrong file: a device is refused");
    TAP_OK(ckpt_policies_read(&policies, "/proc/self/status", true, &error) == -1 &&
               strstr(error.text, "/proc/self/status:1: no rule has a 'Name'"),
           "wrong file: an error quotes it");
    TAP_OK(ckpt_policies_read(&policies, "/proc/self/status", false, &error) == -1 &&
               strstr(error.text, "/proc/self/status:1: no rule has a '...'"),
           "wrong file: an error that others read does not quote it");
}

int main(void)
{
    test_form();
    test_order();
    test_globs();
    test_regexes();
    test_sockets();
    test_addresses();
    test_descriptors();
    test_wrong();
    test_limits();
    return tap_done();
}
