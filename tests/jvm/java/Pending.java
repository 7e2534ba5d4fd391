// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Two threads send signals to themselves, which they block, and one of them also to the process.
// Prints numbers, and when FILE exists what they find: "first: ..." and "second: ...".
// With "late", the process sends itself a signal when a checkpoint has stopped a thread.
//
//     Pending LIBRARY FILE [COUNT]
//     Pending LIBRARY late SIGNAL

import java.io.File;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

public final class Pending {
    private static native void send(boolean toProcess, int count);

    private static native void sendLate(int signal);

    private static native String take();

    public static void main(String[] args) throws Exception {
        int number = args.length > 2 ? Integer.parseInt(args[2]) : 3;
        System.load(args[0]);
        if (args[1].equals("late")) {
            sendLate(number);
            System.out.println("ready");
            Thread.sleep(Long.MAX_VALUE);
        }
        ExecutorService first = Executors.newSingleThreadExecutor();
        ExecutorService second = Executors.newSingleThreadExecutor();
        first.submit(() -> send(false, number)).get();
        second.submit(() -> send(true, number)).get();
        System.out.println("ready");
        for (int turn = 1; !new File(args[1]).exists(); turn++) {
            System.out.println(turn);
            Thread.sleep(50);
        }
        System.out.println("first: " + first.submit(() -> take()).get());
        System.out.println("second: " + second.submit(() -> take()).get());
        first.shutdown(); // their threads would keep the JVM alive
        second.shutdown();
    }
}
