// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Asks for a checkpoint on a virtual thread, which its hook makes continue on another carrier than
// the one that froze the process. Prints "returned". For JDK 21 and newer, run from the source;
// needs -Djdk.virtualThreadScheduler.parallelism=2.

import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Virtual {
    private static volatile boolean taken;
    private static volatile boolean moved;

    private Virtual() {
    }

    private static String carrier() {
        String name = Thread.currentThread().toString();
        return name.substring(name.indexOf('@'));
    }

    /** Occupies a carrier: the wanted one until the end, the other one until that is occupied. */
    private static void keep(String wanted) {
        boolean mine = carrier().equals(wanted);
        if (mine) {
            taken = true;
        }
        while (mine ? !moved : !taken) {
            Thread.onSpinWait();
        }
    }

    /** Other virtual threads take this one's carrier as soon as this one releases it. */
    private static void move() throws InterruptedException {
        String before = carrier();
        Thread.startVirtualThread(() -> keep(before));
        Thread.startVirtualThread(() -> keep(before));
        while (carrier().equals(before)) {
            Thread.sleep(1);
        }
        moved = true;
    }

    private static void checkpoint() {
        try {
            Core.checkpointRestore();
            System.out.println("returned");
        } catch (Exception failed) {
            System.out.println(failed);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Resource hook = new Resource() {
            @Override
            public void beforeCheckpoint(Context<? extends Resource> context) {
                // nothing to do
            }

            @Override
            public void afterRestore(Context<? extends Resource> context) throws Exception {
                move();
            }
        };
        Core.getGlobalContext().register(hook);
        Thread.startVirtualThread(Virtual::checkpoint).join();
        System.out.println(hook == null ? "" : "end");
    }
}
