// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Comparing CPUs: an image runs where every feature that its code may use exists, and nowhere else.

#include "arch/x86_64/cpu.h"

#include "tap.h"

int main(void)
{
    struct ckpt_cpu here, needed;

    ckpt_probe_cpu(&here);
    TAP_OK(here.features[0] & 1, "probe: this CPU has SSE3, like all of the last twenty years");
    TAP_OK(!ckpt_probe_cpu_lacks(&here, &here), "lacks: a CPU lacks none of its own features");
    needed = (struct ckpt_cpu){0};
    TAP_OK(!ckpt_probe_cpu_lacks(&needed, &here),
           "lacks: an image that needs no feature is accepted");

    needed = here;
    needed.features[2] = 1u << 5;
    here.features[2] &= ~(1u << 5);
    TAP_STR(ckpt_probe_cpu_lacks(&needed, &here), "AVX2",
            "lacks: AVX2 is named when it is missing");
    here.features[2] |= 1u << 5;
    needed.features[2] = 1u << 16;
    here.features[2] &= ~(1u << 16);
    TAP_STR(ckpt_probe_cpu_lacks(&needed, &here), "AVX512F",
            "lacks: AVX-512 is named when it is missing");
    needed = here;
    needed.features[1] |= 1u << 31;
    needed.features[6] ^= 1u << 31;
    TAP_OK(!ckpt_probe_cpu_lacks(&needed, &here), "lacks: bits that no code tests for are ignored");

    needed = here;
    here.xcr0 &= ~1ull;
    needed.xcr0 |= 1;
    TAP_OK(ckpt_probe_cpu_lacks(&needed, &here),
           "lacks: a register state that the kernel has not enabled is missing");
    here.xcr0 = needed.xcr0;
    needed.xsave_size = here.xsave_size + 64;
    TAP_OK(ckpt_probe_cpu_lacks(&needed, &here), "lacks: a larger signal frame is refused");
    needed.xsave_size = here.xsave_size ? here.xsave_size - 1 : 0;
    TAP_OK(!ckpt_probe_cpu_lacks(&needed, &here), "lacks: a smaller signal frame is accepted");
    return tap_done();
}
