// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The fuzz target for policy files: any bytes are refused with a line's number, or become rules
// that can be applied to any descriptor. With libFuzzer (-DFUZZER) the first function is the whole
// program; without it, a bounded number of files of random words of the format is made, the same
// ones in every run. CKPT_FUZZ_ROUNDS and CKPT_FUZZ_SEED set another number or other files.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/policy_file.h"
#include "tap.h"

#define ROUNDS 600000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fuzz: not so: %s (line %d)\n", #condition, __LINE__);                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void ask(const struct ckpt_policies *policies, enum ckpt_policy_type type, const char *text)
{
    struct ckpt_policy_subject subject = {.type = type,
                                          .number = 7,
                                          .text = text,
                                          .families = CKPT_POLICY_IP,
                                          .local = {.known = true, .port = 80},
                                          .remote.path = text};
    const struct ckpt_policy_rule *rule = ckpt_policies_find(policies, &subject);

    CLAIM(!rule || (rule->line && rule->action != CKPT_POLICY_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const texts[] = {"", "/a/b.log", "anon_inode:inotify", "aaaaaaaaaaaaaaaa",
                                        "/\xc3\xa4/\xff\x80"};
    static struct ckpt_policies policies;
    struct ckpt_error error = {.text = ""};
    char *copy =
        malloc(size + 1); // of this exact size, so that a sanitizer sees reads after its end

    memcpy(copy, data, size);
    if (ckpt_policies_parse(&policies, "F", copy, size, &error) < 0)
        CLAIM(policies.count == 0 && (strncmp(error.text, "F:", 2) == 0 || size > 65535));
    CLAIM(policies.patterns.step_count <= CKPT_PATTERN_STEPS);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (int type = CKPT_POLICY_FILE; type <= CKPT_POLICY_DESCRIPTOR; type++)
            ask(&policies, (enum ckpt_policy_type)type, texts[i]);
    free(copy);
    return 0;
}

#ifndef FUZZER
static uint64_t state;

static uint64_t below(uint64_t limit) // xorshift64*
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull % limit;
}

// Words of the format, in a random order that sometimes makes a valid file.
static size_t make(char *text, size_t size)
{
    static const char *const words[] = {"type: file\n",
                                        "type: socket\n",
                                        "type: filedescriptor\n",
                                        "type: pipe\n",
                                        "action: close\n",
                                        "action: reopen\n",
                                        "action: ignore\n",
                                        "---\n",
                                        "path: ",
                                        "regex: ",
                                        "localPort: ",
                                        "remoteAddress: ",
                                        "localPath: ",
                                        "value: ",
                                        "family: ipv6\n",
                                        "protocol: udp\n",
                                        "#",
                                        "\n",
                                        "\n",
                                        "*",
                                        "**",
                                        "?",
                                        "[a-z]",
                                        "[!",
                                        "]",
                                        "{a,",
                                        "b}",
                                        "{2,3}",
                                        "(",
                                        "|",
                                        ")",
                                        "+",
                                        "\\",
                                        "\\w",
                                        ".",
                                        "/a/b.log",
                                        "a",
                                        "::",
                                        "1.2.3.4",
                                        "80",
                                        "99999999999",
                                        "'",
                                        "\"",
                                        "\xc3\xa4",
                                        "\xff",
                                        ":"};
    static const char *const begins[] = {
        "", "type: file\naction: close\npath: ", "type: filedescriptor\naction: close\nregex: ",
        "type: socket\naction: reopen\nlocalAddress: "};
    const char *begin = begins[below(4)];
    size_t length = strlen(begin);

    memcpy(text, begin, length);
    for (uint64_t left = 1 + below(below(2) ? 6 : 40); left && length + 32 < size; left--) {
        const char *word = words[below(sizeof words / sizeof words[0])];

        memcpy(text + length, word, strlen(word));
        length += strlen(word);
        if (below(64) == 0)
            text[length++] = (char)below(256);
    }
    return length;
}

int main(void)
{
    const char *rounds_text = getenv("CKPT_FUZZ_ROUNDS"), *seed = getenv("CKPT_FUZZ_SEED");
    unsigned long rounds = rounds_text ? strtoul(rounds_text, NULL, 10) : ROUNDS;
    char text[2048];

    state = seed ? strtoull(seed, NULL, 10) : 1;
    for (unsigned long round = 0; round < rounds; round++) {
        size_t length = make(text, sizeof text);

        LLVMFuzzerTestOneInput((const uint8_t *)text, length);
    }
    TAP_OK(true,
           "policy files: each random file is refused with a line, or its rules can be applied");
    return tap_done();
}
#endif
