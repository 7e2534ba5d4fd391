// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A program that does not use org.crac before a command does: for agents that are loaded late.
// Takes commands from its standard input, one word per line, and prints each word when it is done:
//
//     bean       the name of the CRaC MXBean, or "none"
//     register   registers a resource with org.crac, which prints its notifications from then on
//     freeze     calls org.crac's checkpointRestore()
//     end        ends with 0

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.PlatformManagedObject;
import org.crac.CheckpointException;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;
import org.crac.RestoreException;

public final class Late {
    private static Resource resource;

    private Late() {
    }

    /** In a separate class, so that org.crac is not loaded with Late. */
    private static final class Hooks implements Resource {
        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            System.out.println("before checkpoint");
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            System.out.println("after restore");
        }

        static void register() {
            resource = new Hooks(); // contexts hold it weakly
            Core.getGlobalContext().register(resource);
        }

        static void freeze() {
            try {
                Core.checkpointRestore();
            } catch (CheckpointException | RestoreException | RuntimeException e) {
                System.out.println(e);
                for (Throwable suppressed : e.getSuppressed()) {
                    System.out.println(suppressed);
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ready");
        for (String word = in.readLine(); word != null; word = in.readLine()) {
            switch (word) {
                case "bean":
                    System.out.println(bean());
                    break;
                case "register":
                    Hooks.register();
                    break;
                case "freeze":
                    Hooks.freeze();
                    break;
                case "end":
                    return;
                default:
                    throw new IllegalArgumentException(word);
            }
            System.out.println("done: " + word);
        }
    }

    private static String bean() {
        try {
            Class<? extends PlatformManagedObject> type =
                    Class.forName("jdk.crac.management.CRaCMXBean")
                            .asSubclass(PlatformManagedObject.class);
            PlatformManagedObject bean = ManagementFactory.getPlatformMXBean(type);
            return bean == null ? "none" : bean.getObjectName().toString();
        } catch (ClassNotFoundException | IllegalArgumentException none) {
            return "none";
        }
    }
}
