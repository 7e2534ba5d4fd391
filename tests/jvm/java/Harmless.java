// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A JVM with threads or memory that a request for a checkpoint must not harm:
//     Harmless LIBRARY COMMANDS WHAT [ARGUMENT]
// The native half (harmless.c) starts WHAT. Prints "ready"; then takes the command in the file
// COMMANDS/1, then that in COMMANDS/2 and so on: "ask N" asks for N checkpoints that are refused,
// "signal" has the native half signal its waiting threads, "recurse" starts a thread that overflows
// its stack repeatedly, "end" ends the JVM, any other word prints what the native half has counted.

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import org.crac.CheckpointException;
import org.crac.Core;

public final class Harmless {
    static native String start(String what, String argument);

    static native String report();

    static native void signal();

    private static volatile long overflows;

    private static int recurse(int depth) {
        return recurse(depth + 1) + depth;
    }

    private static void overflow() {
        for (;;) {
            try {
                recurse(0);
            } catch (StackOverflowError expected) {
                overflows++;
            }
        }
    }

    private static void ask(int count) throws Exception {
        int refused = 0;
        String reason = "none";
        for (int i = 0; i < count; i++) {
            try {
                Core.checkpointRestore();
            } catch (CheckpointException expected) {
                refused++;
                reason = expected.getSuppressed()[0].getMessage();
            }
        }
        System.out.println("refused " + refused + " times: " + reason);
    }

    private static void obey(String line) throws Exception {
        if (line.startsWith("ask ")) {
            ask(Integer.parseInt(line.substring(4)));
        } else if (line.equals("signal")) {
            signal();
            System.out.println("signalled");
        } else if (line.equals("recurse")) {
            Thread thread = new Thread(Harmless::overflow, "overflow");
            thread.setDaemon(true);
            thread.start();
            while (overflows < 3) {
                Thread.sleep(10);
            }
            System.out.println("overflows");
        } else {
            System.out.println("report " + line + ": " + report());
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.load(arguments[0]);
        System.out.println(start(arguments[2], arguments.length > 3 ? arguments[3] : ""));
        for (int number = 1;; number++) {
            Path command = Paths.get(arguments[1], String.valueOf(number));
            while (!Files.exists(command)) { // opens no file: a checkpoint may come at any moment
                Thread.sleep(20);
            }
            String line = Files.readAllLines(command).get(0);
            if (line.equals("end")) {
                return;
            }
            obey(line);
        }
    }
}
