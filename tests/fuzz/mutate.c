// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Feeds the fuzz target without libFuzzer: first whole files given as arguments (inputs that once
// failed, metadata of real images), otherwise a bounded number of mutations of a sample image, the
// same ones in every run. A failure aborts and has printed the round; CKPT_FUZZ_ROUNDS and
// CKPT_FUZZ_SEED set another number or other mutations.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sample.h"
#include "tap.h"

#define ROUNDS 200000
#define INPUT_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state;

static uint64_t next(void) // xorshift64*
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

static uint64_t below(uint64_t limit)
{
    return next() % limit;
}

// A number that code often handles wrongly.
static uint64_t edge(size_t size)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     7,
                                     8,
                                     4095,
                                     4096,
                                     4097,
                                     0x7fffffff,
                                     0x80000000,
                                     0xfffffff8,
                                     0xffffffff,
                                     0x100000000,
                                     0x7ffffffff000,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     0xfffffffffffff000,
                                     0xffffffffffffffff};

    switch (below(4)) {
    case 0:
        return size - below(16);
    case 1:
        return next();
    default:
        return edges[below(CKPT_COUNT(edges))];
    }
}

static void mutate(uint8_t *data, size_t size)
{
    size_t width = (size_t[]){1, 2, 4, 8}[below(4)];
    size_t at = below(size / width) * width;
    uint64_t value = 0;

    memcpy(&value, data + at, width);
    switch (below(5)) {
    case 0:
        value ^= 1ull << below(8 * width);
        break;
    case 1:
        value += below(32) - 16;
        break;
    case 2:
        value += sample_page_size * (below(8) - 4);
        break;
    case 3: // the value of another place
        memcpy(&value, data + below(size / width) * width, width);
        break;
    default:
        value = edge(size);
    }
    memcpy(data + at, &value, width);
}

// The end of the engine's tables: the notes for debuggers after them are not read here.
static size_t tables_end(void *metadata, size_t size)
{
    struct ckpt_image_view view;
    struct ckpt_error error;

    if (ckpt_image_parse(metadata, size, sample_header(metadata, size)->image_size, &view, &error) <
        0)
        TAP_BAIL_OUT("%s", error.text);
    return (size_t)(view.pool - (const char *)metadata) + view.pool_size;
}

static void run_rounds(void)
{
    const char *rounds_text = getenv("CKPT_FUZZ_ROUNDS"), *seed = getenv("CKPT_FUZZ_SEED");
    unsigned long rounds = rounds_text ? strtoul(rounds_text, NULL, 10) : ROUNDS;
    struct sample sample;
    size_t size, tables;
    uint64_t file_size;
    ckpt_auto_free uint8_t *metadata = NULL, *copy = NULL;

    sample_later_kinds = true;
    sample_make(&sample);
    metadata = sample_metadata(sample_write(&sample), &size, &file_size);
    sample_remove();
    copy = malloc(size);
    tables = tables_end(metadata, size);
    state = seed ? strtoull(seed, NULL, 10) : 1;
    for (unsigned long round = 0; round < rounds; round++) {
        uint64_t count = 1 + below(4);

        memcpy(copy, metadata, size);
        for (uint64_t i = 0; i < count; i++)
            mutate(copy, tables);
        if (round % 4096 == 0)
            tap_note("round %lu", round);
        LLVMFuzzerTestOneInput(copy, below(16) ? size
                                               : below(size / sample_page_size) * sample_page_size);
    }
    TAP_OK(true, "image reader: each mutated image is refused or gives a valid view");
}

static void run_file(const char *path)
{
    ckpt_auto_fclose FILE *file = fopen(path, "rbe");
    ckpt_auto_free uint8_t *data = malloc(INPUT_MAX);
    size_t size;

    if (!file || !data)
        TAP_BAIL_OUT("cannot read '%s'", path);
    size = fread(data, 1, INPUT_MAX, file);
    LLVMFuzzerTestOneInput(data, size);
    TAP_OK(true, path);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    if (argc == 1)
        run_rounds();
    return tap_done();
}
