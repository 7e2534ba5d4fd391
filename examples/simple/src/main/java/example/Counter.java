// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A counter with checkpoint hooks: a minimal use of org.crac. Prints one number per line, and a
// line from each hook. Runs on any JDK; without an agent its hooks are never called, and a
// checkpoint that it requests prints an error.

package example;

import java.util.HashSet;
import java.util.Set;
import org.crac.CheckpointException;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;
import org.crac.RestoreException;

public final class Counter implements Resource {
    private static final String USAGE =
            "usage: java -jar simple.jar [--period MILLISECONDS] [--checkpoint-at N[,N...]]"
            + " [--until N] [--heap MIB]";
    private static final int PIECE = 1024;

    private long period = 1000;
    private long until = Long.MAX_VALUE;
    private final Set<Long> checkpoints = new HashSet<>();
    private long count;
    private int heap;
    private byte[][] live;

    public static void main(String[] args) throws InterruptedException {
        Counter counter = new Counter();
        try {
            counter.parse(args);
        } catch (IllegalArgumentException wrong) {
            System.err.println(USAGE);
            System.exit(2);
        }
        Core.getGlobalContext().register(counter);
        counter.run();
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        System.out.println("before checkpoint");
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        System.out.println("after restore");
    }

    private void run() throws InterruptedException {
        fill();
        while (count < until) {
            count++;
            System.out.println(count);
            if (checkpoints.contains(count)) {
                checkpoint();
            }
            Thread.sleep(period);
        }
    }

    /** Objects of one KiB, all different, and reachable until the program ends. */
    private void fill() {
        live = new byte[heap * 1024][];
        for (int i = 0; i < live.length; i++) {
            live[i] = new byte[PIECE - 16]; // 16 bytes are the header
            for (int j = 0; j + 4 <= live[i].length; j += 4) {
                int value = (i * 31 + j) * 0x9E3779B9;
                live[i][j] = (byte) value;
                live[i][j + 1] = (byte) (value >> 8);
                live[i][j + 2] = (byte) (value >> 16);
                live[i][j + 3] = (byte) (value >> 24);
            }
        }
    }

    private void checkpoint() {
        try {
            Core.checkpointRestore();
        } catch (CheckpointException | RestoreException failed) {
            System.err.println(failed instanceof CheckpointException
                    ? "checkpoint called off" : "restored, but a hook failed");
            for (Throwable reason : failed.getSuppressed()) {
                System.err.println("  " + reason);
            }
        } catch (UnsupportedOperationException none) {
            System.err.println("this JVM cannot checkpoint: start it with the agent");
        }
    }

    private void parse(String[] args) {
        for (int i = 0; i < args.length; i += 2) {
            if (i + 1 == args.length) {
                throw new IllegalArgumentException(args[i]);
            }
            String value = args[i + 1];
            switch (args[i]) {
                case "--period":
                    period = positive(value);
                    break;
                case "--until":
                    until = positive(value);
                    break;
                case "--heap":
                    heap = (int) Math.min(positive(value), 1 << 20);
                    break;
                case "--checkpoint-at":
                    for (String number : value.split(",")) {
                        checkpoints.add(positive(number));
                    }
                    break;
                default:
                    throw new IllegalArgumentException(args[i]);
            }
        }
    }

    private static long positive(String text) {
        long number = Long.parseLong(text);
        if (number <= 0) {
            throw new IllegalArgumentException(text);
        }
        return number;
    }
}
