/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Reads the features of this processor by cpuid, and compares only the bits that stand for
 * instructions; the other bits describe the state of the machine.
 */
#include <cpuid.h>

#include "arch/arch.h"
#include "arch/x86_64/cpu_features.h"
#include "base/raw.h"

/* The content of struct ckpt_arch_cpu. */
struct record {
    uint32_t features[8]; /* words of cpuid, in the order below */
    uint64_t xcr0;        /* the extended states that the kernel has enabled */
    uint32_t xsave_size;  /* bytes of extended state in a signal frame */
    uint32_t reserved;
};
_Static_assert(sizeof(struct record) <= sizeof(struct ckpt_arch_cpu), "part of the image's format");

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

uint64_t ckpt_x86_xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

void ckpt_arch_cpu_read(struct ckpt_arch_cpu *ret_cpu)
{
    struct record *record = (struct record *)ret_cpu;
    uint32_t *word = record->features;
    unsigned a = 0, b, c, d;

    __builtin_memset(ret_cpu, 0, sizeof *ret_cpu);
    __get_cpuid(1, &a, &b, &word[LEAF1_C], &word[LEAF1_D]);
    __get_cpuid_count(7, 0, &a, &word[LEAF7_B], &word[LEAF7_C], &word[LEAF7_D]);
    if (a >= 1)
        __get_cpuid_count(7, 1, &word[LEAF7_1_A], &b, &c, &d);
    __get_cpuid(0x80000001, &a, &b, &word[EXT1_C], &word[EXT1_D]);
    if (word[LEAF1_C] & bit_OSXSAVE) {
        record->xcr0 = ckpt_x86_xcr0();
        __get_cpuid_count(13, 0, &a, &record->xsave_size, &c, &d);
    }
}

const char *ckpt_arch_cpu_lacks(const struct ckpt_arch_cpu *needed,
                                const struct ckpt_arch_cpu *here)
{
    const struct record *want = (const struct record *)needed;
    const struct record *have = (const struct record *)here;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint32_t bit = 1u << names[i].bit;

        if ((want->features[names[i].word] & bit) && !(have->features[names[i].word] & bit))
            return names[i].name;
    }
    if (want->xcr0 & ~have->xcr0)
        return "an extended register state (XCR0)";
    if (want->xsave_size > have->xsave_size)
        return "room for the extended register state (XSAVE)";
    return NULL;
}

void ckpt_arch_cpu_describe(const struct ckpt_arch_cpu *cpu, char *text, size_t size)
{
    const struct record *record = (const struct record *)cpu;
    size_t length = ckpt_raw_format(text, size, "%s", "");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (record->features[names[i].word] & (1u << names[i].bit))
            length +=
                ckpt_raw_format(text + length, size - length, length ? " %s" : "%s", names[i].name);
}
