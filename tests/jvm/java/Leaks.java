// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Opens what cannot be frozen (a named pipe, a TCP connection) and drops the references in its
// hook, so that only their cleaners can close them at the checkpoint; and has its own Cleaner with
// work that takes a while, or never ends. Prints "ready", and afterwards how much was cleaned.
//
//     Leaks MODE FIFO     MODE: leaks, slow or stuck

import java.io.FileInputStream;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Leaks implements Resource {
    private static final int MANY = 300;
    private static final AtomicInteger CLEANED = new AtomicInteger();

    private final String mode;
    private final String fifo;
    private InputStream file;
    private Socket client;
    private Socket accepted;
    private Object[] objects;

    private Leaks(String mode, String fifo) {
        this.mode = mode;
        this.fifo = fifo;
    }

    public static void main(String[] args) throws Exception {
        Leaks leaks = new Leaks(args[0], args[1]);
        Core.getGlobalContext().register(leaks);
        leaks.open();
        System.out.println("ready");
        Thread.currentThread().join();
        System.out.println(leaks);
    }

    private void open() throws Exception {
        file = new FileInputStream(fifo);
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            client = new Socket(server.getInetAddress(), Integer.getInteger("relay"));
            client.getOutputStream().write((server.getLocalPort() + "\n").getBytes("US-ASCII"));
            accepted = server.accept();
        }
        if (mode.equals("leaks")) {
            return;
        }
        // java.lang.ref.Cleaner came with Java 9, and this file is compiled for 8.
        Class<?> type = Class.forName("java.lang.ref.Cleaner");
        Object cleaner = type.getMethod("create").invoke(null);
        Method register = type.getMethod("register", Object.class, Runnable.class);
        objects = new Object[MANY];
        for (int i = 0; i < MANY; i++) {
            objects[i] = new Object();
            register.invoke(cleaner, objects[i], mode.equals("stuck") ? new Stuck() : new Slow());
        }
        Thread holder = new Thread(() -> {
            try {
                Thread.currentThread().join();
            } catch (InterruptedException impossible) {
                System.out.println(cleaner);
            }
        });
        holder.setDaemon(true);
        holder.start();
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        file = null;
        client = null;
        accepted = null;
        objects = null;
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        System.out.println("cleaned " + CLEANED + " of " + MANY);
    }

    /** Takes a few milliseconds, so that the queue is empty long before all is done. */
    private static final class Slow implements Runnable {
        @Override
        public void run() {
            long end = System.nanoTime() + 2_000_000;
            while (System.nanoTime() < end) {
                Thread.yield();
            }
            CLEANED.incrementAndGet();
        }
    }

    private static final class Stuck implements Runnable {
        @Override
        public void run() {
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException impossible) {
                CLEANED.incrementAndGet();
            }
        }
    }
}
