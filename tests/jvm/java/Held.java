// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Holds something of the kernel that a checkpoint must keep, uses it every 20 milliseconds and
// prints "tick N" each time it did what it should, "wrong: REASON" once it did not.
//
//     Held KIND DIR [PORT]    KIND: a case of the switch below

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.Pipe;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

public final class Held {
    private interface Step {
        void take(int number) throws Exception;
    }

    private static Path dir;

    public static void main(String[] args) throws Exception {
        dir = Paths.get(args[1]);
        Step step = open(args[0], args);

        for (int number = 1;; number++) {
            try {
                step.take(number);
            } catch (Exception failed) {
                System.out.println("wrong: " + failed);
                System.exit(1);
            }
            System.out.println("tick " + number);
            Thread.sleep(20);
        }
    }

    private static Step open(String kind, String[] args) throws Exception {
        switch (kind) {
        case "child":
            return echoOf(new ProcessBuilder("cat"));
        case "pipeline":
            return echoOf(new ProcessBuilder("sh", "-c", "stdbuf -oL cat | stdbuf -oL cat | cat"));
        case "shell":
            return echoOf(new ProcessBuilder("sh", "-c", "while read -r a; do echo \"$a\"; done"));
        case "inherit":
            return sleeps(new ProcessBuilder("sh", "-c",
                    "while :; do echo child; sleep 0.05; done").inheritIO());
        case "files":
            return sleeps(new ProcessBuilder("sh", "-c",
                    "exec 3<text; cd below; while :; do echo child; sleep 0.05; done")
                    .directory(dir.toFile()).inheritIO());
        case "sleep":
            return sleeps(new ProcessBuilder("sleep", "1000"));
        case "ended":
            return ended();
        case "jvm":
            return echoOf(new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-cp",
                    System.getProperty("java.class.path"), "Held", "echo", args[1]));
        case "echo":
            echo();
            System.exit(0);
            return null;
        case "tcp":
            return tcp();
        case "outside":
            return outside(Integer.parseInt(args[2]));
        case "udp":
            return udp();
        case "unix":
            return unix();
        case "unix-outside":
            return unixOutside();
        case "selector":
            return selector();
        case "mapped":
            return mapped();
        case "written":
            return written();
        case "deleted":
            return deleted(1000);
        case "deleted-big":
            return deleted(20 << 20);
        case "lock":
            return lock();
        case "watch":
            return watch();
        case "timer":
            return timer();
        case "heap":
            return heap();
        case "threads":
            return threads(Integer.parseInt(args[2]));
        case "virtual":
            return virtual();
        case "fifo":
            return fifo();
        default:
            throw new IllegalArgumentException(kind);
        }
    }

    private static void same(Object is, Object expected) throws IOException {
        if (!expected.equals(is)) {
            throw new IOException("'" + is + "' and not '" + expected + "'");
        }
    }

    private static Step echoOf(ProcessBuilder builder) throws Exception {
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        return exchange(process.getInputStream(), process.getOutputStream());
    }

    private static Step exchange(InputStream from, OutputStream out) {
        BufferedReader in = new BufferedReader(new InputStreamReader(from));
        return number -> {
            out.write((number + "\n").getBytes());
            out.flush();
            same(in.readLine(), "" + number);
        };
    }

    private static Step sleeps(ProcessBuilder builder) throws Exception {
        Process process = builder.start();
        return number -> same(process.isAlive(), true);
    }

    /** A child that ends while frozen or right after, whose status Java waits for. */
    private static Step ended() throws Exception {
        Process[] process = { new ProcessBuilder("sh", "-c", "sleep 0.2; exit 7").start() };
        return number -> {
            if (number % 20 == 0) {
                same(process[0].waitFor(), 7);
                process[0] = new ProcessBuilder("sh", "-c", "sleep 0.2; exit 7").start();
            }
        };
    }

    private static void echo() throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null;) {
            System.out.println(line);
        }
    }

    private static void answer(InputStream in, OutputStream out) {
        Thread thread = new Thread(() -> {
            try {
                byte[] buffer = new byte[1000];
                for (int size; (size = in.read(buffer)) > 0;) {
                    out.write(buffer, 0, size);
                }
            } catch (IOException failed) {
                System.out.println("wrong: server: " + failed);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static Step tcp() throws Exception {
        ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.getLocalPort());
        Socket accepted = server.accept();
        answer(accepted.getInputStream(), accepted.getOutputStream());
        return exchange(socket.getInputStream(), socket.getOutputStream());
    }

    private static Step outside(int port) throws Exception {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        return exchange(socket.getInputStream(), socket.getOutputStream());
    }

    private static Step udp() throws Exception {
        DatagramSocket one = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        DatagramSocket two = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        two.connect(one.getLocalSocketAddress());
        one.setSoTimeout(1000);
        return number -> {
            byte[] sent = ("" + number).getBytes();
            String got = "";
            while (!got.equals("" + number)) {
                DatagramPacket packet = new DatagramPacket(new byte[100], 100);
                two.send(new DatagramPacket(sent, sent.length));
                try {
                    one.receive(packet);
                    got = new String(packet.getData(), 0, packet.getLength());
                } catch (SocketTimeoutException e) {
                    got = ""; // criu does not keep the queues of sockets; it is sent again
                }
            }
        };
    }

    private static SocketAddress unixAddress(String name) throws Exception {
        return (SocketAddress) Class.forName("java.net.UnixDomainSocketAddress")
                .getMethod("of", Path.class).invoke(null, dir.resolve(name));
    }

    /** From Java 16 on, as the two below. */
    private static Step unix() throws Exception {
        SocketAddress address = unixAddress("held.sock");
        ServerSocketChannel server = (ServerSocketChannel) ServerSocketChannel.class
                .getMethod("open", ProtocolFamily.class)
                .invoke(null, StandardProtocolFamily.valueOf("UNIX"));
        server.bind(address);
        SocketChannel client = unixClient(address);
        SocketChannel accepted = server.accept();
        return number -> {
            ByteBuffer buffer = ByteBuffer.allocate(100);
            client.write(ByteBuffer.wrap(("" + number).getBytes()));
            int size = accepted.read(buffer);
            same(new String(buffer.array(), 0, size), "" + number);
        };
    }

    private static SocketChannel unixClient(SocketAddress address) throws Exception {
        SocketChannel client = (SocketChannel) SocketChannel.class
                .getMethod("open", ProtocolFamily.class)
                .invoke(null, StandardProtocolFamily.valueOf("UNIX"));
        client.connect(address);
        return client;
    }

    private static Step unixOutside() throws Exception {
        SocketChannel client = unixClient(unixAddress("outside.sock"));
        return number -> {
            ByteBuffer buffer = ByteBuffer.allocate(100);
            client.write(ByteBuffer.wrap(("" + number).getBytes()));
            int size = client.read(buffer);
            same(new String(buffer.array(), 0, size), "" + number);
        };
    }

    /** An epoll with a pipe, an eventfd or a pipe that wakes it, and a listening socket. */
    private static Step selector() throws Exception {
        Selector selector = Selector.open();
        Pipe pipe = Pipe.open();
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(null).configureBlocking(false);
        server.register(selector, SelectionKey.OP_ACCEPT);
        pipe.source().configureBlocking(false);
        pipe.source().register(selector, SelectionKey.OP_READ);
        return number -> {
            selector.wakeup();
            same(selector.select(10000), 0);
            pipe.sink().write(ByteBuffer.wrap(new byte[] {1}));
            same(selector.select(10000), 1);
            selector.selectedKeys().clear();
            pipe.source().read(ByteBuffer.allocate(10));
            int port = server.socket().getLocalPort();
            try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port)) {
                same(selector.select(10000), 1);
                selector.selectedKeys().clear();
                server.accept().close();
            }
        };
    }

    private static Step mapped() throws Exception {
        RandomAccessFile file = new RandomAccessFile(dir.resolve("mapped").toFile(), "rw");
        file.setLength(4 << 20);
        MappedByteBuffer shared = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 4 << 20);
        MappedByteBuffer own = file.getChannel().map(FileChannel.MapMode.PRIVATE, 0, 4 << 20);
        return number -> {
            shared.putInt(4096, number);
            shared.force();
            own.putInt(8192, number);
            same(own.getInt(8192), number);
            file.seek(4096);
            same(file.readInt(), number);
        };
    }

    // A file that it never reads: another process may have written to it.
    private static Step written() throws Exception {
        RandomAccessFile file = new RandomAccessFile(dir.resolve("written").toFile(), "rw");
        file.setLength(4 << 20);
        return number -> {
            file.seek(4096);
            file.writeInt(number);
        };
    }

    private static Step deleted(int size) throws Exception {
        Path path = dir.resolve("deleted");
        RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
        byte[] data = new byte[size];
        new Random(1).nextBytes(data);
        file.write(data);
        Files.delete(path);
        return number -> {
            byte[] read = new byte[size];
            file.seek(0);
            file.readFully(read);
            same(Arrays.hashCode(read), Arrays.hashCode(data));
            file.seek(number % size);
            file.writeByte(data[number % size] = (byte) number);
        };
    }

    private static Step lock() throws Exception {
        File file = dir.resolve("locked").toFile();
        FileLock lock = new RandomAccessFile(file, "rw").getChannel().lock();
        String other = "import fcntl, sys\n"
                + "try: fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
                + "except OSError: sys.exit(5)";
        return number -> {
            same(lock.isValid(), true);
            if (number % 10 == 0) {
                ProcessBuilder taker = new ProcessBuilder("python3", "-c", other, file.getPath());
                same(taker.start().waitFor(), 5);
            }
        };
    }

    private static Step watch() throws Exception {
        WatchService watcher = FileSystems.getDefault().newWatchService();
        Path folder = Files.createDirectories(dir.resolve("watched"));
        folder.register(watcher, StandardWatchEventKinds.ENTRY_CREATE);
        return number -> {
            Path made = folder.resolve("made-" + number);
            Files.createFile(made);
            boolean isReported = false;
            while (!isReported) {
                WatchKey key = watcher.poll(30, TimeUnit.SECONDS);
                if (key == null) {
                    throw new IOException("no event");
                }
                for (WatchEvent<?> event : key.pollEvents()) {
                    // An overflow stands for the events of the last moment, which may be this one.
                    isReported |= event.kind() == StandardWatchEventKinds.OVERFLOW
                            || event.context().toString().equals("made-" + number);
                }
                key.reset();
            }
            Files.delete(made);
        };
    }

    private static Step timer() throws Exception {
        ScheduledExecutorService timers = Executors.newScheduledThreadPool(2);
        Semaphore fired = new Semaphore(0);
        timers.scheduleAtFixedRate(fired::release, 0, 10, TimeUnit.MILLISECONDS);
        return number -> same(fired.tryAcquire(30, TimeUnit.SECONDS), true);
    }

    private static Step heap() throws Exception {
        byte[][] blocks = new byte[1200][];
        Random random = new Random(1);
        for (int i = 0; i < blocks.length; i++) {
            random.nextBytes(blocks[i] = new byte[1 << 20]);
        }
        int hash = Arrays.deepHashCode(blocks);
        return number -> {
            if (number % 50 == 0) {
                same(Arrays.deepHashCode(blocks), hash);
            }
        };
    }

    private static Step threads(int count) throws Exception {
        Semaphore ask = new Semaphore(0);
        Semaphore done = new Semaphore(0);
        for (int i = 0; i < count; i++) {
            Thread thread = new Thread(() -> {
                for (;;) {
                    ask.acquireUninterruptibly();
                    done.release();
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        return number -> {
            ask.release(count);
            same(done.tryAcquire(count, 60, TimeUnit.SECONDS), true);
        };
    }

    private static Step virtual() throws Exception {
        Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
        Semaphore done = new Semaphore(0);
        Runnable body = () -> {
            for (;;) {
                try {
                    Thread.sleep(50);
                } catch (InterruptedException interrupted) {
                    return;
                }
                done.release();
            }
        };
        for (int i = 0; i < 1000; i++) {
            Class.forName("java.lang.Thread$Builder").getMethod("start", Runnable.class)
                    .invoke(builder, body);
        }
        return number -> same(done.tryAcquire(100, 60, TimeUnit.SECONDS), true);
    }

    private static Step fifo() throws Exception {
        Path path = dir.resolve("fifo");
        Files.deleteIfExists(path);
        new ProcessBuilder("mkfifo", path.toString()).start().waitFor();
        RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
        return number -> {
            file.writeInt(number);
            same(file.readInt(), number);
        };
    }
}
