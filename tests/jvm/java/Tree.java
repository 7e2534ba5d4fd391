// SPDX-License-Identifier: LGPL-3.0-or-later
//
// One JVM of a tree of processes, for criu-tree.t. Prints "NAME ready", "NAME tick N", and from its
// hooks "NAME before" and "NAME after RANDOM". With a file DIR/NAME-fail its first hook throws, and
// with a FIFO DIR/NAME-hold it waits until that is written to.
//
//     Tree NAME DIR

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Tree implements Resource {
    private final String name;
    private final File failure;
    private final File hold;

    private Tree(String name, String directory) {
        this.name = name;
        failure = new File(directory, name + "-fail");
        hold = new File(directory, name + "-hold");
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) throws IOException {
        System.out.println(name + " before");
        if (hold.exists()) {
            try (InputStream held = new FileInputStream(hold)) {
                held.read();
            }
        }
        if (failure.exists()) {
            throw new IllegalStateException("cannot pause " + name);
        }
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        System.out.println(name + " after " + Math.random());
    }

    public static void main(String[] arguments) throws InterruptedException {
        Tree tree = new Tree(arguments[0], arguments[1]);

        Math.random();
        Core.getGlobalContext().register(tree);
        System.out.println(tree.name + " ready");
        for (int tick = 1;; tick++) {
            System.out.println(tree.name + " tick " + tick);
            Thread.sleep(50);
        }
    }
}
