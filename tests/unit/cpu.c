// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Comparing processors: an image runs where every feature that its code may use exists, and nowhere
// else. What is in the record is the business of the folder in src/arch: each bit of it is taken
// away in turn.

#include <string.h>

#include "arch/arch.h"
#include "tap.h"

#define BITS (8 * sizeof(struct ckpt_arch_cpu))

static bool has_name(const char *names, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = names; (at = strstr(at, name)); at += length)
        if ((at == names || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static void flip(struct ckpt_arch_cpu *cpu, size_t bit)
{
    cpu->words[bit / 64] ^= 1ull << bit % 64;
}

int main(void)
{
    struct ckpt_arch_cpu here, other, none = {0};
    unsigned named = 0, other_names = 0, wrong = 0, unequal = 0;
    char names[1024], left[1024];

    ckpt_arch_cpu_read(&here);
    ckpt_arch_cpu_describe(&here, names, sizeof names);
    tap_note("%s", names);
    TAP_OK(strchr(names, ' '), "describe: a processor has features with names");
    TAP_OK(!ckpt_arch_cpu_lacks(&here, &here), "lacks: a processor lacks none of its own features");
    TAP_OK(!ckpt_arch_cpu_lacks(&none, &here), "lacks: an image that needs no feature is accepted");

    for (size_t bit = 0; bit < BITS; bit++) {
        const char *lacks;
        bool is_set = here.words[bit / 64] >> bit % 64 & 1;

        other = here;
        flip(&other, bit);
        lacks = is_set ? ckpt_arch_cpu_lacks(&here, &other) : ckpt_arch_cpu_lacks(&other, &here);
        if (!lacks)
            continue;
        ckpt_arch_cpu_describe(is_set ? &other : &here, left, sizeof left);
        ckpt_arch_cpu_describe(is_set ? &here : &other, names, sizeof names);
        if (!has_name(names, lacks))
            other_names++;
        else if (has_name(left, lacks))
            wrong++;
        else
            named++;
        unequal += (is_set ? ckpt_arch_cpu_lacks(&other, &here)
                           : ckpt_arch_cpu_lacks(&here, &other)) != NULL;
    }
    tap_note("%u features, %u other bits", named, other_names);
    TAP_OK(named >= 8, "lacks: a missing feature is named");
    TAP_INT(wrong, 0, "lacks: no feature is named that exists");
    TAP_OK(other_names > 0, "lacks: a register state that is missing or too large is named");
    TAP_INT(unequal, 0, "lacks: a processor with more features is accepted");
    TAP_OK(named + other_names < BITS / 2, "lacks: bits that no code tests for are ignored");

    ckpt_arch_cpu_describe(&here, left, 6);
    TAP_INT(strlen(left), 5, "describe: a text that does not fit is cut");
    return tap_done();
}
