// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Feeds tests/fuzz/http.c without libFuzzer: files given as arguments (inputs that once failed), or
// else a bounded number of mutations of good texts, the same ones in every run. CKPT_FUZZ_ROUNDS
// and CKPT_FUZZ_SEED set another number or other mutations.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tap.h"

#define ROUNDS 300000
#define TEXT_MAX 6000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The first character says which parser it is for.
static const char *const good[] = {
    "\0localhost:10095",
    "\0[::1]:8080",
    "\0unix:/run/app/checkpointer.sock",
    "\0service.example",
    "\1localhost",
    "\1service.example:80",
    "\1[::ffff:127.0.0.1]:10095",
    "\001127.0.0.1:65535",
    "\2   0: 0100007F:276F 0100007F:D4C4 01 00000000:00000000 00:00000000 00000000  1000        0 "
    "4242 1 ffff8881 20 4 30 10 -1",
    "\2   1: 00000000000000000000000001000000:276F 0000000000000000FFFF00000100007F:D4C4 01 "
    "00000000:00000000 02:000AFC80 00000000     0        0 77 2 0000000000000000 20 4 1 10 -1",
    "\3application/json; charset=utf-8",
    "\3application/x-www-form-urlencoded",
    "\4{\"directory\": \"/var/tmp/image\", \"leaveRunning\": true, \"gc\": false}",
    "\4{\"directory\": \"/a\\u00e4\\ud83d\\ude00\", \"gc\": [[{\"a\": 1e400}]]}",
};

static uint64_t state;

static uint64_t below(uint64_t limit) // xorshift64*
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull % limit;
}

// One small change; returns the new size.
static size_t mutate(uint8_t *text, size_t size)
{
    static const char words[] = ":[]{}\",\\/ \t\r\n.-0123456789aAfFxXzZ%\0\xff";
    size_t at = 1 + below(size), length;

    switch (below(5)) {
    case 0: // another character
        if (at < size)
            text[at] = (uint8_t)words[below(sizeof words - 1)];
        return size;
    case 1: // another bit
        if (at < size)
            text[at] ^= (uint8_t)(1u << below(8));
        return size;
    case 2: // cut off
        return at;
    case 3: // a part left out
        length = below(size - at + 1);
        memmove(text + at, text + at + length, size - at - length);
        return size - length;
    default: // a part repeated
        length = below(size - at + 1) * (1 + below(8));
        if (size + length > TEXT_MAX)
            return size;
        memmove(text + at + length, text + at, size - at);
        for (size_t i = 0; i < length; i++)
            text[at + i] = text[at + length + (size > at ? i % (size - at) : 0)];
        return size + length;
    }
}

static void run_rounds(void)
{
    const char *rounds_text = getenv("CKPT_FUZZ_ROUNDS"), *seed = getenv("CKPT_FUZZ_SEED");
    unsigned long rounds = rounds_text ? strtoul(rounds_text, NULL, 10) : ROUNDS;
    static uint8_t text[2 * TEXT_MAX];

    state = seed ? strtoull(seed, NULL, 10) : 1;
    for (unsigned long round = 0; round < rounds; round++) {
        const char *from = good[below(CKPT_COUNT(good))];
        size_t size = 1 + strlen(from + 1);

        memcpy(text, from, size);
        for (uint64_t i = below(6); i > 0; i--)
            size = mutate(text, size);
        if (round % 32768 == 0)
            tap_note("round %lu", round);
        LLVMFuzzerTestOneInput(text, size);
    }
    TAP_OK(true, "HTTP parsers: each mutated text is refused or gives valid values");
}

int main(int argc, char **argv)
{
    static uint8_t data[1 << 16];

    for (int i = 1; i < argc; i++) {
        ckpt_auto_fclose FILE *file = fopen(argv[i], "rbe");

        if (!file)
            TAP_BAIL_OUT("cannot read '%s'", argv[i]);
        LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof data, file));
        TAP_OK(true, argv[i]);
    }
    if (argc == 1)
        run_rounds();
    return tap_done();
}
