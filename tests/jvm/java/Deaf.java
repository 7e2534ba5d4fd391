// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Native threads that block all signals for a while, again and again; the native half is deaf.c.
// Arguments: LIBRARY, and what they do meanwhile: "lock" (they wait for a lock whose owner can be
// stopped), "computation", "thread" (they wait for the thread that makes them), or "always" (they
// never unblock signals). Prints "turn N" whenever they have got 10 rounds further, or 1 of a
// computation.

public class Deaf {
    static native int begin(String kind);

    static native long turns();

    public static void main(String[] args) throws Exception {
        System.load(args[0]);
        if (begin(args[1]) == 0) {
            throw new AssertionError("no thread was started");
        }
        int rounds = args[1].equals("computation") ? 1 : 10;
        for (long turn = 1;; turn++) {
            long next = turns() + rounds;
            while (turns() < next) {
                Thread.sleep(10);
            }
            System.out.println("turn " + turn);
        }
    }
}
