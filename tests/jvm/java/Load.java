// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Work that never ends and checks itself: a live structure that is changed and summed, garbage next
// to it, classes that are loaded again all the time so that the compilers never rest, and as many
// more threads as wanted, which pass a token around. Prints "round N" for each round; prints
// "CORRUPT" and ends with status 3 when data have changed unexpectedly.
//
//     Load [--threads N] [--live MIB] [--no-classes]

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.SynchronousQueue;

public final class Load {
    private static volatile Object sink;

    private final List<long[]> live = new ArrayList<>();
    private final Map<String, Integer> names = new HashMap<>();
    private final IdentityHashMap<Object, Integer> identities = new IdentityHashMap<>();
    private final ThreadLocal<String> own = new ThreadLocal<>();
    private long sum;

    private Load() {
    }

    public static void main(String[] args) throws Exception {
        int threads = 2;
        int mib = 8;
        boolean classes = true;
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--threads")) {
                threads = Integer.parseInt(args[++i]);
            } else if (args[i].equals("--live")) {
                mib = Integer.parseInt(args[++i]);
            } else {
                classes = !args[i].equals("--no-classes");
            }
        }
        Load load = new Load();
        List<SynchronousQueue<Integer>> ring = load.startRing(threads);
        load.fill(mib);
        for (int round = 1;; round++) {
            load.change(round);
            load.garbage(round);
            load.check("live structure", load.add() == load.sum);
            load.check("identity hash", load.identitiesAreFound());
            if (classes) {
                load.compile(round);
            }
            ring.get(0).put(round);
            load.check("ring", ring.get(ring.size() - 1).take() == round + threads);
            System.out.println("round " + round);
        }
    }

    private void check(String what, boolean good) {
        if (!good) {
            System.out.println("CORRUPT " + what + " in " + Thread.currentThread());
            Runtime.getRuntime().halt(3);
        }
    }

    private void fill(int mib) {
        for (int i = 0; i < mib * 128; i++) { // of 8 KiB each
            long[] piece = new long[1024];
            piece[i % 1024] = i;
            live.add(piece);
            sum += i;
            names.put("name " + i, i);
            if (i % 64 == 0) {
                identities.put(piece, i);
            }
        }
    }

    private void change(int round) {
        for (int i = round % 3; i < live.size(); i += 3) {
            long[] piece = live.get(i).clone();
            piece[round % 1024] += round;
            sum += round;
            if (!identities.containsKey(live.get(i))) {
                live.set(i, piece);
            } else {
                live.get(i)[round % 1024] += round;
            }
        }
    }

    private long add() {
        long total = 0;
        for (long[] piece : live) {
            for (long one : piece) {
                total += one;
            }
        }
        return total;
    }

    private void garbage(int round) {
        for (int i = 0; i < 2000; i++) {
            String name = "name " + (i * 31 + round) % live.size();
            check("map", names.get(name) == (i * 31 + round) % live.size());
            sink = new byte[i];
        }
    }

    private boolean identitiesAreFound() {
        for (Map.Entry<Object, Integer> entry : identities.entrySet()) {
            if (!entry.getValue().equals(identities.get(entry.getKey()))) {
                return false;
            }
        }
        return true;
    }

    /** A new class, run until it is compiled. */
    private void compile(int round) throws Exception {
        Class<?> fresh = new Fresh().load();
        long got = (Long) fresh.getMethod("run", int.class).invoke(null, round);
        check("compiled code", got == Kernel.run(round));
    }

    private List<SynchronousQueue<Integer>> startRing(int threads) {
        List<SynchronousQueue<Integer>> ring = new ArrayList<>();
        ring.add(new SynchronousQueue<Integer>());
        for (int i = 0; i < threads; i++) {
            SynchronousQueue<Integer> from = ring.get(i);
            SynchronousQueue<Integer> to = new SynchronousQueue<>();
            String name = "ring " + i;
            Thread thread = new Thread(() -> pass(name, from, to), name);
            thread.setDaemon(true);
            thread.start();
            ring.add(to);
        }
        return ring;
    }

    private void pass(String name, SynchronousQueue<Integer> from, SynchronousQueue<Integer> to) {
        own.set(name);
        try {
            for (;;) {
                int token = from.take();
                check("thread", name.equals(own.get())
                        && name.equals(Thread.currentThread().getName()));
                to.put(token + 1);
            }
        } catch (InterruptedException end) {
            check("interrupt", false);
        }
    }

    /** Loads Kernel once more, as a separate class. */
    private static final class Fresh extends ClassLoader {
        Class<?> load() throws Exception {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (InputStream in = Load.class.getResourceAsStream("Load$Kernel.class")) {
                for (int one = in.read(); one >= 0; one = in.read()) {
                    bytes.write(one);
                }
            }
            return defineClass("Load$Kernel", bytes.toByteArray(), 0, bytes.size());
        }
    }

    /** Loops that both compilers like: on-stack replacement, vectors, calls to inline. */
    public static final class Kernel {
        private Kernel() {
        }

        public static long run(int seed) {
            double[] numbers = new double[512];
            long result = seed;
            for (int i = 0; i < 400; i++) {
                for (int j = 0; j < numbers.length; j++) {
                    numbers[j] += j * 0.5 + seed;
                }
                result = mix(result, (long) numbers[i % numbers.length]);
            }
            return result;
        }

        private static long mix(long state, long value) {
            long mixed = (state ^ value) * 0x9E3779B97F4A7C15L;
            return mixed ^ mixed >>> 29;
        }
    }
}
