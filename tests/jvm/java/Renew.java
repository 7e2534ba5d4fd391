// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Values that must not be the same in two clones. Uses every random generator of the JDK, prints
// "ready", and after its checkpoint (restored or not) prints "KIND VALUE" lines, then "done", and
// ends.
//
//     Renew HOSTS
//
// HOSTS is the file in which names are looked up (-Djdk.net.hosts.file). With -Drepeat=true the
// buffers of NativePRNG stay valid, otherwise for a tenth of a second only. With -Dbusy=true
// threads draw numbers without a pause, before, during and after the checkpoint; the first ones
// that they got in the restored process are printed. (A thread that is frozen in the middle of a
// draw continues with its old value: therefore not ThreadLocalRandom, which reads its seed and
// writes the next one, and 20 bytes at once, so that SHA1PRNG keeps no remainder.) -Dprovider=CLASS
// is the first security provider. Newer classes are used by reflection: this is compiled for Java
// 8.

import java.io.File;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.rmi.server.UID;
import java.security.NoSuchAlgorithmException;
import java.security.Provider;
import java.security.SecureRandom;
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
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;
import org.crac.management.CRaCMXBean;

public final class Renew {
    private static final CountDownLatch BACK = new CountDownLatch(1);
    private static final Resource HOOK = new Resource() {
        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            // nothing to do
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            hookSaw = "pid-in-hook " + pid() + "\nhook-uuid " + UUID.randomUUID() + "\n";
            BACK.countDown();
        }
    };
    private static volatile String hookSaw;

    private final Map<String, SecureRandom> generators = new LinkedHashMap<>();
    private final ExecutorService pool = Executors.newFixedThreadPool(2);
    private final StringBuilder text = new StringBuilder();
    private Future<Long> virtual;

    private Renew() throws Exception {
        for (String name : new String[] {"NativePRNG", "NativePRNGBlocking",
                                         "NativePRNGNonBlocking", "SHA1PRNG"}) {
            generators.put(name, SecureRandom.getInstance(name));
        }
        SecureRandom seeded = SecureRandom.getInstance("SHA1PRNG");
        seeded.setSeed(7);
        generators.put("seeded", seeded);
        generators.put("default", new SecureRandom());
        generators.put("strong", SecureRandom.getInstanceStrong());
        for (String name : new String[] {"Hash_DRBG", "HMAC_DRBG", "CTR_DRBG"}) {
            Security.setProperty("securerandom.drbg.config", name);
            try {
                generators.put(name, SecureRandom.getInstance("DRBG"));
            } catch (NoSuchAlgorithmException tooOld) {
                break; // JDK 8
            }
        }
    }

    /** Keeps the first value that it got in each millisecond of the wall clock. */
    private static final class Busy extends Thread {
        private final Callable<Object> generator;
        private final List<Long> times = new ArrayList<>();
        private final List<Object> values = new ArrayList<>();
        private volatile long latest;
        private volatile boolean enough;

        Busy(String name, Callable<Object> generator) {
            super(name);
            this.generator = generator;
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            long last = 0;
            try {
                while (!enough) {
                    long now = System.currentTimeMillis();
                    Object value = generator.call();
                    if (now != last) {
                        times.add(now);
                        values.add(value);
                        last = now;
                        latest = now;
                    }
                }
            } catch (Exception failure) {
                times.add(Long.MAX_VALUE);
                values.add(failure);
                latest = Long.MAX_VALUE;
            }
        }

        Object firstSince(long time) throws InterruptedException {
            while (latest < time) {
                Thread.yield();
            }
            enough = true;
            join();
            for (int i = 0; i < times.size(); i++) {
                if (times.get(i) >= time) {
                    return values.get(i).toString().replace(' ', '_');
                }
            }
            throw new IllegalStateException("no number since the restore");
        }
    }

    private final List<Busy> busy = new ArrayList<>();

    private void draw(String name, Callable<Object> generator) {
        busy.add(new Busy(name, generator));
    }

    private void draw(final String name) {
        final SecureRandom random = generators.get(name);
        draw(name, new Callable<Object>() {
            @Override
            public Object call() {
                return hex(random, 20);
            }
        });
    }

    private void startBusy() {
        for (String name : generators.keySet()) {
            if (name.equals("SHA1PRNG") || name.endsWith("_DRBG")) {
                draw(name);
            }
        }
        draw("math", new Callable<Object>() {
            @Override
            public Object call() {
                return Math.random();
            }
        });
        draw("uuid", new Callable<Object>() {
            @Override
            public Object call() {
                return UUID.randomUUID();
            }
        });
        draw("pid-busy", new Callable<Object>() {
            @Override
            public Object call() {
                return pid();
            }
        });
        for (Busy each : busy) {
            while (each.latest == 0) {
                Thread.yield();
            }
        }
    }

    private void sayBusy() throws InterruptedException {
        long restored = CRaCMXBean.getCRaCMXBean().getRestoreTime();
        for (Busy each : busy) {
            say(each.getName(), each.firstSince(restored));
        }
        System.out.print(text + "done\n");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private void say(String kind, Object value) {
        text.append(kind).append(' ').append(value).append('\n');
    }

    private static String hex(SecureRandom random) {
        return hex(random, 13); // leaves a remainder in every buffer
    }

    private static String hex(SecureRandom random, int size) {
        byte[] bytes = new byte[size];
        StringBuilder hex = new StringBuilder();
        random.nextBytes(bytes);
        for (byte each : bytes) {
            hex.append(String.format("%02x", each));
        }
        return hex.toString();
    }

    private static long pid() {
        try {
            Class<?> handle = Class.forName("java.lang.ProcessHandle");
            return (Long) handle.getMethod("pid").invoke(handle.getMethod("current").invoke(null));
        } catch (ReflectiveOperationException tooOld) {
            return -1;
        }
    }

    private static boolean hasInfo() throws ReflectiveOperationException {
        Class<?> handle = Class.forName("java.lang.ProcessHandle");
        Object info = handle.getMethod("info").invoke(handle.getMethod("current").invoke(null));
        Method instant = Class.forName("java.lang.ProcessHandle$Info").getMethod("startInstant");
        return instant.invoke(info).toString().startsWith("Optional[");
    }

    /** The algorithms of java.util.random, from JDK 17 on. */
    private void others() throws ReflectiveOperationException {
        Class<?> type;
        try {
            type = Class.forName("java.util.random.RandomGenerator");
        } catch (ClassNotFoundException tooOld) {
            return;
        }
        for (String name : new String[] {"L32X64MixRandom", "L64X128MixRandom",
                                         "L64X128StarStarRandom", "Xoshiro256PlusPlus"}) {
            Object made = type.getMethod("of", String.class).invoke(null, name);
            say(name, type.getMethod("nextLong").invoke(made));
        }
    }

    private void threads() throws Exception {
        final CountDownLatch both = new CountDownLatch(2);
        List<Future<Long>> found = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            found.add(pool.submit(new Callable<Long>() {
                @Override
                public Long call() throws Exception {
                    both.countDown();
                    both.await();
                    return ThreadLocalRandom.current().nextLong();
                }
            }));
        }
        for (Future<Long> each : found) {
            say("pool", each.get());
        }
    }

    /** A virtual thread that has used its generator and does so again after the checkpoint. */
    private void startVirtual() throws Exception {
        Method maker;
        try {
            maker = Executors.class.getMethod("newVirtualThreadPerTaskExecutor");
        } catch (NoSuchMethodException tooOld) {
            return;
        }
        final CountDownLatch used = new CountDownLatch(1);
        virtual = ((ExecutorService) maker.invoke(null)).submit(new Callable<Long>() {
            @Override
            public Long call() throws Exception {
                ThreadLocalRandom.current().nextLong();
                used.countDown();
                BACK.await();
                return ThreadLocalRandom.current().nextLong();
            }
        });
        used.await();
    }

    private void all() throws Exception {
        for (Map.Entry<String, SecureRandom> each : generators.entrySet()) {
            say(each.getKey(), hex(each.getValue()));
        }
        for (String name : new String[] {"NativePRNG", "SHA1PRNG"}) {
            say("new-" + name, hex(SecureRandom.getInstance(name)));
        }
        if (generators.containsKey("CTR_DRBG")) {
            say("new-DRBG", hex(SecureRandom.getInstance("DRBG")));
        }
        say("uuid", UUID.randomUUID());
        say("uuid", UUID.randomUUID());
        say("thread-local", ThreadLocalRandom.current().nextLong());
        threads();
        others();
        say("math", Math.random());
        say("strict-math", StrictMath.random());
        say("random", new Random().nextLong());
        say("splittable", new SplittableRandom().nextLong());
        List<Integer> cards = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            cards.add(i);
        }
        Collections.shuffle(cards);
        say("shuffle", cards.toString().replace(" ", ""));
        say("rmi", new UID().toString().split(":")[0]);
        for (File file : new File[] {Files.createTempFile("r", null).toFile(),
                                     File.createTempFile("renew", null)}) {
            say("file", file.getName());
            if (!file.delete()) {
                throw new IllegalStateException("not deleted: " + file);
            }
        }
    }

    private static String find(String name) {
        try {
            return InetAddress.getByName(name).getHostAddress();
        } catch (UnknownHostException unknown) {
            return "unknown";
        }
    }

    private void names() {
        say("name-here", find("here.test"));
        say("name-later", find("later.test"));
        say("name-local", findLocal());
    }

    /** A machine may be unable to resolve its own name. */
    private static String findLocal() {
        try {
            return InetAddress.getLocalHost().getHostAddress();
        } catch (UnknownHostException unknown) {
            return "unknown";
        }
    }

    /** Bytes that were read ahead from the kernel are used for up to 100 ms of the wall clock. */
    private static void keepBuffers() throws ReflectiveOperationException {
        for (String variant : new String[] {"", "$Blocking", "$NonBlocking"}) {
            Class<?> owner = Class.forName("sun.security.provider.NativePRNG" + variant);
            Field instance = owner.getDeclaredField("INSTANCE");
            instance.setAccessible(true);
            Object buffers = instance.get(null);
            Field read = buffers.getClass().getDeclaredField("lastRead");
            read.setAccessible(true);
            read.setLong(buffers, Long.MAX_VALUE / 2);
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (System.getProperty("provider") != null) {
            Class<?> provider = Class.forName(System.getProperty("provider"));
            Security.insertProviderAt((Provider) provider.getConstructor().newInstance(), 1);
        }
        Core.getGlobalContext().register(HOOK);
        Renew renew = new Renew();
        renew.startVirtual();
        renew.all();
        renew.names();
        pid();
        renew.text.setLength(0);
        if (Boolean.getBoolean("repeat")) {
            keepBuffers();
        }
        if (Boolean.getBoolean("busy")) {
            renew.startBusy();
        }
        System.out.println("ready");
        BACK.await();
        if (!renew.busy.isEmpty()) {
            renew.sayBusy();
        }
        renew.names();
        renew.all();
        if (renew.virtual != null) {
            renew.say("virtual", renew.virtual.get());
        }
        renew.say("pid", pid());
        renew.say("info", pid() < 0 || hasInfo());
        System.out.print(renew.text + hookSaw + "done\n");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
