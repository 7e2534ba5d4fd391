// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Opens one descriptor of each kind of its arguments, asks for checkpoints and prints after each,
// for each kind, what became of it: "KIND: what it read", or "KIND: " and the exception. A
// checkpoint that is called off gives a line "refused: REASON" for each reason, and "called off".
//
//     Policies FOLDER CHECKPOINTS KIND...
//
// After a checkpoint that is called off it waits for a file FOLDER/again and removes it.

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchService;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.crac.CheckpointException;
import org.crac.Core;

public final class Policies {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static Path folder;

    private Policies() {
    }

    /** An open object, and a use of it that returns what it read. */
    private interface Use {
        String use() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        Map<String, Use> all = new LinkedHashMap<>();
        folder = new File(args[0]).toPath();
        for (int i = 2; i < args.length; i++) {
            all.put(args[i], open(args[i]));
        }
        System.out.println("ready");
        for (int left = Integer.parseInt(args[1]); left > 0; left--) {
            try {
                Core.checkpointRestore();
            } catch (CheckpointException off) {
                for (Throwable reason : off.getSuppressed()) {
                    System.out.println("refused: " + reason.getClass().getSimpleName() + " "
                            + reason.getMessage());
                }
                System.out.println("called off");
                while (left > 1 && !Files.deleteIfExists(folder.resolve("again"))) {
                    TimeUnit.MILLISECONDS.sleep(20);
                }
                continue;
            }
            // it would get the first free number
            FileInputStream other = new FileInputStream(folder.resolve("data").toFile());
            for (Map.Entry<String, Use> one : all.entrySet()) {
                System.out.println(one.getKey() + ": " + result(one.getValue()));
            }
            other.close();
            System.out.println("property: " + System.getProperty("jdk.crac.resource-policies"));
            System.out.println("used");
        }
        System.exit(0);
    }

    private static String result(Use use) {
        try {
            return use.use();
        } catch (IOException failed) {
            return "IOException " + failed.getMessage();
        } catch (Exception failed) {
            return failed.toString();
        }
    }

    private static Use open(String kind) throws Exception {
        switch (kind) {
            case "file":
            case "other":
                return file(kind);
            case "append":
                FileOutputStream log = new FileOutputStream(folder.resolve("log").toFile(), true);
                return () -> {
                    log.write("more\n".getBytes());
                    return "written";
                };
            case "deleted":
                Files.write(folder.resolve("gone"), "gone".getBytes());
                FileInputStream gone = new FileInputStream(folder.resolve("gone").toFile());
                Files.delete(folder.resolve("gone"));
                return () -> "read " + gone.read();
            case "directory":
                FileChannel directory = FileChannel.open(folder, StandardOpenOption.READ);
                return () -> "size " + (directory.size() > 0);
            case "device":
                RandomAccessFile terminal = new RandomAccessFile("/dev/ptmx", "rw");
                return () -> {
                    terminal.write("x".getBytes());
                    return "written";
                };
            case "fifo":
                FileInputStream fifo = new FileInputStream(folder.resolve("fifo").toFile());
                return () -> line(fifo);
            case "fifo-out":
                FileOutputStream out = new FileOutputStream(folder.resolve("fifo-out").toFile());
                return () -> {
                    out.write("from the JVM\n".getBytes());
                    return "written";
                };
            case "watch":
                WatchService watch = FileSystems.getDefault().newWatchService();
                folder.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
                return () -> "open";
            default:
                return network(kind);
        }
    }

    /** A copy shares its position; the first byte is read before, the second after. */
    private static Use file(String kind) throws IOException {
        RandomAccessFile file = new RandomAccessFile(folder.resolve(kind).toFile(), "r");
        file.read();
        return () -> {
            int got = file.read();
            return "read " + (char) got;
        };
    }

    private static Use network(String kind) throws Exception {
        switch (kind) {
            case "pipe":
                Pipe pipe = Pipe.open();
                return () -> {
                    pipe.sink().write(ByteBuffer.wrap(new byte[] {7}));
                    return "read " + pipe.source().read(ByteBuffer.allocate(9));
                };
            case "pair":
                ServerSocketChannel once = ServerSocketChannel.open();
                once.bind(new InetSocketAddress(LOOPBACK, 0));
                SocketChannel near = SocketChannel.open(once.getLocalAddress());
                SocketChannel far = once.accept();
                once.close();
                return () -> {
                    near.write(ByteBuffer.wrap(new byte[] {7}));
                    return "read " + far.read(ByteBuffer.allocate(9));
                };
            case "listener":
                ServerSocketChannel server = ServerSocketChannel.open();
                server.bind(new InetSocketAddress(LOOPBACK, 0));
                System.out.println("listener at " + server.socket().getLocalPort());
                return () -> accept(server);
            case "waiting":
                ServerSocketChannel busy = ServerSocketChannel.open();
                busy.bind(new InetSocketAddress(LOOPBACK, 0));
                int port = busy.socket().getLocalPort();
                System.out.println("waiting at " + port);
                SocketChannel early = SocketChannel.open(busy.getLocalAddress());
                return () -> accept(busy) + " " + early.isOpen();
            case "watched":
                return watched();
            case "unix":
                return unix();
            case "udp":
                DatagramChannel udp = DatagramChannel.open(StandardProtocolFamily.INET);
                udp.bind(new InetSocketAddress(LOOPBACK, 0));
                DatagramChannel sender = DatagramChannel.open(StandardProtocolFamily.INET);
                sender.connect(udp.getLocalAddress());
                return () -> {
                    sender.write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
                    ByteBuffer got = ByteBuffer.allocate(9);
                    udp.receive(got);
                    return "received " + got.position();
                };
            case "receiver":
                return receiver();
            default:
                return connection(kind);
        }
    }

    /** A thread that receives again whatever happens. */
    private static Use receiver() throws IOException {
        DatagramSocket socket = new DatagramSocket(0, LOOPBACK);
        AtomicInteger failed = new AtomicInteger();
        Thread thread = new Thread(() -> {
            while (true) {
                try {
                    socket.receive(new DatagramPacket(new byte[9], 9));
                } catch (IOException failure) {
                    failed.incrementAndGet();
                }
            }
        });

        thread.setDaemon(true);
        thread.start();
        return () -> {
            TimeUnit.MILLISECONDS.sleep(500);
            return "fails " + failed.get() + " times";
        };
    }

    /** A selector that has a listening socket and a pipe. */
    private static Use watched() throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(LOOPBACK, 0));
        server.configureBlocking(false);
        Pipe pipe = Pipe.open();
        pipe.source().configureBlocking(false);
        Selector selector = Selector.open();
        server.register(selector, SelectionKey.OP_ACCEPT);
        pipe.source().register(selector, SelectionKey.OP_READ);
        selector.selectNow();
        return () -> {
            int before = selector.selectNow();
            pipe.sink().write(ByteBuffer.wrap(new byte[] {7}));
            return "selected " + before + " and " + selector.select(20000);
        };
    }

    private static Use unix() throws Exception {
        SocketAddress address = (SocketAddress) Class.forName("java.net.UnixDomainSocketAddress")
                .getMethod("of", String.class).invoke(null, folder.resolve("socket").toString());
        ServerSocketChannel server = (ServerSocketChannel) ServerSocketChannel.class
                .getMethod("open", ProtocolFamily.class)
                .invoke(null, StandardProtocolFamily.valueOf("UNIX"));
        server.bind(address);
        return () -> accept(server);
    }

    /** What the relay needs, which makes connections ones to another process. */
    private static ByteBuffer target(ServerSocket server) throws Exception {
        return ByteBuffer.wrap((server.getLocalPort() + "\n").getBytes("US-ASCII"));
    }

    /** Three ways to wait for a connection: read it, read it in a thread, select it. */
    private static Use connection(String kind) throws Exception {
        ServerSocket server = new ServerSocket(0, 1, LOOPBACK);
        if (kind.equals("tcp")) {
            Socket client = new Socket(LOOPBACK, Integer.getInteger("relay"));
            client.getOutputStream().write(target(server).array());
            Socket accepted = server.accept();
            System.out.println("tcp to " + server.getLocalPort());
            server.close();
            return () -> {
                String said = result(() -> "wrote " + write(client));
                return said + "; " + result(() -> "read " + accepted.getInputStream().read());
            };
        }
        SocketAddress relay = new InetSocketAddress(LOOPBACK, Integer.getInteger("relay"));
        SocketChannel client = SocketChannel.open(relay);
        client.write(target(server));
        Socket accepted = server.accept();
        server.close();
        if (kind.equals("blocked")) {
            StringBuffer said = new StringBuffer();
            Thread reader = new Thread(() -> said.append(result(() -> {
                return "read " + accepted.getInputStream().read();
            })));
            reader.start();
            return () -> {
                reader.join(20000);
                return said.toString() + (client.isOpen() ? "" : " closed");
            };
        }
        Selector selector = Selector.open();
        printSelectors();
        client.configureBlocking(false);
        client.register(selector, SelectionKey.OP_READ);
        selector.selectNow();
        return () -> {
            int ready = selector.select(20000);
            selector.selectedKeys().clear();
            return "selected " + ready + ", then "
                    + result(() -> "read " + client.read(ByteBuffer.allocate(9)))
                    + (accepted.isClosed() ? " closed" : "");
        };
    }

    private static void printSelectors() throws IOException {
        for (File fd : new File("/proc/self/fd").listFiles()) {
            if (Files.isSymbolicLink(fd.toPath())
                    && Files.readSymbolicLink(fd.toPath()).endsWith("anon_inode:[eventpoll]")) {
                System.out.println("selector: descriptor " + fd.getName());
            }
        }
    }

    private static String write(Socket socket) throws IOException {
        socket.getOutputStream().write(1);
        return "1";
    }

    private static String accept(ServerSocketChannel server) throws IOException {
        server.configureBlocking(false);
        SocketAddress address = server.getLocalAddress();
        try (SocketChannel client = SocketChannel.open(address)) {
            SocketChannel accepted = server.accept();
            client.write(ByteBuffer.wrap(new byte[] {5}));
            try {
                return "accepted " + accepted.read(ByteBuffer.allocate(9));
            } finally {
                accepted.close();
            }
        }
    }

    private static String line(FileInputStream in) throws IOException {
        StringBuilder text = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            text.append((char) c);
        }
        return "read " + text;
    }
}
