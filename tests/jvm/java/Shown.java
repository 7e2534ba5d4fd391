// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has a library in C make objects of the kernel, and prints what the library shows of them before
// each checkpoint, which it requests itself, and at the end: "life N: ..." for each line of it. A
// checkpoint that is refused ends the program, with its reasons.
//
//     Shown LIBRARY KIND LIVES

import org.crac.CheckpointException;
import org.crac.Core;

public final class Shown {
    private static native void make(String kind);

    private static native String show(String kind);

    private static void print(String kind, int life) {
        for (String line : show(kind).split("\n")) {
            System.out.println("life " + life + ": " + line);
        }
    }

    public static void main(String[] args) throws Exception {
        System.load(args[0]);
        make(args[1]);
        int lives = Integer.parseInt(args[2]);
        for (int life = 0; life < lives; life++) {
            print(args[1], life);
            try {
                Core.checkpointRestore();
            } catch (CheckpointException e) {
                for (Throwable reason : e.getSuppressed()) {
                    System.out.println("refused: " + reason.getMessage());
                }
                print(args[1], life + 1);
                System.exit(3);
            }
        }
        print(args[1], lives);
        System.exit(0);
    }
}
