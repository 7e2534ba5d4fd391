// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A JVM that is started by root and becomes user N, as daemons do: Dropped LIBRARY N. Prints the
// result of the native half (in rights.t), and counts.

public final class Dropped {
    static native int become(int user);

    public static void main(String[] arguments) throws Exception {
        System.load(arguments[0]);
        System.out.println("failed: " + become(Integer.parseInt(arguments[1])));
        for (int i = 1;; i++) {
            System.out.println(i);
            Thread.sleep(50);
        }
    }
}
