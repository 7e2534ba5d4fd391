// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Java half of anonymous.t and allocators.t: calls the library of its first argument, to prepare
// memory and, after each restore, to check it. The library prints a line for each case; "looked N"
// follows the last one of generation N.

import java.util.concurrent.Semaphore;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class Anonymous implements Resource {
    static native void prepare();

    static native void look(int generation);

    private final Semaphore restored = new Semaphore(0);

    public void beforeCheckpoint(Context<? extends Resource> context) {
    }

    public void afterRestore(Context<? extends Resource> context) {
        restored.release();
    }

    public static void main(String[] arguments) throws Exception {
        Anonymous self = new Anonymous();
        java.util.Map<Integer, byte[]> kept = new java.util.HashMap<>();

        System.load(arguments[0]);
        Core.getGlobalContext().register(self);
        prepare();
        for (int generation = 1;; generation++) {
            for (int i = 0; i < 20000; i++)
                kept.put(i, Integer.toString(i * generation).getBytes());
            System.out.println("ready " + generation);
            self.restored.acquire();
            for (int i = 0; i < 20000; i++)
                if (!new String(kept.get(i)).equals(Integer.toString(i * generation)))
                    System.out.println("heap: wrong");
            System.gc();
            look(generation);
            System.out.println("looked " + generation);
        }
    }
}
