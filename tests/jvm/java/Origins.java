// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Opens obstacles to a checkpoint on requests over HTTP, each from a method with its own name: GET
// /open/NAME opens, /close/NAME closes it, /stress has many threads do both at once, /spawn/HOW has
// the JDK start a process by VFORK, FORK or POSIX_SPAWN, and /own calls Core.checkpointRestore()
// and answers with a line for each reason: its class, message, "<-", its cause's message, and the
// methods of this class on that stack. Prints "ready PORT".
//
//     Origins FIFO DIRECTORY

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.Closeable;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.crac.Core;

public final class Origins {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final int THREADS = 8;
    private static final int ROUNDS = 300;
    private static final Map<String, List<Closeable>> OPEN = new HashMap<>();
    private static String fifo;
    private static Path directory;

    private Origins() {
    }

    public static void main(String[] args) throws Exception {
        fifo = args[0];
        directory = Paths.get(args[1]);
        HttpServer server = HttpServer.create(new InetSocketAddress(LOOPBACK, 0), 0);
        server.createContext("/", Origins::answer);
        server.start();
        System.out.println("ready " + server.getAddress().getPort());
        Thread.currentThread().join();
    }

    private static void answer(HttpExchange exchange) throws IOException {
        String[] words = exchange.getRequestURI().getPath().split("/");
        String said;
        try {
            said = act(words[1], words.length > 2 ? words[2] : "");
        } catch (Exception failed) {
            failed.printStackTrace();
            said = failed.toString();
        }
        byte[] bytes = said.getBytes("UTF-8");
        exchange.getResponseHeaders().set("Connection", "close");
        exchange.sendResponseHeaders(200, bytes.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(bytes);
        }
        exchange.close();
    }

    private static String act(String verb, String name) throws Exception {
        switch (verb) {
            case "own":
                return own();
            case "stress":
                return stress();
            case "spawn":
                System.setProperty("jdk.lang.Process.launchMechanism", name);
                return "ended with " + new ProcessBuilder("true").start().waitFor();
            case "close":
                for (Closeable one : OPEN.remove(name)) {
                    one.close();
                }
                return "closed";
            default:
                List<Closeable> opened = new ArrayList<>();
                OPEN.put(name, opened);
                open(name, opened);
                return "opened";
        }
    }

    private static void open(String name, List<Closeable> opened) throws Exception {
        switch (name) {
            case "fifo":
                openFifo(opened);
                break;
            case "again":
                openAgain(opened);
                break;
            case "random":
                openRandom(opened);
                break;
            case "device":
                openDevice(opened);
                break;
            case "tcp":
                openTcp(opened);
                break;
            case "channels":
                openChannels(opened);
                break;
            case "stream":
                openStream(opened);
                break;
            case "unseen":
                openUnseen(opened);
                break;
            case "virtual":
                openVirtual(opened);
                break;
            default:
                throw new IOException("no " + name);
        }
    }

    private static void openFifo(List<Closeable> opened) throws IOException {
        opened.add(new FileInputStream(fifo));
    }

    private static void openAgain(List<Closeable> opened) throws IOException {
        opened.add(new FileInputStream(fifo));
    }

    private static void openRandom(List<Closeable> opened) throws IOException {
        opened.add(new RandomAccessFile("/proc/1/stat", "r"));
    }

    private static void openDevice(List<Closeable> opened) throws IOException {
        opened.add(new FileInputStream("/dev/ptmx"));
    }

    private static void openTcp(List<Closeable> opened) throws IOException {
        ServerSocket server = new ServerSocket(0, 1, LOOPBACK);
        opened.add(connectTcp(server));
        opened.add(acceptTcp(server));
        opened.add(server);
    }

    private static Socket connectTcp(ServerSocket server) throws IOException {
        Socket client = new Socket(LOOPBACK, Integer.getInteger("relay"));
        client.getOutputStream().write((server.getLocalPort() + "\n").getBytes("US-ASCII"));
        return client;
    }

    private static Socket acceptTcp(ServerSocket server) throws IOException {
        return server.accept();
    }

    private static void openChannels(List<Closeable> opened) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(LOOPBACK, 0));
        opened.add(connectChannel(server));
        opened.add(acceptChannel(server));
        opened.add(server);
    }

    private static SocketChannel connectChannel(ServerSocketChannel server) throws IOException {
        SocketAddress relay = new InetSocketAddress(LOOPBACK, Integer.getInteger("relay"));
        SocketChannel client = SocketChannel.open(relay);
        int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
        client.write(ByteBuffer.wrap((port + "\n").getBytes("US-ASCII")));
        return client;
    }

    private static SocketChannel acceptChannel(ServerSocketChannel server) throws IOException {
        return server.accept();
    }

    /** A stream of a directory has two descriptors, the second one made by dup(). */
    private static void openStream(List<Closeable> opened) throws IOException {
        opened.add(Files.newDirectoryStream(Paths.get("/proc/1")));
    }

    /**
     * A number of a descriptor that was closed, used again by an opening of the same file that the
     * agent does not see: the JDK looks up openat() at run time.
     */
    private static void openUnseen(List<Closeable> opened) throws IOException {
        Path file = Paths.get(fifo);
        DirectoryStream<Path> stream = Files.newDirectoryStream(file.getParent());
        new FileInputStream(fifo).close();
        opened.add(((SecureDirectoryStream<Path>) stream).newByteChannel(file.getFileName(),
                EnumSet.of(StandardOpenOption.READ)));
        opened.add(stream);
    }

    /** On a virtual thread if the JDK has them. */
    private static void openVirtual(List<Closeable> opened) throws Exception {
        AtomicReference<Exception> failed = new AtomicReference<>();
        Runnable body = () -> {
            try {
                openRandom(opened);
            } catch (IOException e) {
                failed.set(e);
            }
        };
        Thread thread;
        try {
            thread = (Thread) Thread.class.getMethod("startVirtualThread", Runnable.class)
                    .invoke(null, body);
        } catch (NoSuchMethodException old) {
            thread = new Thread(body, "");
            thread.start();
        }
        thread.join();
        if (failed.get() != null) {
            throw failed.get();
        }
    }

    /** Many threads open and close; at its end each keeps one, while checkpoints are refused. */
    private static String stress() throws Exception {
        List<Closeable> kept = new ArrayList<>();
        Thread[] threads = new Thread[THREADS];
        CountDownLatch running = new CountDownLatch(THREADS);
        for (int i = 0; i < THREADS; i++) {
            threads[i] = new Thread(() -> {
                running.countDown();
                try {
                    stressOne(kept);
                } catch (Exception failed) {
                    failed.printStackTrace();
                }
            }, "stress " + i);
            threads[i].start();
        }
        running.await();
        while (threads[0].isAlive()) {
            own();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        OPEN.put("stress", kept);
        return "stressed";
    }

    private static void stressOne(List<Closeable> kept) throws IOException {
        for (int i = 0; i < ROUNDS; i++) {
            stressPassing();
        }
        stressKept(kept);
    }

    private static void stressPassing() throws IOException {
        try (DatagramSocket socket = new DatagramSocket(0, LOOPBACK);
                FileInputStream file = new FileInputStream("/dev/null");
                DatagramChannel channel = DatagramChannel.open()) {
            if (file.read() >= 0 || socket.isClosed() || !channel.isOpen()) {
                throw new IOException("not as opened");
            }
        }
    }

    private static void stressKept(List<Closeable> kept) throws IOException {
        FileInputStream device = new FileInputStream("/dev/ptmx");
        synchronized (kept) {
            kept.add(device);
        }
    }

    private static String own() {
        StringBuilder said = new StringBuilder();
        try {
            Core.checkpointRestore();
            said.append("nothing");
        } catch (Exception failed) {
            for (Throwable reason : failed.getSuppressed()) {
                said.append(reason.getClass().getSimpleName()).append(' ');
                said.append(reason.getMessage());
                if (reason.getCause() != null) {
                    said.append(" <- ").append(reason.getCause().getMessage()).append(" in");
                    for (StackTraceElement frame : reason.getCause().getStackTrace()) {
                        if (frame.getClassName().equals("Origins")) {
                            said.append(' ').append(frame.getMethodName());
                        }
                    }
                }
                said.append('\n');
            }
        }
        return said.toString();
    }
}
