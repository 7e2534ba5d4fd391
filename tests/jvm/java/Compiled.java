// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Calls for the process ID so often that the JIT compiler has compiled the code (with -Xbatch it
// waits for the compiler), asks for a checkpoint, and then prints the result of the same code. For
// JDK 9 and newer: the calls must be plain ones, reflection is compiled differently.

import org.crac.Core;

public final class Compiled {
    private static final int ENOUGH = 50_000;

    private Compiled() {
    }

    private static long pid() {
        return ProcessHandle.current().pid();
    }

    private static int hash() {
        return ProcessHandle.current().hashCode();
    }

    private static boolean hasStart() {
        return ProcessHandle.current().info().startInstant().isPresent();
    }

    private static long hot() {
        long sum = 0;
        for (int i = 0; i < ENOUGH; i++) {
            sum += pid() + hash();
            if (i % 8 == 0 && hasStart()) {
                sum++;
            }
        }
        return sum;
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println("asked " + (hot() + hot() != 0));
        Core.checkpointRestore();
        System.out.println("pid " + pid() + " hash " + hash() + " start " + hasStart());
    }
}
