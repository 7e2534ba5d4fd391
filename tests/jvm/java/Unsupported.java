// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Asks for a checkpoint of itself and prints the exception, and "notified" for each hook called.
// Uses jdk.crac: org.crac turns all exceptions into one kind.

import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Core;
import jdk.crac.Resource;

public final class Unsupported implements Resource {
    private Unsupported() {
    }

    public static void main(String[] args) throws Exception {
        Resource resource = new Unsupported();
        Core.getGlobalContext().register(resource);
        try {
            Core.checkpointRestore();
        } catch (CheckpointException | UnsupportedOperationException failed) {
            System.out.println(failed.getClass().getSimpleName() + ": " + failed.getMessage());
        }
        if (resource.hashCode() == 0) {
            System.out.println(resource);
        }
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        System.out.println("notified");
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        System.out.println("notified");
    }
}
