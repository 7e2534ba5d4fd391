// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Waits an hour by the monotonic clock in every way that Java has, and prints "NAME ended" at the
// end of each wait; a pool at a fixed rate of half an hour prints "rate N". Prints "age SECONDS.",
// the age of the program by System.nanoTime(), ten times a second.

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.channels.Selector;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

public class Elapsed {
    private static final int HOUR_MS = 3600 * 1000;

    interface Wait {
        void once() throws Exception;
    }

    private static Runnable waiter(String name, Wait wait) {
        return () -> {
            try {
                wait.once();
                System.out.println(name + " ended");
            } catch (Exception unexpected) {
                System.out.println(name + " unexpected " + unexpected);
            }
        };
    }

    private static void start(String name, Wait wait) {
        new Thread(waiter(name, wait), name).start();
    }

    private static void accept() throws Exception {
        try (ServerSocket server = new ServerSocket()) {
            server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            server.setSoTimeout(HOUR_MS);
            server.accept();
        } catch (SocketTimeoutException expected) {
            return;
        }
    }

    private static void select() throws Exception {
        try (Selector selector = Selector.open()) {
            selector.select(HOUR_MS);
        }
    }

    // JDK 21 and later.
    private static void startVirtual() throws Exception {
        try {
            Thread.class.getMethod("startVirtualThread", Runnable.class)
                    .invoke(null, waiter("virtual", () -> Thread.sleep(HOUR_MS)));
        } catch (NoSuchMethodException absent) {
            System.out.println("virtual absent");
        }
    }

    // A park and a wait may end early without a reason.
    private static void until(Wait wait) throws Exception {
        long began = System.nanoTime();
        do {
            wait.once();
        } while (System.nanoTime() - began < HOUR_MS * 1000000L);
    }

    public static void main(String[] args) throws Exception {
        long began = System.nanoTime();
        Object monitor = new Object();
        AtomicInteger runs = new AtomicInteger();
        ArrayBlockingQueue<String> empty = new ArrayBlockingQueue<>(1);
        ScheduledExecutorService pool = Executors.newScheduledThreadPool(1);
        pool.schedule(() -> System.out.println("schedule ended"), HOUR_MS, TimeUnit.MILLISECONDS);
        pool.scheduleAtFixedRate(() -> System.out.println("rate " + runs.incrementAndGet() + "."),
                HOUR_MS / 2, HOUR_MS / 2, TimeUnit.MILLISECONDS);
        start("sleep", () -> Thread.sleep(HOUR_MS));
        start("park", () -> until(() -> LockSupport.parkNanos(HOUR_MS * 1000000L)));
        start("poll", () -> empty.poll(HOUR_MS, TimeUnit.MILLISECONDS));
        start("wait", () -> until(() -> {
            synchronized (monitor) {
                monitor.wait(HOUR_MS);
            }
        }));
        start("accept", Elapsed::accept);
        start("select", Elapsed::select);
        startVirtual();
        while (true) {
            long age = System.nanoTime() - began;
            System.out.println("age " + TimeUnit.NANOSECONDS.toSeconds(age) + ".");
            Thread.sleep(100);
        }
    }
}
