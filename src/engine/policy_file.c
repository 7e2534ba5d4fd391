/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Reads policy files, strictly: an unknown word, a filter that the type does not have, and a filter
 * given twice are errors, because a misunderstood rule would close files that the application uses.
 */
#include "engine/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/ip_address.h"

#define FILES (1u << CKPT_POLICY_FILE)
#define PIPES (1u << CKPT_POLICY_PIPE)
#define SOCKETS (1u << CKPT_POLICY_SOCKET)
#define DESCRIPTORS (1u << CKPT_POLICY_DESCRIPTOR)
#define ALL_TYPES (FILES | PIPES | SOCKETS | DESCRIPTORS)

struct parser {
    struct ckpt_policies *policies;
    struct ckpt_error *error;
    bool quotes; /* errors have text of the file */
    uint32_t line;
    struct ckpt_policy_rule rule;
    uint32_t given[16]; /* for each key, its line in this rule, or 0 */
};

struct key {
    const char *name;
    unsigned types;
    int (*set)(struct parser *parser, const char *value);
};

/* @word, shortened to leave room for the rest of a message. */
static const char *shortened(const struct parser *parser, const char *word, char text[80])
{
    size_t length = ckpt_raw_format(text, 77, "%s", parser->quotes ? word : "...");

    if (length == 76)
        __builtin_memcpy(text + length, "...", 4);
    return text;
}

static int wrong(const struct parser *parser, uint32_t line, const char *before, const char *word,
                 const char *expected)
{
    char text[80];

    return ckpt_error_set(parser->error, 0, "%s:%u: %s'%s'; expected %s", parser->policies->name,
                          line, before, shortened(parser, word, text), expected);
}

/* ---- words and numbers ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool same_word(const char *left, const char *right)
{
    while (*left && lower(*left) == lower(*right))
        left++, right++;
    return lower(*left) == lower(*right);
}

/* The value of a word in a list that ends with NULL, or 0. */
static unsigned one_of(const char *word, const char *const *words, const unsigned *values)
{
    for (size_t i = 0; words[i]; i++)
        if (same_word(words[i], word))
            return values[i];
    return 0;
}

/* A decimal number up to @max, or -1. */
static long whole_number(const char *text, uint64_t max)
{
    const char *at = text;
    uint64_t value = ckpt_raw_number(&at, 10);

    return at == text || *at || at - text > 10 || value > max ? -1 : (long)value;
}

/* ---- the keys ---- */

static int set_type(struct parser *parser, const char *value)
{
    static const char *const words[] = {"file", "pipe", "socket", "filedescriptor", NULL};
    static const unsigned values[] = {CKPT_POLICY_FILE, CKPT_POLICY_PIPE, CKPT_POLICY_SOCKET,
                                      CKPT_POLICY_DESCRIPTOR};

    parser->rule.type = one_of(value, words, values);
    return parser->rule.type ? 0
                             : wrong(parser, parser->line, "type ", value,
                                     "file, pipe, socket or filedescriptor");
}

static int set_action(struct parser *parser, const char *value)
{
    static const char *const words[] = {"error", "ignore", "close", "reopen", NULL};
    static const unsigned values[] = {CKPT_POLICY_ERROR, CKPT_POLICY_IGNORE, CKPT_POLICY_CLOSE,
                                      CKPT_POLICY_REOPEN};

    parser->rule.action = one_of(value, words, values);
    return parser->rule.action
               ? 0
               : wrong(parser, parser->line, "action ", value, "error, ignore, close or reopen");
}

/* 1 for true, 0 for false, -1 for any other word. */
static int parse_boolean(const char *value)
{
    return same_word(value, "true") ? 1 : same_word(value, "false") ? 0 : -1;
}

static int set_warn(struct parser *parser, const char *value)
{
    parser->rule.silent = parse_boolean(value) == 0;
    return parse_boolean(value) < 0 ? wrong(parser, parser->line, "warn ", value, "true or false")
                                    : 0;
}

static int set_listening(struct parser *parser, const char *value)
{
    parser->rule.listening = parse_boolean(value);
    return parse_boolean(value) < 0
               ? wrong(parser, parser->line, "listening ", value, "true or false")
               : 0;
}

static int set_glob(struct parser *parser, const char *value, struct ckpt_pattern *pattern)
{
    const char *why;
    char text[80];

    if (ckpt_pattern_glob(&parser->policies->patterns, value, pattern, &why) < 0)
        return ckpt_error_set(
            parser->error, 0, "%s:%u: '%s': %s; expected a path with *, **, ?, [...] and {..,..}",
            parser->policies->name, parser->line, shortened(parser, value, text), why);
    return 0;
}

static int set_path(struct parser *parser, const char *value)
{
    return set_glob(parser, value, &parser->rule.path);
}

static int set_local_path(struct parser *parser, const char *value)
{
    return set_glob(parser, value, &parser->rule.local.path);
}

static int set_remote_path(struct parser *parser, const char *value)
{
    return set_glob(parser, value, &parser->rule.remote.path);
}

static int set_regex(struct parser *parser, const char *value)
{
    const char *why;
    char text[80];

    if (ckpt_pattern_regex(&parser->policies->patterns, value, &parser->rule.regex, &why) < 0)
        return ckpt_error_set(
            parser->error, 0,
            "%s:%u: '%s': %s; expected a regular expression of ., [...], (..|..), "
            "*, +, ?, {N,M} and \\d, \\w, \\s",
            parser->policies->name, parser->line, shortened(parser, value, text), why);
    return 0;
}

static int set_family(struct parser *parser, const char *value)
{
    static const char *const words[] = {"ipv4", "inet4", "ipv6", "inet6",
                                        "ip",   "inet",  "unix", NULL};
    static const unsigned values[] = {CKPT_POLICY_IPV4, CKPT_POLICY_IPV4, CKPT_POLICY_IPV6,
                                      CKPT_POLICY_IPV6, CKPT_POLICY_IP,   CKPT_POLICY_IP,
                                      CKPT_POLICY_UNIX};

    parser->rule.families = one_of(value, words, values);
    return parser->rule.families ? 0
                                 : wrong(parser, parser->line, "family ", value,
                                         "ipv4, ipv6, ip (or inet4, inet6, inet) or unix");
}

static int set_protocol(struct parser *parser, const char *value)
{
    static const char *const words[] = {"tcp", "udp", NULL};
    static const unsigned values[] = {CKPT_POLICY_TCP, CKPT_POLICY_UDP};

    parser->rule.protocol = one_of(value, words, values);
    return parser->rule.protocol ? 0
                                 : wrong(parser, parser->line, "protocol ", value, "tcp or udp");
}

static int set_address(struct parser *parser, const char *value, struct ckpt_policy_filter *filter)
{
    filter->ip = CKPT_FILTER_EQUAL;
    if (ckpt_raw_equal(value, "*"))
        filter->ip = CKPT_FILTER_ANY;
    else if (same_word(value, "localhost"))
        filter->ip = CKPT_FILTER_LOOPBACK;
    else if (!ckpt_ip_parse(value, filter->ip_value))
        return wrong(parser, parser->line, "address ", value,
                     "an IPv4 or IPv6 address, localhost or * (names are not looked up)");
    return 0;
}

static int set_port(struct parser *parser, const char *value, struct ckpt_policy_filter *filter)
{
    long port = whole_number(value, 65535);

    filter->port = ckpt_raw_equal(value, "*") ? CKPT_FILTER_ANY : CKPT_FILTER_EQUAL;
    if (filter->port == CKPT_FILTER_EQUAL && port < 0)
        return wrong(parser, parser->line, "port ", value, "a number from 0 to 65535 or *");
    filter->port_value = (uint16_t)port;
    return 0;
}

static int set_local_address(struct parser *parser, const char *value)
{
    return set_address(parser, value, &parser->rule.local);
}

static int set_remote_address(struct parser *parser, const char *value)
{
    return set_address(parser, value, &parser->rule.remote);
}

static int set_local_port(struct parser *parser, const char *value)
{
    return set_port(parser, value, &parser->rule.local);
}

static int set_remote_port(struct parser *parser, const char *value)
{
    return set_port(parser, value, &parser->rule.remote);
}

static int set_value(struct parser *parser, const char *value)
{
    parser->rule.number = (int)whole_number(value, INT32_MAX);
    return parser->rule.number < 0
               ? wrong(parser, parser->line, "value ", value, "the number of a descriptor")
               : 0;
}

enum { KEY_TYPE, KEY_ACTION };
static const struct key keys[] = {
    [KEY_TYPE] = {"type", ALL_TYPES, set_type},
    [KEY_ACTION] = {"action", ALL_TYPES, set_action},
    {"warn", ALL_TYPES, set_warn},
    {"path", FILES, set_path},
    {"family", SOCKETS, set_family},
    {"protocol", SOCKETS, set_protocol},
    {"localAddress", SOCKETS, set_local_address},
    {"localPort", SOCKETS, set_local_port},
    {"remoteAddress", SOCKETS, set_remote_address},
    {"remotePort", SOCKETS, set_remote_port},
    {"localPath", SOCKETS, set_local_path},
    {"remotePath", SOCKETS, set_remote_path},
    {"listening", SOCKETS, set_listening},
    {"value", DESCRIPTORS, set_value},
    {"regex", DESCRIPTORS, set_regex},
};
#define KEYS (sizeof keys / sizeof keys[0])
_Static_assert(KEYS <= sizeof((struct parser){0}).given / sizeof(uint32_t),
               "an element for each key");

/* The names of the keys of these types: "a, b or c". */
static const char *key_names(unsigned types, char *text, size_t size)
{
    size_t length = 0, left = 0;

    for (size_t i = 0; i < KEYS; i++)
        left += (keys[i].types & types) != 0;
    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].types & types)
            length += ckpt_raw_format(text + length, size - length, "%s%s", keys[i].name,
                                      --left > 1 ? ", "
                                      : left     ? " or "
                                                 : "");
    return text;
}

/* ---- rules and lines ---- */

static void begin_rule(struct parser *parser)
{
    parser->rule = (struct ckpt_policy_rule){.listening = -1, .number = -1};
    __builtin_memset(parser->given, 0, sizeof parser->given);
}

/* Refuse a filter that the type of the rule does not have. */
static int check_keys(struct parser *parser)
{
    char names[256];

    for (size_t i = 0; i < KEYS; i++)
        if (parser->given[i] && !(keys[i].types & 1u << parser->rule.type))
            return wrong(parser, parser->given[i], "a rule of this type has no ", keys[i].name,
                         key_names(1u << parser->rule.type, names, sizeof names));
    return 0;
}

static int end_rule(struct parser *parser)
{
    struct ckpt_policies *policies = parser->policies;

    if (!parser->rule.line)
        return 0; /* nothing between two separators */
    if (!parser->given[KEY_TYPE])
        return wrong(parser, parser->rule.line, "the rule that begins here has no ", "type",
                     "'type: file', pipe, socket or filedescriptor");
    if (!parser->given[KEY_ACTION])
        return wrong(parser, parser->rule.line, "the rule that begins here has no ", "action",
                     "'action: error', ignore, close or reopen");
    if (check_keys(parser) < 0)
        return -1;
    if (parser->rule.action == CKPT_POLICY_REOPEN &&
        (1u << parser->rule.type & (PIPES | DESCRIPTORS)))
        return wrong(parser, parser->given[KEY_ACTION],
                     parser->rule.type == CKPT_POLICY_PIPE
                         ? "a pipe has no path and cannot be reopened: action "
                         : "a descriptor without a path cannot be reopened: action ",
                     "reopen", "error, ignore or close");
    if (policies->count == CKPT_POLICY_RULES)
        return ckpt_error_set(parser->error, 0, "%s:%u: expected at most %d rules", policies->name,
                              parser->rule.line, CKPT_POLICY_RULES);
    policies->rules[policies->count++] = parser->rule;
    begin_rule(parser);
    return 0;
}

/* Parse a line without blanks at its start and end. */
static int parse_line(struct parser *parser, char *line)
{
    char names[256], *value = line;
    size_t length, key = 0;

    if (!*line || *line == '#')
        return 0;
    if (ckpt_raw_equal(line, "---"))
        return end_rule(parser);
    while (*value && !(*value == ':' && (value[1] == ' ' || value[1] == '\t' || !value[1])))
        value++;
    if (!*value || value == line)
        return wrong(parser, parser->line, "", line, "'key: value', '---' or '# comment'");
    for (char *end = value; end > line && (end[-1] == ' ' || end[-1] == '\t'); end--)
        end[-1] = '\0';
    *value++ = '\0';
    while (*value == ' ' || *value == '\t')
        value++;
    length = ckpt_raw_length(value);
    if (length > 1 && (*value == '"' || *value == '\'') && value[length - 1] == *value) {
        value[length - 1] = '\0';
        value++;
    }
    while (key < KEYS && !same_word(keys[key].name, line))
        key++;
    if (key == KEYS)
        return wrong(parser, parser->line, "no rule has a ", line,
                     key_names(ALL_TYPES, names, sizeof names));
    if (!*value)
        return wrong(parser, parser->line, "no value for ", line, "one after the colon");
    if (parser->given[key])
        return ckpt_error_set(parser->error, 0,
                              "%s:%u: '%s' is in line %u already; expected it once in a rule, and "
                              "'---' between rules",
                              parser->policies->name, parser->line, keys[key].name,
                              parser->given[key]);
    parser->given[key] = parser->line;
    if (!parser->rule.line)
        parser->rule.line = parser->line;
    return keys[key].set(parser, value);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Parse the lines of policies->text, whose end is at @end. */
static int parse_lines(struct parser *parser, char *end)
{
    char *next = parser->policies->text;

    if (ckpt_raw_starts(next, "\xef\xbb\xbf")) /* a byte order mark */
        next += 3;
    while (next < end) {
        char *line = next, *stop = line;

        while (stop < end && *stop != '\n')
            stop++;
        next = stop + 1;
        parser->line++;
        while (stop > line && is_blank(stop[-1]))
            stop--;
        while (line < stop && is_blank(*line))
            line++;
        *stop = '\0';
        for (char *at = line; at < stop; at++)
            if ((unsigned char)*at < ' ' && *at != '\t') {
                *at = '\0'; /* not in the message: a terminal would interpret it */
                return wrong(parser, parser->line, "a control character after ", line, "text");
            }
        if (parse_line(parser, line) < 0)
            return -1;
    }
    return end_rule(parser);
}

static int too_large(const char *name, struct ckpt_error *error)
{
    return ckpt_error_set(error, 0, "the policy file '%s' has more than %d bytes", name,
                          CKPT_POLICY_TEXT - 1);
}

static int parse(struct ckpt_policies *policies, const char *name, const char *text, size_t size,
                 bool quotes, struct ckpt_error *error)
{
    struct parser parser = {.policies = policies, .error = error, .quotes = quotes};

    ckpt_raw_format(policies->name, sizeof policies->name, "%s", name);
    policies->count = 0;
    policies->patterns.step_count = policies->patterns.class_count = 0;
    if (size >= sizeof policies->text)
        return too_large(name, error);
    __builtin_memmove(policies->text, text, size);
    policies->text[size] = '\0';
    begin_rule(&parser);
    if (parse_lines(&parser, policies->text + size) < 0) {
        policies->count = 0;
        return -1;
    }
    return 0;
}

int ckpt_policies_parse(struct ckpt_policies *policies, const char *name, const char *text,
                        size_t size, struct ckpt_error *error)
{
    return parse(policies, name, text, size, true, error);
}

long ckpt_policies_read_text(const char *path, char text[CKPT_POLICY_TEXT],
                             struct ckpt_error *error)
{
    struct stat status;
    long got = ckpt_sys_fstatat(AT_FDCWD, path, &status, 0);

    if (got == 0 && !S_ISREG(status.st_mode))
        return ckpt_error_set(error, 0,
                              "the policy file '%s' is not a regular file; name one that is", path);
    if (got == 0)
        got = ckpt_raw_read_file(path, text, CKPT_POLICY_TEXT);
    if (got == -EFBIG)
        return too_large(path, error);
    if (got < 0)
        return ckpt_error_set(error, (int)-got, "cannot read the policy file '%s'", path);
    return got;
}

int ckpt_policies_read(struct ckpt_policies *policies, const char *path, bool quotes,
                       struct ckpt_error *error)
{
    long size = ckpt_policies_read_text(path, policies->text, error);

    return size < 0 ? -1 : parse(policies, path, policies->text, (size_t)size, quotes, error);
}
