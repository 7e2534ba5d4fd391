// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has two children that have ended and for which no thread waits, and two that run, for each of
// which a thread waits. Freezes itself; in each life prints "ended STATUS STATUS", for which it
// waits, and what the threads get: "waited STATUS", "informed CODE STATUS PID-IS-RIGHT".
//
//     Offspring LIBRARY LIVES

import java.util.Arrays;
import org.crac.Core;

public final class Offspring {
    private static native int fork(int status);

    private static native void hasEnded(int pid);

    private static native int await(int pid);

    private static native String inform(int pid);

    public static void main(String[] args) throws Exception {
        System.load(args[0]);
        int lives = Integer.parseInt(args[1]);
        hasEnded(fork(7 << 8));
        hasEnded(fork(9));
        hasEnded(fork(11));
        int waited = fork(-1);
        int informed = fork(-1);
        Thread waiter = new Thread(() -> System.out.println("waited " + await(waited)));
        Thread other = new Thread(() -> System.out.println("informed " + inform(informed)));
        waiter.start();
        other.start();
        System.out.println("children " + waited + " " + informed);
        for (int life = 1; life <= lives; life++) {
            Core.checkpointRestore();
        }
        waiter.join();
        other.join();
        int[] ended = {await(-1), await(-1), await(-1)};
        Arrays.sort(ended);
        System.out.println("ended " + Arrays.toString(ended));
        System.out.println("then " + await(-1));
    }
}
