// SPDX-License-Identifier: LGPL-3.0-or-later
//
// jnr-ffi on jffi: native functions, and closures that they call, for tests/libraries. Prints 1, 2
// and so on, each after work whose result was right, and "wrong: REASON" otherwise.

import jnr.ffi.LibraryLoader;
import jnr.ffi.Memory;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.Delegate;

public class JffiCalls {
    public interface Compare {
        @Delegate
        int call(Pointer one, Pointer other);
    }

    public interface C {
        void qsort(Pointer base, long count, long size, Compare compare);

        int getpid();
    }

    public static void main(String[] arguments) throws Exception {
        C c = LibraryLoader.create(C.class).load("c");
        Runtime runtime = Runtime.getRuntime(c);
        Compare compare = (one, other) -> Integer.compare(one.getInt(0), other.getInt(0));
        for (int n = 1; ; n++) {
            Pointer memory = Memory.allocateDirect(runtime, 400);
            int step = n;
            Compare other = (a, b) -> Integer.compare(b.getInt(0) * step, a.getInt(0) * step);
            for (int i = 0; i < 100; i++) memory.putInt(i * 4, (i * 37 + n) % 100);
            c.qsort(memory, 100, 4, n % 2 == 0 ? compare : other);
            for (int i = 0; i < 100; i++)
                if (memory.getInt(i * 4) != (n % 2 == 0 ? i : 99 - i))
                    System.out.println("wrong: order");
            if (c.getpid() <= 0) System.out.println("wrong: PID");
            System.out.println(n);
            Thread.sleep(20);
        }
    }
}
