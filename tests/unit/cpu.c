// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Comparing CPUs: an image runs where all that its code may use is there, and nowhere else.

#include "arch/x86_64/cpu.h"

#include "tap.h"

int main(void)
{
    struct ckpt_cpu here, needed;

    ckpt_probe_cpu(&here);
    TAP_OK(here.features[0] & 1, "this CPU has SSE3, as all of the last twenty years");
    TAP_OK(!ckpt_probe_cpu_lacks(&here, &here), "a CPU has what it has");
    needed = (struct ckpt_cpu){0};
    TAP_OK(!ckpt_probe_cpu_lacks(&needed, &here), "nothing is needed of it");

    needed = here;
    needed.features[2] = 1u << 5;
    here.features[2] &= ~(1u << 5);
    TAP_STR(ckpt_probe_cpu_lacks(&needed, &here), "AVX2", "a missing instruction set is named");
    here.features[2] |= 1u << 5;
    needed.features[2] = 1u << 16;
    here.features[2] &= ~(1u << 16);
    TAP_STR(ckpt_probe_cpu_lacks(&needed, &here), "AVX512F", "AVX-512 is");
    needed = here;
    needed.features[1] |= 1u << 31;
    needed.features[6] ^= 1u << 31;
    TAP_OK(!ckpt_probe_cpu_lacks(&needed, &here), "bits that no code tests for do not matter");

    needed = here;
    here.xcr0 &= ~1ull;
    needed.xcr0 |= 1;
    TAP_OK(ckpt_probe_cpu_lacks(&needed, &here), "a state that the kernel has not enabled does");
    here.xcr0 = needed.xcr0;
    needed.xsave_size = here.xsave_size + 64;
    TAP_OK(ckpt_probe_cpu_lacks(&needed, &here), "and so does a larger signal frame");
    needed.xsave_size = here.xsave_size ? here.xsave_size - 1 : 0;
    TAP_OK(!ckpt_probe_cpu_lacks(&needed, &here), "a smaller one fits");
    return tap_done();
}
