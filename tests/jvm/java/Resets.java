// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Resets FOLDER PORT FULL-PORT MANY: connections to another process, in every state and used in
// every way, that are closed by a checkpoint; or that number of them, unused. When FOLDER/go
// exists, prints "NAME: what happened" for each, a word or message for each step.

import com.sun.management.OperatingSystemMXBean;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousSocketChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

public final class Resets {
    private interface Use {
        Object run() throws Exception;
    }

    private static final CountDownLatch GO = new CountDownLatch(1);
    private static final List<Thread> THREADS = new ArrayList<>();
    private static SocketAddress peer;

    private static String attempt(Use use) {
        try {
            return String.valueOf(use.run());
        } catch (ExecutionException failure) {
            return String.valueOf(failure.getCause().getMessage());
        } catch (Exception failure) {
            return String.valueOf(failure.getMessage());
        }
    }

    /** Print what the uses return or throw, one after the other, the first perhaps already now. */
    private static void start(String name, Use... uses) {
        Thread thread = new Thread(() -> {
            StringBuilder line = new StringBuilder(name + ":");
            for (Use use : uses)
                line.append(' ').append(attempt(use)).append(';');
            System.out.println(line);
        }, name);
        thread.setDaemon(true);
        thread.start();
        THREADS.add(thread);
    }

    private static Use afterwards(Use use) {
        return () -> {
            GO.await();
            return use.run();
        };
    }

    private static Use read(SocketChannel channel) {
        return () -> channel.read(ByteBuffer.allocate(10));
    }

    private static Use write(SocketChannel channel) {
        return () -> channel.write(ByteBuffer.allocate(10));
    }

    private static SocketChannel connect() throws IOException {
        return SocketChannel.open(peer);
    }

    private static SocketChannel connectUnix(String path) throws Exception {
        Method of = Class.forName("java.net.UnixDomainSocketAddress").getMethod("of", String.class);
        return SocketChannel.open((SocketAddress)of.invoke(null, path));
    }

    private static Use select(Selector selector, long ms) {
        return () -> selector.select(ms);
    }

    private static Selector watch(SocketChannel channel, int events) throws IOException {
        Selector selector = Selector.open();

        channel.configureBlocking(false);
        channel.register(selector, events);
        selector.selectNow();
        return selector;
    }

    private static long cpuMillis() {
        OperatingSystemMXBean bean =
            (OperatingSystemMXBean)ManagementFactory.getOperatingSystemMXBean();
        return bean.getProcessCpuTime() / 1000000;
    }

    /** A selector reports the channel once; when it is closed, nothing more. */
    private static void startSelected(String name, int events) throws IOException {
        SocketChannel channel = connect();
        Selector selector = watch(channel, events);

        start(name, afterwards(select(selector, 60000)), () -> {
            selector.selectedKeys().clear();
            return read(channel).run();
        }, read(channel), write(channel), () -> {
            channel.close();
            return selector.select(100);
        });
    }

    private static void startStreams() throws Exception {
        SocketChannel reading = connect(), writing = connect(), blocked = connect();
        Socket old = new Socket();
        AsynchronousSocketChannel future = AsynchronousSocketChannel.open();

        old.connect(peer);
        old.setTcpNoDelay(true);
        future.connect(peer).get();
        Future<Integer> pending = future.read(ByteBuffer.allocate(10));
        start("read", afterwards(read(reading)), read(reading), write(reading), write(reading));
        start("write", afterwards(write(writing)), write(writing), read(writing), read(writing));
        start("blocked", read(blocked), read(blocked), write(blocked));
        Use readOld = () -> old.getInputStream().read();
        start("socket", readOld, readOld, () -> {
            old.getOutputStream().write(1);
            return "written";
        }, () -> {
            old.setTcpNoDelay(false);
            old.setKeepAlive(true);
            old.setSoTimeout(5);
            old.shutdownOutput();
            return "shut down";
        }, () -> old.getPort() == ((InetSocketAddress)peer).getPort(), () -> {
            old.close();
            return "closed";
        });
        start("async", pending::get, () -> future.read(ByteBuffer.allocate(10)).get(),
            () -> future.write(ByteBuffer.allocate(10)).get());
        start("options", afterwards(() -> {
            SocketChannel channel = blocked;
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            return channel.getOption(StandardSocketOptions.SO_RCVBUF) > 0;
        }));
    }

    private static void startSelectors() throws Exception {
        SocketChannel blocked = connect(), ignored = connect();
        Selector selector = watch(blocked, SelectionKey.OP_READ), none = watch(ignored, 0);

        startSelected("select-read", SelectionKey.OP_READ);
        startSelected("select-both", SelectionKey.OP_READ | SelectionKey.OP_WRITE);
        start("select-blocked", select(selector, 0), read(blocked), () -> {
            blocked.close();
            return selector.selectNow();
        });
        start("select-none", afterwards(() -> {
            long before = cpuMillis(), spent;
            int selected = none.select(3000);
            spent = cpuMillis() - before;
            return selected + " " + (spent < 1500 ? "idle" : "spins for " + spent + " ms");
        }), read(ignored));
    }

    /** Connections that are being made: finishing fails, and so does a blocking call. */
    private static void startHalfMade(int port) throws Exception {
        SocketChannel channel = SocketChannel.open();
        Socket blocking = new Socket(), limited = new Socket();
        InetSocketAddress full = new InetSocketAddress("127.0.0.1", port);

        channel.configureBlocking(false);
        channel.connect(full);
        Selector selector = watch(channel, SelectionKey.OP_CONNECT);
        start("connecting", select(selector, 0), channel::finishConnect, () -> {
            channel.close();
            return selector.selectNow();
        });
        start("connect-limited", () -> {
            limited.connect(full, 600000);
            return "connected";
        });
    }

    /** One that waits to be accepted is lost, the server is not. */
    private static void startServer() throws Exception {
        ServerSocket server = new ServerSocket(0);
        start("server", afterwards(() -> {
            Socket client = new Socket("localhost", server.getLocalPort());
            server.setSoTimeout(60000);
            return server.accept().getPort() == client.getLocalPort();
        }));
        System.out.println("server at " + server.getLocalPort());
    }

    private static void startUnix(String folder) throws Exception {
        SocketChannel reading, writing, selected;

        try {
            reading = connectUnix(folder + "/socket");
        } catch (ClassNotFoundException missing) {
            return;
        }
        writing = connectUnix(folder + "/socket");
        selected = connectUnix(folder + "/socket");
        Selector selector = watch(selected, SelectionKey.OP_READ);
        start("unix", read(reading), read(reading), write(reading));
        start("unix-write", afterwards(write(writing)), read(writing), read(writing));
        start("unix-select", select(selector, 0), read(selected), read(selected));
    }

    public static void main(String[] args) throws Exception {
        String folder = args[0];
        int many = args.length > 3 ? Integer.parseInt(args[3]) : 0;
        List<SocketChannel> channels = new ArrayList<>();

        peer = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1]));
        if (many == 0) {
            startStreams();
            startSelectors();
            startHalfMade(Integer.parseInt(args[2]));
            startServer();
            startUnix(folder);
        }
        for (int i = 0; i < many; i++)
            channels.add(connect());
        System.out.println("ready");
        Path self = Paths.get("/proc/self");
        String before = Files.readSymbolicLink(self).toString();
        while (!new File(folder + "/go").exists()) {
            String now = Files.readSymbolicLink(self).toString();
            if (!now.equals(before))
                System.out.println("restored");
            before = now;
            Thread.sleep(20);
        }
        GO.countDown();
        for (Thread thread : THREADS)
            thread.join(60000);
        int reset = 0;
        for (SocketChannel channel : channels)
            if ("Connection reset".equals(attempt(read(channel))))
                reset++;
        if (many > 0)
            System.out.println("many: " + reset);
        for (Thread thread : THREADS)
            if (thread.isAlive())
                System.out.println(thread.getName() + ": hangs");
        System.out.println("end");
        System.exit(0);
    }
}
