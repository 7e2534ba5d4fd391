/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * See pattern.h. The targets of a step are relative, so that a step can be inserted before steps
 * that were emitted already. Texts are bytes of UTF-8: a step for any one character matches its
 * first byte and all continuation bytes that follow.
 */
#include "engine/pattern.h"

#include <stddef.h>

#include "base/raw.h"

enum { MATCH_BYTE, MATCH_CLASS, JUMP, SPLIT, ACCEPT };

#define DEPTH_MAX 32
#define REPEAT_MAX 100

struct compiler {
    struct ckpt_pattern_store *store;
    uint16_t first;
    const char *at;
    const char *wrong;
    unsigned depth, groups;
};

struct byte_set {
    uint8_t bits[32];
};

/* ---- emitting steps ---- */

static int fail(struct compiler *c, const char *wrong)
{
    if (!c->wrong)
        c->wrong = wrong;
    return -1;
}

static int position(const struct compiler *c)
{
    return c->store->step_count;
}

static int emit(struct compiler *c, int op, unsigned byte, int next, int other)
{
    struct ckpt_pattern_store *store = c->store;

    if (position(c) - c->first >= CKPT_PATTERN_MAX || position(c) >= CKPT_PATTERN_STEPS)
        return fail(c, "the pattern is too long");
    store->steps[store->step_count++] = (struct ckpt_pattern_step){
        .op = (uint8_t)op, .byte = (uint8_t)byte, .next = (int16_t)next, .other = (int16_t)other};
    return 0;
}

/* Insert a split before the steps from @start on, which continues with them or at @other. */
static int split_before(struct compiler *c, int start, int other)
{
    struct ckpt_pattern_step *steps = c->store->steps;

    if (emit(c, ACCEPT, 0, 0, 0) < 0)
        return -1;
    __builtin_memmove(&steps[start + 1], &steps[start],
                      sizeof *steps * (size_t)(position(c) - 1 - start));
    steps[start] =
        (struct ckpt_pattern_step){.op = SPLIT, .next = 1, .other = (int16_t)(other - start)};
    return 0;
}

static void set_add(struct byte_set *set, unsigned from, unsigned to)
{
    for (unsigned byte = from; byte <= to; byte++)
        set->bits[byte / 8] |= (uint8_t)(1u << byte % 8);
}

static void set_remove(struct byte_set *set, unsigned byte)
{
    set->bits[byte / 8] &= (uint8_t) ~(1u << byte % 8);
}

static int emit_class(struct compiler *c, const struct byte_set *set)
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
    return emit(c, MATCH_CLASS, i, 1, 0);
}

/* Make the steps from @start on match any number of times. */
static int repeat(struct compiler *c, int start)
{
    int length = position(c) - start;

    return split_before(c, start, position(c) + 2) < 0 ? -1 : emit(c, JUMP, 0, -(length + 1), 0);
}

/* Match one character: an ASCII one in @set or, if @non_ascii, any other. */
static int emit_character(struct compiler *c, struct byte_set *set, bool non_ascii)
{
    struct byte_set continued = {{0}};
    int start;

    if (non_ascii)
        set_add(set, 0xc0, 0xff);
    if (emit_class(c, set) < 0 || !non_ascii)
        return c->wrong ? -1 : 0;
    start = position(c);
    set_add(&continued, 0x80, 0xbf);
    return emit_class(c, &continued) < 0 ? -1 : repeat(c, start);
}

static void negate(struct byte_set *set)
{
    for (unsigned i = 0; i < 16; i++)
        set->bits[i] = (uint8_t)~set->bits[i];
    set_remove(set, 0);
}

/* ---- sets in brackets, in globs and regular expressions ---- */

/* Add the class of @letter (\d, \w, \s) to @set; false if there is no such class. */
static bool escape_class(char letter, struct byte_set *set, bool *ret_non_ascii)
{
    struct byte_set named = {{0}};
    char lower = (char)(letter | 0x20);

    if (lower == 'd' || lower == 'w')
        set_add(&named, '0', '9');
    if (lower == 'w') {
        set_add(&named, 'a', 'z');
        set_add(&named, 'A', 'Z');
        set_add(&named, '_', '_');
    }
    if (lower == 's') {
        set_add(&named, '\t', '\r');
        set_add(&named, ' ', ' ');
    }
    if (lower != 'd' && lower != 'w' && lower != 's')
        return false;
    *ret_non_ascii = letter != lower;
    if (*ret_non_ascii)
        negate(&named);
    for (unsigned i = 0; i < sizeof set->bits; i++)
        set->bits[i] |= named.bits[i];
    return true;
}

/* The next character of a set in brackets; 0 after a class such as \d (*ret_class); or -1. */
static int set_member(struct compiler *c, bool regex, struct byte_set *set, bool *ret_class)
{
    bool non_ascii = false;

    *ret_class = false;
    if (regex && *c->at == '\\') {
        c->at++;
        if (escape_class(*c->at, set, &non_ascii)) {
            c->at++;
            *ret_class = true;
            return non_ascii ? fail(c, "\\D, \\W and \\S are not supported inside [...]") : 0;
        }
        if ((*c->at | 0x20) >= 'a' && (*c->at | 0x20) <= 'z')
            return fail(c, "an unknown letter after a backslash");
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

/* c->at is after the '['. */
static int compile_set(struct compiler *c, bool regex)
{
    struct byte_set set = {{0}};
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
        set_add(&set, (unsigned)low, (unsigned)high);
    }
    c->at++;
    if (negated)
        negate(&set);
    if (!regex)
        set_remove(&set, '/');
    return emit_character(c, &set, negated);
}

/* ---- globs ---- */

static struct byte_set ascii_except(unsigned byte)
{
    struct byte_set set = {{0}};

    set_add(&set, 1, 0x7f);
    if (byte)
        set_remove(&set, byte);
    return set;
}

static int glob_star(struct compiler *c)
{
    bool crosses = c->at[1] == '*';
    struct byte_set set = ascii_except(crosses ? 0 : '/');
    int start = position(c);

    c->at += crosses ? 2 : 1;
    set_add(&set, 0x80, 0xff);
    return emit_class(c, &set) < 0 ? -1 : repeat(c, start);
}

static int glob_sequence(struct compiler *c, bool in_group);

/* c->at is after the '{' or after a ',' inside: compile this alternative, then the others. */
static int glob_group(struct compiler *c)
{
    int start = position(c), jump;

    if (++c->depth > DEPTH_MAX)
        return fail(c, "too many alternatives");
    if (glob_sequence(c, true) < 0)
        return -1;
    if (*c->at == '}') {
        c->at++;
        return 0;
    }
    c->at++;
    if (split_before(c, start, position(c) + 2) < 0)
        return -1;
    jump = position(c);
    if (emit(c, JUMP, 0, 0, 0) < 0 || glob_group(c) < 0)
        return -1;
    c->store->steps[jump].next = (int16_t)(position(c) - jump);
    return 0;
}

static int glob_one(struct compiler *c, bool in_group)
{
    struct byte_set set;

    switch (*c->at) {
    case '*':
        return glob_star(c);
    case '?':
        c->at++;
        set = ascii_except('/');
        return emit_character(c, &set, true);
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
    return emit(c, MATCH_BYTE, (unsigned char)*c->at++, 1, 0);
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
    struct byte_set set = {{0}};
    bool non_ascii = false;

    if (!*c->at)
        return fail(c, "a backslash at the end");
    if (escape_class(*c->at, &set, &non_ascii)) {
        c->at++;
        return emit_character(c, &set, non_ascii);
    }
    if (((*c->at | 0x20) >= 'a' && (*c->at | 0x20) <= 'z') || (*c->at >= '0' && *c->at <= '9'))
        return fail(c, "an unknown letter or digit after a backslash");
    return emit(c, MATCH_BYTE, (unsigned char)*c->at++, 1, 0);
}

static int regex_atom(struct compiler *c)
{
    struct byte_set set;

    switch (*c->at++) {
    case '(':
        return regex_group(c);
    case '[':
        return compile_set(c, true);
    case '.':
        set = ascii_except('\n');
        return emit_character(c, &set, true);
    case '\\':
        return regex_escape(c);
    case '*':
    case '+':
    case '?':
    case '{':
        return fail(c, "nothing before '*', '+', '?' or '{'");
    case '^':
    case '$':
        return fail(c, "a '^' or '$' in the middle");
    default:
        return emit(c, MATCH_BYTE, (unsigned char)c->at[-1], 1, 0);
    }
}

/* "{2}", "{2,}" or "{2,5}"; c->at is after the brace. *ret_max is 0 for no limit. */
static int regex_count(struct compiler *c, unsigned *ret_min, unsigned *ret_max)
{
    const char *begin = c->at;
    uint64_t min = ckpt_raw_number(&c->at, 10), max = min;
    bool open = false;

    if (c->at != begin && *c->at == ',') {
        c->at++;
        open = *c->at == '}';
        if (!open)
            max = ckpt_raw_number(&c->at, 10);
    }
    if (c->at == begin || *c->at != '}' || max < min || min > REPEAT_MAX || max > REPEAT_MAX ||
        (max == 0 && !open))
        return fail(c, "a '{' without a count from 1 to 100");
    c->at++;
    *ret_min = (unsigned)min;
    *ret_max = open ? 0 : (unsigned)max;
    return 0;
}

/* Compile the atom at @text a further time, without moving c->at. */
static int repeat_atom(struct compiler *c, const char *text)
{
    const char *after = c->at;

    c->at = text;
    if (regex_atom(c) < 0)
        return -1;
    c->at = after;
    return 0;
}

static int regex_repeat(struct compiler *c, const char *atom, int start, unsigned min, unsigned max)
{
    for (unsigned i = 1; i < min; i++) {
        start = position(c);
        if (repeat_atom(c, atom) < 0)
            return -1;
    }
    if (min == 0)
        return max == 1 ? split_before(c, start, position(c) + 1)
               : max    ? (split_before(c, start, position(c) + 1) < 0
                               ? -1
                               : regex_repeat(c, atom, start, 1, max))
                        : repeat(c, start);
    if (max == 0) /* repeat the last one, or continue */
        return emit(c, SPLIT, 0, 1, start - position(c));
    for (unsigned i = min; i < max; i++) {
        start = position(c);
        if (repeat_atom(c, atom) < 0 || split_before(c, start, position(c) + 1) < 0)
            return -1;
    }
    return 0;
}

static int regex_piece(struct compiler *c)
{
    const char *atom = c->at;
    int start = position(c);
    unsigned min = 1, max = 1;

    if (++c->depth > DEPTH_MAX)
        return fail(c, "groups nested too deep");
    if (regex_atom(c) < 0)
        return -1;
    c->depth--;
    if (*c->at == '*' || *c->at == '+' || *c->at == '?') {
        min = *c->at == '+';
        max = *c->at == '?';
        c->at++;
    } else if (*c->at == '{') {
        c->at++;
        if (regex_count(c, &min, &max) < 0)
            return -1;
    } else {
        return 0;
    }
    if (*c->at == '?') /* lazy: no difference when the whole text must match */
        c->at++;
    if (*c->at == '*' || *c->at == '+' || *c->at == '?' || *c->at == '{')
        return fail(c, "two of '*', '+', '?' and '{' together");
    return regex_repeat(c, atom, start, min, max);
}

static int regex_choice(struct compiler *c)
{
    int start = position(c), jump;

    if (*c->at == '^' && !c->groups)
        c->at++;
    while (*c->at && *c->at != '|' && *c->at != ')' &&
           !(*c->at == '$' && !c->groups && (!c->at[1] || c->at[1] == '|')))
        if (regex_piece(c) < 0)
            return -1;
    if (*c->at == '$') /* the whole text must match anyway */
        c->at++;
    if (*c->at != '|')
        return 0;
    c->at++;
    if (++c->depth > DEPTH_MAX)
        return fail(c, "too many alternatives");
    if (split_before(c, start, position(c) + 2) < 0)
        return -1;
    jump = position(c);
    if (emit(c, JUMP, 0, 0, 0) < 0 || regex_choice(c) < 0)
        return -1;
    c->depth--;
    c->store->steps[jump].next = (int16_t)(position(c) - jump);
    return 0;
}

/* ---- globs and regular expressions ---- */

static int finish(struct compiler *c, struct ckpt_pattern *ret_pattern, const char **ret_wrong)
{
    if (!c->wrong)
        emit(c, ACCEPT, 0, 0, 0);
    if (c->wrong) {
        c->store->step_count = c->first;
        *ret_wrong = c->wrong;
        return -1;
    }
    *ret_pattern =
        (struct ckpt_pattern){.first = c->first, .count = (uint16_t)(position(c) - c->first)};
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

/* Add @step to @states, and all steps that can be reached from it without reading a byte. */
static void add_state(const struct ckpt_pattern_step *steps, int step, struct states *states,
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
        if (steps[at].op == JUMP || steps[at].op == SPLIT) {
            if (steps[at].op == SPLIT)
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
    add_state(steps, 0, &now, seen);
    for (const unsigned char *at = (const unsigned char *)text; *at && now.count; at++) {
        next.count = 0;
        __builtin_memset(seen, 0, pattern.count);
        for (unsigned i = 0; i < now.count; i++) {
            const struct ckpt_pattern_step *step = &steps[now.at[i]];

            if (step->op == MATCH_BYTE ? step->byte == *at
                                       : step->op == MATCH_CLASS &&
                                             (store->classes[step->byte][*at / 8] >> *at % 8 & 1))
                add_state(steps, now.at[i] + 1, &next, seen);
        }
        now.count = next.count;
        __builtin_memcpy(now.at, next.at, next.count * sizeof next.at[0]);
    }
    for (unsigned i = 0; i < now.count; i++)
        if (steps[now.at[i]].op == ACCEPT)
            return true;
    return false;
}
