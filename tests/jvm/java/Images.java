// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Calls Core.checkpointRestore() several times. Prints "before N" and "after N" from its resource,
// and "returned N" after each call, or "refused N: MESSAGE" with the reasons; then "end". With
// "wait" as second argument it then continues to run.
//
//     Images COUNT [wait]

import org.crac.CheckpointException;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Images {
    private static int number;

    private Images() {
    }

    public static void main(String[] args) throws Exception {
        Resource resource = new Resource() {
            @Override
            public void beforeCheckpoint(Context<? extends Resource> context) {
                System.out.println("before " + number);
            }

            @Override
            public void afterRestore(Context<? extends Resource> context) {
                System.out.println("after " + number);
            }
        };
        Core.getGlobalContext().register(resource);
        while (++number <= Integer.parseInt(args[0])) {
            try {
                Core.checkpointRestore();
                System.out.println("returned " + number);
            } catch (CheckpointException refused) {
                System.out.println("refused " + number + ": " + refused.getMessage());
                for (Throwable reason : refused.getSuppressed()) {
                    System.out.println("reason " + number + ": " + reason.getMessage());
                }
            }
        }
        System.out.println("end");
        if (args.length > 1) {
            Thread.currentThread().join();
        }
        System.out.println(resource);
    }
}
