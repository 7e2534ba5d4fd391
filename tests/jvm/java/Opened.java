// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has files and other objects open that a rehearsal checks, given by arguments of the form
// KIND:VALUE, and prints "ready". Then it counts, ten times a second, until it is killed or the
// count is reached.
//
//   read:FILE write:FILE    open and kept open; write creates it
//   temporary:KIB           a file in java.io.tmpdir that is deleted at the end
//   port:N                  listens there (0: any)
//   at:ADDRESS:N            at that address of this machine
//   threads:N               N threads that wait
//   heap:MIB                of live memory
//   garbage:MIB             of unreachable memory
//   spawn:N                 N children, one after another; prints how Process reports their ends
//   until:N                 the last number

import java.io.Closeable;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class Opened {
    private static final List<Object> KEPT = new ArrayList<>();

    private static final class Hook implements Resource {
        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            System.out.println("before checkpoint");
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            System.out.println("after restore");
        }
    }

    public static void main(String[] arguments) throws Exception {
        Resource hook = new Hook();
        KEPT.add(hook);
        Core.getGlobalContext().register(hook);
        long until = Long.MAX_VALUE;
        for (String argument : arguments) {
            String value = argument.substring(argument.indexOf(':') + 1);
            switch (argument.substring(0, argument.indexOf(':'))) {
                case "read":
                    KEPT.add(new FileInputStream(value));
                    break;
                case "write":
                    KEPT.add(new FileOutputStream(value, true));
                    break;
                case "temporary":
                    File temporary = File.createTempFile("opened", null);
                    temporary.deleteOnExit();
                    Files.write(temporary.toPath(), new byte[Integer.parseInt(value) << 10]);
                    break;
                case "port":
                    KEPT.add(new ServerSocket(Integer.parseInt(value), 5,
                            InetAddress.getLoopbackAddress()));
                    break;
                case "at":
                    int colon = value.indexOf(':');
                    KEPT.add(new ServerSocket(Integer.parseInt(value.substring(colon + 1)), 5,
                            InetAddress.getByName(value.substring(0, colon))));
                    break;
                case "threads":
                    startThreads(Integer.parseInt(value));
                    break;
                case "heap":
                    for (int i = 0; i < Integer.parseInt(value); i++) {
                        KEPT.add(new byte[1 << 20]);
                    }
                    break;
                case "garbage":
                    for (int i = 0; i < Integer.parseInt(value); i++) {
                        KEPT.add(new byte[1 << 20]);
                    }
                    KEPT.subList(KEPT.size() - Integer.parseInt(value), KEPT.size()).clear();
                    break;
                case "spawn":
                    spawn(Integer.parseInt(value));
                    break;
                default:
                    until = Long.parseLong(value);
            }
        }
        System.out.println("ready");
        for (long i = 1; i <= until; i++) {
            System.out.println(i);
            Thread.sleep(100);
        }
        for (Object kept : KEPT) {
            if (kept instanceof Closeable) {
                ((Closeable) kept).close();
            }
        }
    }

    private static void startThreads(int count) throws InterruptedException {
        CountDownLatch started = new CountDownLatch(count);
        for (int i = 0; i < count; i++) {
            Thread thread = new Thread(() -> {
                started.countDown();
                try {
                    new CountDownLatch(1).await();
                } catch (InterruptedException end) {
                    Thread.currentThread().interrupt();
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        started.await();
    }

    // In the background: children come and go while the checkpoint does; each is waited for.
    private static void spawn(int count) {
        Thread thread = new Thread(() -> {
            try {
                for (int i = 0; i < count; i++) {
                    int status = new ProcessBuilder("sh", "-c", "exit 7").start().waitFor();
                    if (status != 7) {
                        System.out.println("a child ended with " + status);
                    }
                }
                System.out.println("children waited for");
            } catch (Exception failed) {
                System.out.println("children: " + failed);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
