// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Waits by the monotonic clock in every way that Java has: prints one line "NAME N" for each step
// of each waiter, and "jump NAME MS" if System.nanoTime() between two steps advanced by more than
// ten seconds or went back.

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

public class Clock {
    private static final int PERIOD_MS = 100;

    interface Wait {
        void once() throws Exception;
    }

    private static final class Steps {
        private final String name;
        private int count;
        private long last = System.nanoTime();

        Steps(String name) {
            this.name = name;
        }

        void step() {
            long now = System.nanoTime();
            long ms = (now - last) / 1000000;
            if (ms < 0 || ms > 10000) {
                System.out.println("jump " + name + " " + ms);
            }
            last = now;
            System.out.println(name + " " + ++count + ".");
        }
    }

    private static void loop(String name, Wait wait) {
        Steps steps = new Steps(name);
        Thread thread = new Thread(() -> {
            while (true) {
                try {
                    wait.once();
                } catch (Exception unexpected) {
                    System.out.println("unexpected " + unexpected);
                }
                steps.step();
            }
        }, name);
        thread.start();
    }

    public static void main(String[] args) throws Exception {
        Object monitor = new Object();
        ArrayBlockingQueue<String> empty = new ArrayBlockingQueue<>(1);
        Steps rate = new Steps("rate");
        Executors.newScheduledThreadPool(1)
                .scheduleAtFixedRate(rate::step, 0, PERIOD_MS, TimeUnit.MILLISECONDS);
        loop("sleep", () -> Thread.sleep(PERIOD_MS));
        loop("park", () -> LockSupport.parkNanos(PERIOD_MS * 1000000L));
        loop("poll", () -> empty.poll(PERIOD_MS, TimeUnit.MILLISECONDS));
        loop("wait", () -> {
            synchronized (monitor) {
                monitor.wait(PERIOD_MS);
            }
        });
        Thread.currentThread().join();
    }
}
