// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Reads the file of its first argument repeatedly, as programs do that watch their configuration:
// it is open for half of the time, but never for long. A second file stays open.

import java.io.FileInputStream;
import java.io.InputStream;
import java.util.concurrent.locks.LockSupport;

public class Polling {
    public static void main(String[] arguments) throws Exception {
        InputStream kept = null;
        byte[] buffer = new byte[1 << 16];
        long last = 0;
        for (long turn = 0;; turn++) {
            try (FileInputStream stream = new FileInputStream(arguments[0])) {
                while (stream.read(buffer) > 0) {
                    Thread.yield();
                }
                LockSupport.parkNanos(100000);
            }
            LockSupport.parkNanos(100000);
            if (kept == null) {
                kept = new FileInputStream(arguments[1]);
                System.out.println("ready");
            }
            if (turn - last > 200) {
                last = turn;
                System.out.println("turn " + turn);
            }
        }
    }
}
