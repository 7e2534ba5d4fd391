// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A long computation whose result depends on every step of every thread: four threads in lockstep,
// each step mixing the neighbour's old value with one of several kinds of work (integers,
// floating point and vectors, collections, strings, sorting, exceptions, monitors, new classes).
// Prints "step N" from one of the threads, and at the end "checksum X", which is the same on every
// JVM. Nothing in it depends on time, on addresses or on the order in which threads happen to run.
//
//     Compute STEPS

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CyclicBarrier;

public final class Compute implements Runnable {
    private static final int THREADS = 4;
    private static final CyclicBarrier BARRIER = new CyclicBarrier(THREADS);
    private static final Object LOCK = new Object();
    private static final long[] STATES = new long[THREADS];
    private static final byte[] KERNEL = read();
    private static int turns;

    private final int index;
    private final int steps;
    private final ArrayDeque<int[]> kept = new ArrayDeque<>();

    private Compute(int index, int steps) {
        this.index = index;
        this.steps = steps;
    }

    public static void main(String[] args) throws InterruptedException {
        int steps = Integer.parseInt(args[0]);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            STATES[i] = i + 1;
            threads.add(new Thread(new Compute(i, steps), "compute " + i));
        }
        for (Thread thread : threads) {
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        long sum = turns;
        for (long state : STATES) {
            sum = mix(sum, state);
        }
        System.out.println("checksum " + Long.toHexString(sum));
    }

    @Override
    public void run() {
        try {
            for (int step = 0; step < steps; step++) {
                long state = mix(STATES[index], STATES[(index + 1) % THREADS]);
                BARRIER.await(); // all have read before any of them writes
                STATES[index] = step(step, state);
                if (index == 0) {
                    System.out.println("step " + step);
                }
                BARRIER.await();
            }
        } catch (Throwable failed) {
            failed.printStackTrace();
            Runtime.getRuntime().halt(3);
        }
    }

    private long step(int step, long state) throws Exception {
        long next = keep(step, state);
        switch ((step + index) % 8) {
            case 0:
                return mix(next, integers(next));
            case 1:
                return mix(next, Kernel.vectors(next));
            case 2:
                return mix(next, maps(next));
            case 3:
                return mix(next, strings(next));
            case 4:
                return mix(next, sorted(next));
            case 5:
                return mix(next, thrown((int) (next & 63)));
            case 6:
                return mix(next, monitors(next));
            default:
                return mix(next, fresh(next));
        }
    }

    static long mix(long state, long value) {
        long mixed = (state ^ value) * 0x9E3779B97F4A7C15L;
        return mixed ^ mixed >>> 31;
    }

    /** Objects that live for a while, so that they are moved from one space to the next. */
    private long keep(int step, long state) {
        int[] piece = new int[2048];
        Arrays.fill(piece, (int) state);
        kept.addLast(piece);
        long sum = 0;
        if (kept.size() > 200) {
            for (int one : kept.removeFirst()) {
                sum = sum * 31 + one;
            }
        }
        return mix(state, sum + step);
    }

    private static long integers(long state) {
        long sum = state;
        for (int i = 1; i < 30000; i++) {
            sum = mix(sum, sum / i + sum % i);
        }
        return sum;
    }

    private static long maps(long state) {
        Map<Long, String> hashed = new HashMap<>();
        TreeMap<String, Long> sorted = new TreeMap<>();
        long key = state;
        for (int i = 0; i < 1500; i++) {
            key = mix(key, i);
            hashed.put(key, "value " + key % 1000);
            sorted.put(Long.toString(key, 36), key);
        }
        long sum = 0;
        for (Map.Entry<String, Long> entry : sorted.entrySet()) {
            sum = mix(sum, hashed.get(entry.getValue()).hashCode() + entry.getKey().hashCode());
        }
        return sum;
    }

    private static long strings(long state) {
        StringBuilder text = new StringBuilder();
        long word = state;
        for (int i = 0; i < 1000; i++) {
            word = mix(word, i);
            text.append(Long.toHexString(word)).append(i % 7 == 0 ? "\u20ac" : " ");
        }
        long sum = 0;
        for (String part : text.toString().split("[ \u20ac]")) {
            sum = mix(sum, Long.parseUnsignedLong(part, 16));
        }
        return mix(sum, text.indexOf("ff") + text.reverse().toString().hashCode());
    }

    private static long sorted(long state) {
        List<Long> numbers = new ArrayList<>();
        long[] plain = new long[5000];
        long one = state;
        for (int i = 0; i < plain.length; i++) {
            one = mix(one, i);
            plain[i] = one;
            numbers.add(one);
        }
        Collections.sort(numbers, (a, b) -> Long.compare(b >>> 3, a >>> 3));
        Arrays.sort(plain);
        long sum = 0;
        for (int i = 0; i < plain.length; i++) {
            sum = mix(sum, plain[i] ^ numbers.get(i));
        }
        return sum;
    }

    private static long thrown(int depth) {
        long sum = 0;
        for (int i = 0; i < 50; i++) {
            try {
                dive(depth, i);
            } catch (IllegalStateException thrown) {
                sum = mix(sum, thrown.getMessage().hashCode() + depthOf(thrown.getStackTrace()));
            }
        }
        return sum;
    }

    private static int dive(int depth, int value) {
        if (depth == 0) {
            throw new IllegalStateException("bottom " + value);
        }
        return dive(depth - 1, value) + 1;
    }

    private static int depthOf(StackTraceElement[] trace) {
        int depth = 0;
        for (StackTraceElement frame : trace) {
            depth += frame.getMethodName().equals("dive") ? 1 : 0;
        }
        return depth;
    }

    private static long monitors(long state) throws InterruptedException {
        for (int i = 0; i < 200; i++) {
            synchronized (LOCK) {
                turns++;
                if (i % 50 == 0) {
                    LOCK.notifyAll();
                    LOCK.wait(0, 1000);
                }
            }
        }
        return state;
    }

    /** A new class each time: loaded, linked, interpreted, compiled, unloaded. */
    private static long fresh(long state) throws Exception {
        Class<?> loaded = new ClassLoader() {
            Class<?> define() {
                return defineClass("Compute$Kernel", KERNEL, 0, KERNEL.length);
            }
        }.define();
        return (Long) loaded.getMethod("vectors", long.class).invoke(null, state);
    }

    private static byte[] read() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (InputStream in = Compute.class.getResourceAsStream("Compute$Kernel.class")) {
            for (int one = in.read(); one >= 0; one = in.read()) {
                bytes.write(one);
            }
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
        return bytes.toByteArray();
    }

    /** Loops that become vector instructions, and exact floating point results. */
    public static final class Kernel {
        private Kernel() {
        }

        public static long vectors(long seed) {
            double[] a = new double[1024];
            float[] b = new float[1024];
            int[] c = new int[1024];
            for (int i = 0; i < a.length; i++) {
                a[i] = (seed >> i % 60 & 0xff) + i * 0.25;
                b[i] = i * 0.5f;
                c[i] = (int) seed + i;
            }
            for (int round = 0; round < 40; round++) {
                for (int i = 0; i < a.length; i++) {
                    a[i] = a[i] * 1.0000001 + 0.125;
                    b[i] = b[i] * 0.75f + 1.5f;
                    c[i] = c[i] * 31 + round;
                }
            }
            long sum = seed;
            for (int i = 0; i < a.length; i++) {
                sum = sum * 31 + Double.doubleToLongBits(a[i]) + Float.floatToIntBits(b[i]) + c[i];
            }
            return sum;
        }
    }
}
