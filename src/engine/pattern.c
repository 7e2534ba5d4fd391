/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * See pattern.h.  Distances between steps are relative, so that a step can be put in front of what
 * is already there.  Names are bytes in UTF-8: what stands for any one character takes a first
 * byte and all continuation bytes behind it.
 */
#include "engine/pattern.h"

#include <stddef.h>

#include "base/raw.h"

enum { READ_BYTE, READ_CLASS, GO, FORK, END };

#define DEPTH_MAX 32
#define REPEAT_MAX 100

struct compiler {
    struct ckpt_pattern_store *store;
    uint16_t first;
    const char *at;
    const char *wrong;
    unsigned depth, groups;
};

struct bytes {
    uint8_t bits[32];
};

/* ---- making steps ---- */

static int fail(struct compiler *c, const char *wrong)
{
    if (!c->wrong)
        c->wrong = wrong;
    return -1;
}

static int here(const struct compiler *c)
{
    return c->store->step_count;
}

static int emit(struct compiler *c, int what, unsigned byte, int next, int other)
{
    struct ckpt_pattern_store *store = c->store;

    if (here(c) - c->first >= CKPT_PATTERN_MAX || here(c) >= CKPT_PATTERN_STEPS)
        return fail(c, "the pattern is too long");
    store->steps[store->step_count++] = (struct ckpt_pattern_step){.what = (uint8_t)what,
                                                                   .byte = (uint8_t)byte,
                                                                   .next = (int16_t)next,
                                                                   .other = (int16_t)other};
    return 0;
}

/* Put a fork in front of the steps from @start on: into them, or to @other. */
static int fork_before(struct compiler *c, int start, int other)
{
    struct ckpt_pattern_step *steps = c->store->steps;

    if (emit(c, END, 0, 0, 0) < 0)
        return -1;
    __builtin_memmove(&steps[start + 1], &steps[start],
                      sizeof *steps * (size_t)(here(c) - 1 - start));
    steps[start] =
        (struct ckpt_pattern_step){.what = FORK, .next = 1, .other = (int16_t)(other - start)};
    return 0;
}

static void bytes_add(struct bytes *set, unsigned from, unsigned to)
{
    for (unsigned byte = from; byte <= to; byte++)
        set->bits[byte / 8] |= (uint8_t)(1u << byte % 8);
}

static void bytes_remove(struct bytes *set, unsigned byte)
{
    set->bits[byte / 8] &= (uint8_t) ~(1u << byte % 8);
}

static int emit_class(struct compiler *c, const struct bytes *set)
{
    struct ckpt_pattern_store *store = c->store;
    unsigned i = 0;

    while (i < store->class_count &&
           __builtin_memcmp(store->classes[i], set->bits, sizeof set->bits) != 0)
        i++;
    if (i == CKPT_PATTERN_CLASSES)
        return fail(c, "the file has too many different sets of characters");
    if (i == store->class_count)
        __builtin_memcpy(store->classes[store->class_count++], set->bits, sizeof set->bits);
    return emit(c, READ_CLASS, i, 1, 0);
}

/* What was emitted since @start, any number of times. */
static int repeat(struct compiler *c, int start)
{
    int length = here(c) - start;

    return fork_before(c, start, here(c) + 2) < 0 ? -1 : emit(c, GO, 0, -(length + 1), 0);
}

/* One character: of these if it is ASCII, and if @beyond, any other. */
static int emit_one(struct compiler *c, struct bytes *set, bool beyond)
{
    struct bytes continued = {{0}};
    int start;

    if (beyond)
        bytes_add(set, 0xc0, 0xff);
    if (emit_class(c, set) < 0 || !beyond)
        return c->wrong ? -1 : 0;
    start = here(c);
    bytes_add(&continued, 0x80, 0xbf);
    return emit_class(c, &continued) < 0 ? -1 : repeat(c, start);
}

static void negate(struct bytes *set)
{
    for (unsigned i = 0; i < 16; i++)
        set->bits[i] = (uint8_t)~set->bits[i];
    bytes_remove(set, 0);
}

/* ---- sets in brackets, of both languages ---- */

/* The letters behind a backslash that stand for sets; whether @letter is one. */
static bool escape_class(char letter, struct bytes *set, bool *ret_beyond)
{
    struct bytes named = {{0}};
    char lower = (char)(letter | 0x20);

    if (lower == 'd' || lower == 'w')
        bytes_add(&named, '0', '9');
    if (lower == 'w') {
        bytes_add(&named, 'a', 'z');
        bytes_add(&named, 'A', 'Z');
        bytes_add(&named, '_', '_');
    }
    if (lower == 's') {
        bytes_add(&named, '\t', '\r');
        bytes_add(&named, ' ', ' ');
    }
    if (lower != 'd' && lower != 'w' && lower != 's')
        return false;
    *ret_beyond = letter != lower;
    if (*ret_beyond)
        negate(&named);
    for (unsigned i = 0; i < sizeof set->bits; i++)
        set->bits[i] |= named.bits[i];
    return true;
}

/* A character of a set, or -1; escapes are those of regular expressions. */
static int set_member(struct compiler *c, bool regex, struct bytes *set, bool *ret_class)
{
    bool beyond = false;

    *ret_class = false;
    if (regex && *c->at == '\\') {
        c->at++;
        if (escape_class(*c->at, set, &beyond)) {
            c->at++;
            *ret_class = true;
            return beyond ? fail(c, "\\D, \\W and \\S are not understood inside [...]") : 0;
        }
        if ((*c->at | 0x20) >= 'a' && (*c->at | 0x20) <= 'z')
            return fail(c, "a letter behind a backslash that is not understood");
    }
    if (!*c->at)
        return fail(c, "a '[' without its ']'");
    if (*c->at & 0x80)
        return fail(c, "a character beyond ASCII inside [...]");
    if (!regex && *c->at == '/')
        return fail(c, "a '/' inside [...]");
    if (regex && (*c->at == '[' || (*c->at == '&' && c->at[1] == '&')))
        return fail(c, "a set inside a set");
    return (unsigned char)*c->at++;
}

/* Behind the '['. */
static int compile_set(struct compiler *c, bool regex)
{
    struct bytes set = {{0}};
    bool negated = *c->at == (regex ? '^' : '!'), class = false;
    const char *begin;

    if (negated)
        c->at++;
    begin = c->at;
    while (*c->at != ']' || c->at == begin) {
        int low = set_member(c, regex, &set, &class), high = low;

        if (low < 0)
            return -1;
        if (class)
            continue;
        if (*c->at == '-' && c->at[1] && c->at[1] != ']') {
            c->at++;
            high = set_member(c, regex, &set, &class);
            if (high < 0)
                return -1;
            if (class || high < low)
                return fail(c, "a range inside [...] that ends before it begins");
        }
        bytes_add(&set, (unsigned)low, (unsigned)high);
    }
    c->at++;
    if (negated)
        negate(&set);
    if (!regex)
        bytes_remove(&set, '/');
    return emit_one(c, &set, negated);
}

/* ---- globs ---- */

static struct bytes all_ascii_but(unsigned byte)
{
    struct bytes set = {{0}};

    bytes_add(&set, 1, 0x7f);
    if (byte)
        bytes_remove(&set, byte);
    return set;
}

static int glob_star(struct compiler *c)
{
    bool crosses = c->at[1] == '*';
    struct bytes set = all_ascii_but(crosses ? 0 : '/');
    int start = here(c);

    c->at += crosses ? 2 : 1;
    bytes_add(&set, 0x80, 0xff);
    return emit_class(c, &set) < 0 ? -1 : repeat(c, start);
}

static int glob_sequence(struct compiler *c, bool in_group);

/* Behind the '{', or behind a ',' in it: this alternative, then the others. */
static int glob_group(struct compiler *c)
{
    int start = here(c), jump;

    if (++c->depth > DEPTH_MAX)
        return fail(c, "more alternatives than can be told apart");
    if (glob_sequence(c, true) < 0)
        return -1;
    if (*c->at == '}') {
        c->at++;
        return 0;
    }
    c->at++;
    if (fork_before(c, start, here(c) + 2) < 0)
        return -1;
    jump = here(c);
    if (emit(c, GO, 0, 0, 0) < 0 || glob_group(c) < 0)
        return -1;
    c->store->steps[jump].next = (int16_t)(here(c) - jump);
    return 0;
}

static int glob_one(struct compiler *c, bool in_group)
{
    struct bytes set;

    switch (*c->at) {
    case '*':
        return glob_star(c);
    case '?':
        c->at++;
        set = all_ascii_but('/');
        return emit_one(c, &set, true);
    case '[':
        c->at++;
        return compile_set(c, false);
    case '{':
        if (in_group)
            return fail(c, "a '{' inside {...}");
        c->at++;
        c->depth = 0;
        return glob_group(c);
    case '\\':
        if (!*++c->at)
            return fail(c, "a backslash at the end");
        break;
    default:
        break;
    }
    return emit(c, READ_BYTE, (unsigned char)*c->at++, 1, 0);
}

static int glob_sequence(struct compiler *c, bool in_group)
{
    while (*c->at && !(in_group && (*c->at == ',' || *c->at == '}')))
        if (glob_one(c, in_group) < 0)
            return -1;
    return in_group && !*c->at ? fail(c, "a '{' without its '}'") : 0;
}

/* ---- regular expressions ---- */

static int regex_choice(struct compiler *c);

static int regex_group(struct compiler *c)
{
    if (c->at[0] == '?') {
        if (c->at[1] != ':')
            return fail(c, "a group that begins with '(?', other than '(?:'");
        c->at += 2;
    }
    c->groups++;
    if (regex_choice(c) < 0)
        return -1;
    c->groups--;
    if (*c->at != ')')
        return fail(c, "a '(' without its ')'");
    c->at++;
    return 0;
}

static int regex_escape(struct compiler *c)
{
    struct bytes set = {{0}};
    bool beyond = false;

    if (!*c->at)
        return fail(c, "a backslash at the end");
    if (escape_class(*c->at, &set, &beyond)) {
        c->at++;
        return emit_one(c, &set, beyond);
    }
    if (((*c->at | 0x20) >= 'a' && (*c->at | 0x20) <= 'z') || (*c->at >= '0' && *c->at <= '9'))
        return fail(c, "a letter or digit behind a backslash that is not understood");
    return emit(c, READ_BYTE, (unsigned char)*c->at++, 1, 0);
}

static int regex_atom(struct compiler *c)
{
    struct bytes set;

    switch (*c->at++) {
    case '(':
        return regex_group(c);
    case '[':
        return compile_set(c, true);
    case '.':
        set = all_ascii_but('\n');
        return emit_one(c, &set, true);
    case '\\':
        return regex_escape(c);
    case '*':
    case '+':
    case '?':
    case '{':
        return fail(c, "nothing stands before '*', '+', '?' or '{'");
    case '^':
    case '$':
        return fail(c, "a '^' or '$' in the middle");
    default:
        return emit(c, READ_BYTE, (unsigned char)c->at[-1], 1, 0);
    }
}

/* "{2}", "{2,}", "{2,5}", behind the brace; *ret_most is 0 without a limit. */
static int regex_count(struct compiler *c, unsigned *ret_least, unsigned *ret_most)
{
    const char *begin = c->at;
    uint64_t least = ckpt_raw_number(&c->at, 10), most = least;
    bool open = false;

    if (c->at != begin && *c->at == ',') {
        c->at++;
        open = *c->at == '}';
        if (!open)
            most = ckpt_raw_number(&c->at, 10);
    }
    if (c->at == begin || *c->at != '}' || most < least || least > REPEAT_MAX ||
        most > REPEAT_MAX || (most == 0 && !open))
        return fail(c, "a '{' without a count from 1 to 100 in it");
    c->at++;
    *ret_least = (unsigned)least;
    *ret_most = open ? 0 : (unsigned)most;
    return 0;
}

/* The atom at @text once more; c->at stays. */
static int again(struct compiler *c, const char *text)
{
    const char *after = c->at;

    c->at = text;
    if (regex_atom(c) < 0)
        return -1;
    c->at = after;
    return 0;
}

static int regex_repeat(struct compiler *c, const char *atom, int start, unsigned least,
                        unsigned most)
{
    for (unsigned i = 1; i < least; i++) {
        start = here(c);
        if (again(c, atom) < 0)
            return -1;
    }
    if (least == 0)
        return most == 1 ? fork_before(c, start, here(c) + 1)
               : most    ? (fork_before(c, start, here(c) + 1) < 0
                                ? -1
                                : regex_repeat(c, atom, start, 1, most))
                         : repeat(c, start);
    if (most == 0) /* back to the last one, or on */
        return emit(c, FORK, 0, 1, start - here(c));
    for (unsigned i = least; i < most; i++) {
        start = here(c);
        if (again(c, atom) < 0 || fork_before(c, start, here(c) + 1) < 0)
            return -1;
    }
    return 0;
}

static int regex_piece(struct compiler *c)
{
    const char *atom = c->at;
    int start = here(c);
    unsigned least = 1, most = 1;

    if (++c->depth > DEPTH_MAX)
        return fail(c, "groups inside groups, too deep");
    if (regex_atom(c) < 0)
        return -1;
    c->depth--;
    if (*c->at == '*' || *c->at == '+' || *c->at == '?') {
        least = *c->at == '+';
        most = *c->at == '?';
        c->at++;
    } else if (*c->at == '{') {
        c->at++;
        if (regex_count(c, &least, &most) < 0)
            return -1;
    } else {
        return 0;
    }
    if (*c->at == '?') /* the shortest first: the same for a whole text */
        c->at++;
    if (*c->at == '*' || *c->at == '+' || *c->at == '?' || *c->at == '{')
        return fail(c, "two of '*', '+', '?' and '{' together");
    return regex_repeat(c, atom, start, least, most);
}

static int regex_choice(struct compiler *c)
{
    int start = here(c), jump;

    if (*c->at == '^' && !c->groups)
        c->at++;
    while (*c->at && *c->at != '|' && *c->at != ')' &&
           !(*c->at == '$' && !c->groups && (!c->at[1] || c->at[1] == '|')))
        if (regex_piece(c) < 0)
            return -1;
    if (*c->at == '$') /* the whole text is meant anyway */
        c->at++;
    if (*c->at != '|')
        return 0;
    c->at++;
    if (++c->depth > DEPTH_MAX)
        return fail(c, "more alternatives than can be told apart");
    if (fork_before(c, start, here(c) + 2) < 0)
        return -1;
    jump = here(c);
    if (emit(c, GO, 0, 0, 0) < 0 || regex_choice(c) < 0)
        return -1;
    c->depth--;
    c->store->steps[jump].next = (int16_t)(here(c) - jump);
    return 0;
}

/* ---- both ---- */

static int finish(struct compiler *c, struct ckpt_pattern *ret_pattern, const char **ret_wrong)
{
    if (!c->wrong)
        emit(c, END, 0, 0, 0);
    if (c->wrong) {
        c->store->step_count = c->first;
        *ret_wrong = c->wrong;
        return -1;
    }
    *ret_pattern =
        (struct ckpt_pattern){.first = c->first, .count = (uint16_t)(here(c) - c->first)};
    return 0;
}

int ckpt_pattern_glob(struct ckpt_pattern_store *store, const char *text,
                      struct ckpt_pattern *ret_pattern, const char **ret_wrong)
{
    struct compiler c = {.store = store, .first = store->step_count, .at = text};

    glob_sequence(&c, false);
    return finish(&c, ret_pattern, ret_wrong);
}

int ckpt_pattern_regex(struct ckpt_pattern_store *store, const char *text,
                       struct ckpt_pattern *ret_pattern, const char **ret_wrong)
{
    struct compiler c = {.store = store, .first = store->step_count, .at = text};

    if (regex_choice(&c) == 0 && *c.at)
        fail(&c, "a ')' without its '('");
    return finish(&c, ret_pattern, ret_wrong);
}

/* ---- matching ---- */

struct states {
    uint16_t count;
    uint16_t at[CKPT_PATTERN_MAX];
};

/* Add @step to the states, and what can be reached from it without reading. */
static void reach(const struct ckpt_pattern_step *steps, int step, struct states *states,
                  uint8_t *seen)
{
    uint16_t stack[2 * CKPT_PATTERN_MAX + 1];
    unsigned depth = 0;

    stack[depth++] = (uint16_t)step;
    while (depth) {
        unsigned at = stack[--depth];

        if (seen[at])
            continue;
        seen[at] = 1;
        if (steps[at].what == GO || steps[at].what == FORK) {
            if (steps[at].what == FORK)
                stack[depth++] = (uint16_t)((int)at + steps[at].other);
            stack[depth++] = (uint16_t)((int)at + steps[at].next);
        } else {
            states->at[states->count++] = (uint16_t)at;
        }
    }
}

bool ckpt_pattern_matches(const struct ckpt_pattern_store *store, struct ckpt_pattern pattern,
                          const char *text)
{
    const struct ckpt_pattern_step *steps = store->steps + pattern.first;
    struct states now = {.count = 0}, next;
    uint8_t seen[CKPT_PATTERN_MAX];

    __builtin_memset(seen, 0, pattern.count);
    reach(steps, 0, &now, seen);
    for (const unsigned char *at = (const unsigned char *)text; *at && now.count; at++) {
        next.count = 0;
        __builtin_memset(seen, 0, pattern.count);
        for (unsigned i = 0; i < now.count; i++) {
            const struct ckpt_pattern_step *step = &steps[now.at[i]];

            if (step->what == READ_BYTE ? step->byte == *at
                                        : step->what == READ_CLASS &&
                                              (store->classes[step->byte][*at / 8] >> *at % 8 & 1))
                reach(steps, now.at[i] + 1, &next, seen);
        }
        now.count = next.count;
        __builtin_memcpy(now.at, next.at, next.count * sizeof next.at[0]);
    }
    for (unsigned i = 0; i < now.count; i++)
        if (steps[now.at[i]].what == END)
            return true;
    return false;
}
