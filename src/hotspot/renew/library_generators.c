/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rows of generators.c: fields in which the JDK and libraries keep the state of random generators,
 * and other fields that must differ between clones. library_generators.h describes the syntax.
 *
 * Indices, counts and constants of an algorithm (the increment of a PCG, which must be odd) are
 * left out: only fields for which any value is valid are named.
 */
#include "hotspot/renew/library_generators.h"

#include "base/cleanup.h"

#define BC "org/bouncycastle/crypto/prng/"
#define BC_DRBG BC "drbg/"
#define BC_DRBG_PROVIDER "org/bouncycastle/jcajce/provider/drbg/"
#define BC_GENERAL "org/bouncycastle/crypto/general/"
#define BC_FIPS "org/bouncycastle/crypto/fips/"
#define MATH3 "org/apache/commons/math3/random/"
#define RNG "org/apache/commons/rng/core/"

/* Field names that Commons RNG, dsiutils and java.util.random use for the states of generators. */
#define XO                                                                                         \
    "?state", "?state0", "?state1", "?state2", "?state3", "?state4", "?state5", "?state6",         \
        "?state7", "?s0", "?s1", "?s2", "?s3", "?x", "?x0", "?x1", "?x2", "?x3", "?ls", "?lsh",    \
        "?lsl", "?sh", "?sl", "?v", "?mt", "?rsl", "?mem", "?b", "?c", "?d", "?z", "?w", "?jsr",   \
        "?jcong", "?xx", "?yy"

const struct ckpt_generator_row ckpt_generator_rows[] = {
    /* A DRBG reseeds itself if its counter is negative. A thread may be incrementing the counter at
     * this moment: from the lowest number it stays negative for long. */
    {"sun/security/provider/SecureRandom", {"state", "?remainder"}},
    {"sun/security/provider/HashDrbg", {"v", "c", "reseedCounter=min"}},
    {"sun/security/provider/HmacDrbg", {"v", "k", "reseedCounter=min"}},
    {"sun/security/provider/CtrDrbg", {"v", "k", "reseedCounter=min"}},

    /* No key has the new ID, so new tickets get a new key; tickets of clients stay valid. */
    {"sun/security/ssl/SSLSessionContextImpl", {"?currentKeyID"}},

    {BC_DRBG "HashSP800DRBG", {"_V", "_C"}},
    {BC_DRBG "HMacSP800DRBG", {"_V", "_K"}},
    {BC_DRBG "CTRSP800DRBG", {"_V", "_Key"}},
    {BC "X931RNG", {"V", "DT"}},
    {BC "DigestRandomGenerator", {"state", "seed"}},
    {BC "ReversedWindowGenerator", {"window"}},
    /* bytes that it has read ahead */
    {BC_DRBG_PROVIDER "DRBG$URLSeededEntropySourceProvider", {"?seedStream>buf"}},
    {BC_FIPS "HashSP800DRBG", {"?_V", "?_C", "?workingBuf>_V", "?workingBuf>_C"}},
    {BC_FIPS "HMacSP800DRBG", {"?_V", "?_K", "?workingBuf>_V", "?workingBuf>_K"}},
    {BC_FIPS "CTRSP800DRBG", {"?_V", "?_Key", "?workingBuf>_V", "?workingBuf>_Key"}},
    {BC_FIPS "ContinuousTestingPseudoRNG", {"block"}},
    {BC_GENERAL "X931RNG", {"V", "DT"}},
    {BC_GENERAL "ContinuousTestingPseudoRNG", {"block"}},

    {"org/bson/types/ObjectId",
     {"?RANDOM_VALUE1/24", "?RANDOM_VALUE2/15", "?RANDOM_VALUE/40", "?MACHINE_IDENTIFIER/24",
      "?PROCESS_IDENTIFIER", "?_genmachine", "?GENERATED_MACHINE_IDENTIFIER/24", "?NEXT_COUNTER",
      "?nextCounter"}},
    {"io/netty/util/internal/ThreadLocalRandom",
     {"rnd/48", "seedUniquifier", "?initialSeedUniquifier"}},
    {"io/netty/channel/DefaultChannelId", {"?PROCESS_ID=pid", "?nextSequence"}},

    {MATH3 "MersenneTwister", {"mt", "nextGaussian"}},
    {MATH3 "AbstractWell", {"v", "nextGaussian"}},
    {MATH3 "ISAACRandom", {"rsl", "mem", "nextGaussian"}},
    {MATH3 "JDKRandomGenerator", {"seed/48", "haveNextNextGaussian"}},
    {"org/apache/commons/math/random/MersenneTwister", {"mt", "nextGaussian"}},
    {"org/apache/commons/math/random/AbstractWell", {"v", "nextGaussian"}},
    {RNG "source32/JDKRandom", {"delegate"}},
    {RNG "source32/", {XO}},
    {RNG "source64/", {XO}},
    {"it/unimi/dsi/util/", {XO, "?s"}},

    /* The library makes these itself, with a random seed. */
    {"scala/util/Random$", {"self"}, CKPT_GENERATOR_EXACT},
    {"org/springframework/util/AlternativeJdkIdGenerator", {"random"}},
    {"org/apache/commons/lang3/RandomStringUtils", {"?RANDOM"}},
    {"org/apache/commons/lang/RandomStringUtils", {"?RANDOM"}},
    {"org/apache/tomcat/websocket/WsWebSocketContainer", {"?RANDOM"}},

    /* The application may have given these a seed, to get the same numbers each time. */
    {"java/util/Random", {"seed/48", "haveNextNextGaussian"}, CKPT_GENERATOR_SEEDED},
    {"java/util/SplittableRandom", {"seed"}, CKPT_GENERATOR_SEEDED},
    {"jdk/random/", {XO, "?s"}, CKPT_GENERATOR_SEEDED},
    {"jdk/internal/random/", {XO, "?s"}, CKPT_GENERATOR_SEEDED},
    {"kotlin/random/XorWowRandom", {"x", "y", "z", "w", "v"}, CKPT_GENERATOR_SEEDED},
};
const size_t ckpt_generator_row_count = CKPT_COUNT(ckpt_generator_rows);
