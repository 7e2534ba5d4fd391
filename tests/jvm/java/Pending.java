// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Two threads send signals to themselves, which they block, and one of them also to the process.
// Prints numbers, and when FILE exists what they find: "first: ..." and "second: ...".
//
//     Pending LIBRARY FILE

import java.io.File;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

public final class Pending {
    private static native void send(boolean toProcess);

    private static native String take();

    public static void main(String[] args) throws Exception {
        System.load(args[0]);
        ExecutorService first = Executors.newSingleThreadExecutor();
        ExecutorService second = Executors.newSingleThreadExecutor();
        first.submit(() -> send(false)).get();
        second.submit(() -> send(true)).get();
        System.out.println("ready");
        for (int turn = 1; !new File(args[1]).exists(); turn++) {
            System.out.println(turn);
            Thread.sleep(50);
        }
        System.out.println("first: " + first.submit(() -> take()).get());
        System.out.println("second: " + second.submit(() -> take()).get());
    }
}
