// SPDX-License-Identifier: LGPL-3.0-or-later
//
// JNA: calls of native functions and from them back into Java, for tests/embedded.

import com.sun.jna.Callback;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;

/** Prints 1, 2 and so on: after each number a sort in the C library by a comparison in Java. */
public class JnaCalls {
    interface Compare extends Callback {
        int compare(Pointer one, Pointer other);
    }

    interface C extends Library {
        void qsort(Pointer base, long count, long size, Compare compare);

        int getpid();
    }

    public static void main(String[] arguments) throws Exception {
        C c = Native.load("c", C.class);
        Compare compare = (one, other) -> Integer.compare(one.getInt(0), other.getInt(0));

        for (int n = 1; ; n++) {
            Memory memory = new Memory(400);

            for (int i = 0; i < 100; i++) memory.setInt(i * 4, (i * 37 + n) % 100);
            c.qsort(memory, 100, 4, compare);
            for (int i = 0; i < 100; i++)
                if (memory.getInt(i * 4) != i) System.out.println("wrong: order");
            long before = ProcessHandle.current().pid(), said = c.getpid();
            if (said != before && before == ProcessHandle.current().pid())
                System.out.println("wrong: PID"); // unless a checkpoint was between the two
            System.out.println(n);
            Thread.sleep(5);
        }
    }
}
