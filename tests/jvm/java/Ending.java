// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A JVM that ends during a checkpoint:
//     Ending WHAT
// exit: another thread calls System.exit(5) while beforeCheckpoint runs. signal: beforeCheckpoint
// waits until the shutdown hook runs, since the test sends SIGTERM. late: the shutdown hook asks
// for a checkpoint and prints the result; otherwise the hook waits for a file ENDING-GO in the
// working directory. handler: the application handles SIGTERM itself, by a checkpoint that another
// thread asks for. halt: another thread ends the JVM with status 7 while afterRestore runs. Prints
// "ready", "before", "after", "shutdown".

import java.io.File;
import java.lang.reflect.Proxy;
import java.util.concurrent.CountDownLatch;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Ending {
    private static final CountDownLatch ENDS = new CountDownLatch(1);
    private static Resource kept;

    private static void ask() {
        try {
            Core.checkpointRestore();
            System.out.println("frozen");
        } catch (Exception refused) {
            System.out.println("refused: " + refused.getMessage() + refused.getSuppressed()[0]);
        }
    }

    /** By reflection: the classes are not part of the Java standard. */
    private static void handle() throws Exception {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        Object asks = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler},
            (proxy, method, arguments) -> {
                if (method.getName().equals("handle")) {
                    Thread other = new Thread(Ending::ask);
                    other.start();
                    other.join();
                    System.out.println("handled");
                }
                return null;
            });
        signal.getMethod("handle", signal, handler)
            .invoke(null, signal.getConstructor(String.class).newInstance("TERM"), asks);
    }

    private static void shutdown(String what) {
        System.out.println("shutdown");
        ENDS.countDown();
        if (what.equals("late")) {
            ask();
            return;
        }
        try {
            while (!new File("ENDING-GO").exists()) {
                Thread.sleep(20);
            }
        } catch (InterruptedException ignored) {
            // ends
        }
    }

    public static void main(String[] arguments) throws Exception {
        final String what = arguments[0];
        kept = new Resource() {
            @Override
            public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
                System.out.println("before");
                if (what.equals("exit")) {
                    new Thread(() -> System.exit(5)).start();
                }
                if (!what.equals("handler") && !what.equals("halt")) {
                    ENDS.await();
                }
            }

            @Override
            public void afterRestore(Context<? extends Resource> context) throws Exception {
                System.out.println("after");
                if (what.equals("halt")) {
                    new Thread(() -> Runtime.getRuntime().halt(7)).start();
                    Thread.sleep(100);
                }
            }
        };
        Runtime.getRuntime().addShutdownHook(new Thread(() -> shutdown(what)));
        Core.getGlobalContext().register(kept);
        if (what.equals("handler")) {
            handle();
        }
        System.out.println("ready");
        if (what.equals("late")) {
            System.exit(6);
        }
        Thread.currentThread().join();
    }
}
