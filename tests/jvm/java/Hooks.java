// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Three resources, of which the second hangs in a way that the argument selects, or fills the heap
// after the freeze ("full"). Prints "ready
// PORT", and a line from each hook that is called. GET / answers "serving"; GET /own calls
// Core.checkpointRestore() and answers with its result. Once FILE exists, the hook that hangs
// continues, and later calls do not hang.
//
//     Hooks MODE FILE

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Hooks {
    private static final CountDownLatch RELEASED = new CountDownLatch(1);
    private static final Lock LOCK = new ReentrantLock();
    /** Fills the heap, in a chain of arrays. */
    private static Object[] ballast;

    private Hooks() {
    }

    public static void main(String[] args) throws Exception {
        Resource first = new Plain("first");
        Resource second = new Hanging(args[0]);
        Resource third = new Plain("third");
        Core.getGlobalContext().register(first);
        Core.getGlobalContext().register(second);
        Core.getGlobalContext().register(third);
        HttpServer server = HttpServer.create(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> answer(exchange, "serving"));
        server.createContext("/own", exchange -> answer(exchange, own()));
        server.start();
        System.out.println("ready " + server.getAddress().getPort());
        if (args[0].equals("full")) {
            Thread.currentThread().join(); // survives without memory
        }
        while (!Files.exists(Paths.get(args[1]))) {
            RELEASED.await(20, TimeUnit.MILLISECONDS);
        }
        RELEASED.countDown();
        System.out.println("released");
        Thread.currentThread().join(); // keeps the hooks too: their contexts hold them weakly
        System.out.println(first + " " + second + " " + third);
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] bytes = text.getBytes("UTF-8");
        exchange.getResponseHeaders().set("Connection", "close");
        exchange.sendResponseHeaders(200, bytes.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(bytes);
        }
        exchange.close();
    }

    private static String own() {
        StringBuilder said = new StringBuilder();
        try {
            Core.checkpointRestore();
            said.append("nothing");
        } catch (Exception failed) {
            said.append(failed.getClass().getSimpleName());
            for (Throwable reason : failed.getSuppressed()) {
                said.append('\n').append(reason.getMessage());
            }
        }
        if (Thread.currentThread().isInterrupted()) {
            said.append("\ninterrupted");
        }
        return said.toString();
    }

    /** Waits until it is released, and ignores interrupts. */
    private static void waitUninterruptibly() {
        boolean interrupted = false;
        for (;;) {
            try {
                RELEASED.await();
                break;
            } catch (InterruptedException ignored) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static class Plain implements Resource {
        private final String name;

        Plain(String name) {
            this.name = name;
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
            System.out.println("before " + name);
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws Exception {
            System.out.println("after " + name);
        }
    }

    private static final class Hanging extends Plain {
        private final String mode;

        Hanging(String mode) {
            super("second");
            this.mode = mode;
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
            super.beforeCheckpoint(context);
            switch (mode) {
                case "interruptible":
                    RELEASED.await();
                    break;
                case "stubborn":
                    waitUninterruptibly();
                    break;
                case "lock":
                    if (RELEASED.getCount() > 0) {
                        contend();
                    }
                    break;
                case "thread":
                    if (RELEASED.getCount() > 0) {
                        askElsewhere();
                    }
                    break;
                default: // "after"
            }
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws Exception {
            super.afterRestore(context);
            if (mode.equals("after")) {
                waitUninterruptibly();
            } else if (mode.equals("full")) {
                fillHeap();
            }
        }

        /** Until not even a few bytes are left; throws OutOfMemoryError. */
        private static void fillHeap() {
            for (int size = 1 << 20;;) {
                try {
                    Object[] more = new Object[size];
                    more[0] = ballast;
                    ballast = more;
                } catch (OutOfMemoryError full) {
                    if (size == 1) {
                        throw full;
                    }
                    size /= 2;
                }
            }
        }

        private static void contend() throws InterruptedException {
            CountDownLatch held = new CountDownLatch(1);
            Thread holder = new Thread(() -> {
                LOCK.lock();
                held.countDown();
                waitUninterruptibly();
                LOCK.unlock();
            }, "lock holder");
            holder.start();
            held.await();
            LOCK.lock();
            LOCK.unlock();
        }

        /** A thread that asks for a checkpoint from inside one, with a hook that waits for it. */
        private static void askElsewhere() {
            Thread asker = new Thread(() -> System.out.println("asked: " + own()), "asker");
            asker.start();
            while (asker.isAlive()) {
                try {
                    asker.join();
                } catch (InterruptedException ignored) {
                    System.out.println("the hook ignores its interruption");
                }
            }
        }
    }
}
