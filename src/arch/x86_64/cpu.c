/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * cpuid, without the bits that tell about the machine's state and not about its instructions.
 */
#include "arch/x86_64/cpu.h"

#include <cpuid.h>

enum { LEAF1_C, LEAF1_D, LEAF7_B, LEAF7_C, LEAF7_D, LEAF7_1_A, EXT1_C, EXT1_D };

static const struct {
    uint8_t word, bit;
    const char *name;
} names[] = {
    {LEAF1_C, 0, "SSE3"},
    {LEAF1_C, 1, "PCLMULQDQ"},
    {LEAF1_C, 9, "SSSE3"},
    {LEAF1_C, 12, "FMA"},
    {LEAF1_C, 19, "SSE4.1"},
    {LEAF1_C, 20, "SSE4.2"},
    {LEAF1_C, 22, "MOVBE"},
    {LEAF1_C, 23, "POPCNT"},
    {LEAF1_C, 25, "AES"},
    {LEAF1_C, 28, "AVX"},
    {LEAF1_C, 29, "F16C"},
    {LEAF7_B, 3, "BMI1"},
    {LEAF7_B, 4, "HLE"},
    {LEAF7_B, 5, "AVX2"},
    {LEAF7_B, 8, "BMI2"},
    {LEAF7_B, 9, "ERMS"},
    {LEAF7_B, 11, "RTM"},
    {LEAF7_B, 16, "AVX512F"},
    {LEAF7_B, 17, "AVX512DQ"},
    {LEAF7_B, 19, "ADX"},
    {LEAF7_B, 21, "AVX512IFMA"},
    {LEAF7_B, 23, "CLFLUSHOPT"},
    {LEAF7_B, 24, "CLWB"},
    {LEAF7_B, 28, "AVX512CD"},
    {LEAF7_B, 29, "SHA"},
    {LEAF7_B, 30, "AVX512BW"},
    {LEAF7_B, 31, "AVX512VL"},
    {LEAF7_C, 1, "AVX512VBMI"},
    {LEAF7_C, 6, "AVX512VBMI2"},
    {LEAF7_C, 8, "GFNI"},
    {LEAF7_C, 9, "VAES"},
    {LEAF7_C, 10, "VPCLMULQDQ"},
    {LEAF7_C, 11, "AVX512VNNI"},
    {LEAF7_C, 12, "AVX512BITALG"},
    {LEAF7_C, 14, "AVX512VPOPCNTDQ"},
    {LEAF7_C, 22, "RDPID"},
    {LEAF7_D, 4, "FSRM"},
    {LEAF7_D, 14, "SERIALIZE"},
    {LEAF7_1_A, 23, "AVX-IFMA"},
    {EXT1_C, 5, "LZCNT"},
    {EXT1_C, 8, "PREFETCHW"},
};

static uint64_t read_xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

void ckpt_probe_cpu(struct ckpt_cpu *ret_cpu)
{
    uint32_t *word = ret_cpu->features;
    unsigned a = 0, b, c, d;

    __builtin_memset(ret_cpu, 0, sizeof *ret_cpu);
    __get_cpuid(1, &a, &b, &word[LEAF1_C], &word[LEAF1_D]);
    __get_cpuid_count(7, 0, &a, &word[LEAF7_B], &word[LEAF7_C], &word[LEAF7_D]);
    if (a >= 1)
        __get_cpuid_count(7, 1, &word[LEAF7_1_A], &b, &c, &d);
    __get_cpuid(0x80000001, &a, &b, &word[EXT1_C], &word[EXT1_D]);
    if (word[LEAF1_C] & bit_OSXSAVE) {
        ret_cpu->xcr0 = read_xcr0();
        __get_cpuid_count(13, 0, &a, &ret_cpu->xsave_size, &c, &d);
    }
}

const char *ckpt_probe_cpu_lacks(const struct ckpt_cpu *needed, const struct ckpt_cpu *here)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint32_t bit = 1u << names[i].bit;

        if ((needed->features[names[i].word] & bit) && !(here->features[names[i].word] & bit))
            return names[i].name;
    }
    if (needed->xcr0 & ~here->xcr0)
        return "an extended register state (XCR0)";
    if (needed->xsave_size > here->xsave_size)
        return "room for the extended register state (XSAVE)";
    return NULL;
}
