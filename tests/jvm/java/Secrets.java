// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Random generators of libraries, of other security providers and of the application, which must
// not return the same values in two clones. Uses each, prints "ready", and after its checkpoint
// (restored or not) prints "KIND VALUE" lines, then "done", and ends.
//
//     Secrets bc|libraries|own|plain
//
// bc: Bouncy Castle is the first provider. own: a provider and a subclass of the application; with
// -Dhang=true engineSetSeed() of one never returns in a restored process, of another only when
// interrupted, and a third one throws. plain: generators whose seed the application may want to
// keep.

import io.netty.channel.DefaultChannelId;
import java.lang.reflect.Method;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Provider;
import java.security.SecureRandom;
import java.security.SecureRandomSpi;
import java.security.Security;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import javax.crypto.KeyGenerator;
import org.apache.commons.math3.random.ISAACRandom;
import org.apache.commons.math3.random.MersenneTwister;
import org.apache.commons.math3.random.RandomGenerator;
import org.apache.commons.math3.random.Well19937c;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.engines.AESEngine;
import org.bouncycastle.crypto.macs.HMac;
import org.bouncycastle.crypto.prng.DigestRandomGenerator;
import org.bouncycastle.crypto.prng.SP800SecureRandomBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bson.types.ObjectId;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Secrets {
    private static final CountDownLatch BACK = new CountDownLatch(1);
    private static volatile boolean restored;
    private static final Resource HOOK = new Resource() {
        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            restored = true; // for engineSetSeed()
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws Exception {
            if (OWN.containsKey("hook")) {
                say("hook", OWN.get("hook").call());
            }
            BACK.countDown();
        }
    };

    private static final Map<String, Callable<Object>> OWN = new LinkedHashMap<>();
    private static SecureRandom unused;
    private static final StringBuilder TEXT = new StringBuilder();

    private static void say(String kind, Object value) {
        TEXT.append(kind).append(' ').append(value).append('\n');
    }

    private static String hex(byte[] bytes) {
        StringBuilder hex = new StringBuilder();
        for (byte each : bytes) {
            hex.append(String.format("%02x", each));
        }
        return hex.toString();
    }

    private static void add(String name, final SecureRandom random) {
        OWN.put(name, new Callable<Object>() {
            @Override
            public Object call() {
                byte[] bytes = new byte[13];
                random.nextBytes(bytes);
                return hex(bytes);
            }
        });
    }

    private static void add(String name, final RandomGenerator random) {
        random.nextGaussian(); // the next one is drawn already
        OWN.put(name, new Callable<Object>() {
            @Override
            public Object call() {
                return random.nextGaussian();
            }
        });
    }

    private static void add(String name, final Random random) {
        random.nextGaussian();
        OWN.put(name, new Callable<Object>() {
            @Override
            public Object call() {
                return random.nextGaussian();
            }
        });
    }

    /** A generator whose whole state is the SHA-256 of its seeds. */
    public static class Chain extends SecureRandomSpi {
        private byte[] mine = {1, 2, 3};

        private static byte[] digest(byte[] first, byte[] second) {
            try {
                MessageDigest digest = MessageDigest.getInstance("SHA-256", "SUN");
                digest.update(first);
                return digest.digest(second);
            } catch (java.security.GeneralSecurityException impossible) {
                throw new IllegalStateException(impossible);
            }
        }

        @Override
        protected synchronized void engineSetSeed(byte[] seed) {
            mine = digest(mine, seed);
        }

        @Override
        protected synchronized void engineNextBytes(byte[] bytes) {
            for (int at = 0; at < bytes.length; at += 32) {
                mine = digest(mine, new byte[1]);
                System.arraycopy(mine, 0, bytes, at, Math.min(32, bytes.length - at));
            }
        }

        @Override
        protected byte[] engineGenerateSeed(int size) {
            byte[] bytes = new byte[size];
            engineNextBytes(bytes);
            return bytes;
        }
    }

    /** Waits without limit when it is seeded in a restored process, and ignores interrupts. */
    public static final class Hanging extends Chain {
        @Override
        protected void engineSetSeed(byte[] seed) {
            while (restored) {
                try {
                    Thread.sleep(Long.MAX_VALUE);
                } catch (InterruptedException again) {
                    continue;
                }
            }
        }
    }

    /** Waits without limit, unless it is interrupted. */
    public static final class Waiting extends Chain {
        @Override
        protected void engineSetSeed(byte[] seed) {
            try {
                Thread.sleep(restored ? Long.MAX_VALUE : 0);
            } catch (InterruptedException end) {
                throw new IllegalStateException(end);
            }
        }
    }

    /** Accepts no seed. */
    public static final class Throwing extends Chain {
        @Override
        protected void engineSetSeed(byte[] seed) {
            throw new UnsupportedOperationException("no seed");
        }
    }

    /** The provider of these generators. */
    public static final class Maker extends Provider {
        private static final long serialVersionUID = 1;

        @SuppressWarnings("deprecation")
        public Maker() {
            super("Maker", 1.0, "of a test");
            put("SecureRandom.Chain", Chain.class.getName());
            put("SecureRandom.Hanging", Hanging.class.getName());
            put("SecureRandom.Waiting", Waiting.class.getName());
            put("SecureRandom.Throwing", Throwing.class.getName());
        }
    }

    /** A subclass with its own state, as applications have them. */
    public static final class Wrapped extends SecureRandom {
        private static final long serialVersionUID = 1;
        private final Chain chain = new Chain();
        private final boolean ready = true;

        @Override
        public void setSeed(byte[] seed) {
            if (ready) {
                chain.engineSetSeed(seed);
            }
        }

        @Override
        public void nextBytes(byte[] bytes) {
            chain.engineNextBytes(bytes);
        }
    }

    /** Numbers that do not depend on a seed. */
    public static final class Deaf extends SecureRandom {
        private static final long serialVersionUID = 1;
        private byte next;

        @Override
        public void nextBytes(byte[] bytes) {
            java.util.Arrays.fill(bytes, ++next);
        }
    }

    /** Reachable only by a field of an object in a list. */
    private static final class Holder {
        private final SecureRandom inside;

        Holder(SecureRandom inside) {
            this.inside = inside;
        }
    }

    private static void useKeys() throws Exception {
        final KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC");
        pairs.initialize(256);
        final KeyGenerator keys = KeyGenerator.getInstance("AES");
        keys.init(256);
        OWN.put("key-pair", new Callable<Object>() {
            @Override
            public Object call() {
                return hex(pairs.generateKeyPair().getPublic().getEncoded());
            }
        });
        OWN.put("key", new Callable<Object>() {
            @Override
            public Object call() {
                return hex(keys.generateKey().getEncoded());
            }
        });
    }

    private static void useBouncyCastle() throws Exception {
        Security.insertProviderAt(new BouncyCastleProvider(), 1);
        add("default", new SecureRandom());
        add("hook", new SecureRandom());
        add("bc-default", SecureRandom.getInstance("DEFAULT", "BC"));
        add("bc-nonce", SecureRandom.getInstance("NONCEANDIV", "BC"));
        SecureRandom seeded = SecureRandom.getInstance("DEFAULT", "BC");
        seeded.setSeed(7);
        add("bc-seeded", seeded);
        SP800SecureRandomBuilder builder = new SP800SecureRandomBuilder();
        add("bc-hash", builder.buildHash(new SHA256Digest(), null, false));
        add("bc-hmac", builder.buildHMAC(new HMac(new SHA256Digest()), null, false));
        add("bc-ctr", builder.buildCTR(AESEngine.newInstance(), 256, null, false));
        final DigestRandomGenerator light = new DigestRandomGenerator(new SHA256Digest());
        light.addSeedMaterial(7);
        OWN.put("bc-light", new Callable<Object>() {
            @Override
            public Object call() {
                byte[] bytes = new byte[16];
                light.nextBytes(bytes);
                return hex(bytes);
            }
        });
        useKeys();
        OWN.put("uuid", new Callable<Object>() {
            @Override
            public Object call() {
                return UUID.randomUUID();
            }
        });
        OWN.put("new", new Callable<Object>() {
            @Override
            public Object call() {
                return new SecureRandom().nextLong();
            }
        });
    }

    private static void useLibraries() {
        add("twister", new MersenneTwister());
        add("twister-seeded", new MersenneTwister(42));
        add("well", new Well19937c());
        add("isaac", new ISAACRandom());
        OWN.put("object-id", new Callable<Object>() {
            @Override
            public Object call() {
                return new ObjectId().toHexString().substring(18);
            }
        });
        OWN.put("object-id-machine", new Callable<Object>() {
            @Override
            public Object call() {
                return new ObjectId().toHexString().substring(8, 18);
            }
        });
        OWN.put("channel", new Callable<Object>() {
            @Override
            public Object call() {
                return DefaultChannelId.newInstance().asLongText();
            }
        });
        OWN.put("netty", new Callable<Object>() {
            @Override
            public Object call() {
                return io.netty.util.internal.ThreadLocalRandom.current().nextLong();
            }
        });
    }

    private static void useOwn() throws Exception {
        Security.addProvider(new Maker());
        add("chain", SecureRandom.getInstance("Chain"));
        add("subclass", new Wrapped());
        add("hook", SecureRandom.getInstance("Chain"));
        final List<Object> list = new ArrayList<>(Collections.singletonList(
            (Object) new Holder(SecureRandom.getInstance("Chain"))));
        OWN.put("inside", new Callable<Object>() {
            @Override
            public Object call() {
                return ((Holder) list.get(0)).inside.nextLong();
            }
        });
        SecureRandom seeded = SecureRandom.getInstance("Chain");
        seeded.setSeed(1234);
        add("seeded", seeded);
        if (Boolean.getBoolean("hang")) {
            add("waiting", SecureRandom.getInstance("Waiting"));
            unused = SecureRandom.getInstance("Hanging");
            unused.nextLong(); // but not in the restored process, where it is locked
            add("throwing", SecureRandom.getInstance("Throwing"));
            add("last", SecureRandom.getInstance("Chain"));
        }
    }

    private static void usePlain() throws Exception {
        add("deaf", new Deaf());
        add("random", new Random());
        add("random-seeded", new Random(42));
        final SplittableRandom splittable = new SplittableRandom(42);
        OWN.put("splittable", new Callable<Object>() {
            @Override
            public Object call() {
                return splittable.nextLong();
            }
        });
        Class<?> type;
        try {
            type = Class.forName("java.util.random.RandomGenerator");
        } catch (ClassNotFoundException tooOld) {
            return;
        }
        final Method next = type.getMethod("nextLong");
        for (String name : new String[] {"L64X128MixRandom", "L32X64MixRandom", "L64X1024MixRandom",
                                         "Xoshiro256PlusPlus", "Xoroshiro128PlusPlus"}) {
            final Object made = type.getMethod("of", String.class).invoke(null, name);
            OWN.put(name, new Callable<Object>() {
                @Override
                public Object call() throws Exception {
                    return next.invoke(made);
                }
            });
        }
    }

    private static void all() throws Exception {
        for (Map.Entry<String, Callable<Object>> each : OWN.entrySet()) {
            if (!each.getKey().equals("hook")) {
                say(each.getKey(), each.getValue().call());
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Core.getGlobalContext().register(HOOK);
        switch (arguments[0]) {
            case "bc":
                useBouncyCastle();
                break;
            case "libraries":
                useLibraries();
                break;
            case "own":
                useOwn();
                break;
            default:
                usePlain();
                break;
        }
        all();
        TEXT.setLength(0);
        System.out.println("ready");
        BACK.await();
        all();
        System.out.print(TEXT + "done\n");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
