// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Two threads use the processor, allocate, and contend for a monitor: in early(), and as soon as a
// file exists in late(). Prints a number twice a second.
//
//     Profiled FILE

import java.io.File;

public final class Profiled {
    private static final Object MONITOR = new Object();
    private static volatile byte[] garbage;
    private static volatile long sum;

    private Profiled() {}

    private static void early() {
        work();
    }

    private static void late() {
        work();
    }

    private static void work() {
        synchronized (MONITOR) {
            for (int i = 0; i < 100_000; i++) {
                sum += i;
            }
            garbage = new byte[10_000];
        }
    }

    private static void run(File file) {
        for (;;) {
            boolean exists = file.exists();
            for (int i = 0; i < 100; i++) {
                if (exists) {
                    late();
                } else {
                    early();
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        File file = new File(args[0]);
        for (int i = 0; i < 2; i++) {
            Thread thread = new Thread(() -> run(file), "worker " + i);
            thread.setDaemon(true);
            thread.start();
        }
        for (int i = 1;; i++) {
            System.out.println(i);
            Thread.sleep(500);
        }
    }
}
