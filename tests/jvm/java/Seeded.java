// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Generators that the application seeded itself, in each way that there is. Takes a checkpoint of
// itself, and prints the next values after it: "secret NAME VALUES" for a SecureRandom, "sequence
// NAME VALUES" for the others, each followed by what a generator without a checkpoint would give.

import java.lang.reflect.Method;
import java.security.SecureRandom;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import org.crac.Core;

public class Seeded {
    private static final long SEED = 4711;
    private static final byte[] BYTES = {4, 7, 1, 1};

    interface Maker {
        SecureRandom make() throws Exception;
    }

    private static SecureRandom sha1(int bytes) throws Exception {
        SecureRandom random = SecureRandom.getInstance("SHA1PRNG");
        random.setSeed(SEED);
        random.nextBytes(new byte[bytes]); // 20 at a time are made; the rest is kept for later
        return random;
    }

    /** A DRBG with a personalisation string, by reflection because JDK 8 has none. */
    private static SecureRandom drbg() throws Exception {
        Class<?> drbg = Class.forName("java.security.DrbgParameters");
        Class<?> capability = Class.forName("java.security.DrbgParameters$Capability");
        Method instantiation = drbg.getMethod("instantiation", int.class, capability, byte[].class);
        Object parameters = instantiation.invoke(null, 128, capability.getField("NONE").get(null),
                BYTES);
        return (SecureRandom) SecureRandom.class
                .getMethod("getInstance", String.class, Class.forName(
                        "java.security.SecureRandomParameters"))
                .invoke(null, "DRBG", parameters);
    }

    private static SecureRandom drawn(SecureRandom random) {
        random.nextInt();
        return random;
    }

    private static SecureRandom reseeded(SecureRandom random) {
        random.setSeed(BYTES);
        return drawn(random);
    }

    private static final Map<String, SecureRandom> SECRETS = new LinkedHashMap<>();
    private static final Map<String, LongSupplier> SEQUENCES = new LinkedHashMap<>();
    private static final Map<String, LongSupplier> CONTROLS = new LinkedHashMap<>();

    private static void secret(String name, Maker maker) {
        try {
            SECRETS.put(name, maker.make());
        } catch (Exception absent) {
            System.out.println("absent " + name + " " + absent);
        }
    }

    private static void sequences(Map<String, LongSupplier> to) {
        Random random = new Random(SEED);
        SplittableRandom splittable = new SplittableRandom(SEED);
        Random later = new Random();
        later.setSeed(SEED);
        later.nextGaussian(); // keeps a second value for later
        to.put("Random", random::nextLong);
        to.put("SplittableRandom", splittable::nextLong);
        to.put("Random.setSeed", () -> Double.doubleToLongBits(later.nextGaussian()));
    }

    private static String values(LongSupplier source) {
        return source.getAsLong() + " " + source.getAsLong();
    }

    public static void main(String[] args) throws Exception {
        secret("SHA1PRNG-seeded", () -> sha1(20));
        secret("SHA1PRNG-with-rest", () -> sha1(4));
        secret("SHA1PRNG-long-ago", () -> sha1(1000));
        secret("SHA1PRNG-not-drawn", () -> {
            SecureRandom random = SecureRandom.getInstance("SHA1PRNG");
            random.setSeed(SEED);
            return random;
        });
        secret("SHA1PRNG-seeded-twice", () -> reseeded(sha1(4)));
        secret("SHA1PRNG-not-seeded", () -> drawn(SecureRandom.getInstance("SHA1PRNG")));
        secret("NativePRNG-seeded", () -> reseeded(SecureRandom.getInstance("NativePRNG")));
        secret("constructor", () -> drawn(new SecureRandom(BYTES)));
        secret("DRBG-seeded", () -> reseeded(SecureRandom.getInstance("DRBG")));
        secret("DRBG-personalised", () -> drawn(drbg()));
        secret("DRBG-personalised-not-drawn", Seeded::drbg);
        sequences(SEQUENCES);
        sequences(CONTROLS);
        values(SEQUENCES.get("Random"));
        values(CONTROLS.get("Random"));
        Core.checkpointRestore();
        for (Map.Entry<String, SecureRandom> entry : SECRETS.entrySet()) {
            String values = values(entry.getValue()::nextInt);
            System.out.println("secret " + entry.getKey() + " " + values);
        }
        for (Map.Entry<String, LongSupplier> entry : SEQUENCES.entrySet()) {
            System.out.println("sequence " + entry.getKey() + " " + values(entry.getValue()));
        }
        sequences(CONTROLS);
        values(CONTROLS.get("Random"));
        for (Map.Entry<String, LongSupplier> entry : CONTROLS.entrySet()) {
            System.out.println("control " + entry.getKey() + " " + values(entry.getValue()));
        }
    }
}
