// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The JVM of tests/torture. It takes commands from its standard input, one per line:
//   ping WORD     answers "pong WORD CHECKS": how often the load has verified itself so far
//   checkpoint    prints "thread TID" and waits for another line, calls Core.checkpointRestore()
//                 between accesses to /torture-begin and /torture-end, then prints "frozen" or
//                 "refused REASON"
//   random        prints the values that must differ between clones, in one line
//   end           ends with 0
// With the argument "keeps" it has open descriptors of several kinds, and answers a ping only after
// it has checked all of them. "load LIBRARY" starts a load: threads that rewrite a heap in which
// every node has the hash of the one before it, short-lived threads, code for the JIT compilers,
// short-lived mappings, and native code that opens libraries and holds locks. An error is one line
// that begins with "BROKEN", and ends the JVM with status 3.

import java.io.BufferedReader;
import java.io.File;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.SecureRandom;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.crac.Core;

public class Torture {
    private static final AtomicLong CHECKS = new AtomicLong();
    private static final SecureRandom RANDOM = new SecureRandom();

    public static void main(String[] arguments) throws Exception {
        RANDOM.nextInt();
        UUID.randomUUID();
        if (arguments.length > 0 && arguments[0].equals("load")) {
            load(arguments.length > 1 ? arguments[1] : null);
        }
        Kept kept = arguments.length > 0 && arguments[0].equals("keeps") ? new Kept() : null;
        System.out.println("ready");
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = orders.readLine()) != null;) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "ping":
                    if (kept != null) {
                        kept.verify();
                    }
                    System.out.println("pong " + words[1] + " " + CHECKS.get());
                    break;
                case "checkpoint":
                    checkpoint(orders);
                    break;
                case "random":
                    System.out.println("random " + UUID.randomUUID() + " " + RANDOM.nextLong() + " "
                            + new SecureRandom().nextLong() + " "
                            + ThreadLocalRandom.current().nextLong() + " "
                            + new Random().nextLong());
                    break;
                case "end":
                    System.exit(0);
                    break;
                default:
                    broken("an unknown command: " + line);
            }
        }
        System.exit(0);
    }

    private static void checkpoint(BufferedReader orders) throws Exception {
        System.out.println("thread "
                + Files.readSymbolicLink(Paths.get("/proc/thread-self")).getFileName());
        orders.readLine(); // the tracer is attached to this thread
        String refused = null;
        new File("/torture-begin").exists();
        try {
            Core.checkpointRestore();
        } catch (Exception failed) {
            refused = failed.toString();
            for (Throwable reason : failed.getSuppressed()) {
                refused += " | " + reason;
            }
        }
        new File("/torture-end").exists();
        System.out.println(refused == null ? "frozen"
                : "refused " + refused.replace('\n', ' '));
    }

    static void broken(String what) {
        System.out.println("BROKEN " + what);
        System.out.flush();
        Runtime.getRuntime().halt(3);
    }

    // ---- descriptors that a checkpoint must keep

    /**
     * A file at a position, one that is written, one that is deleted at the end, a pipe with
     * content, a selector, a port. The files may be deleted while no JVM runs.
     */
    private static final class Kept {
        private final RandomAccessFile file;
        private final FileOutputStream log;
        private final File logName;
        private final File atExit = File.createTempFile("kept", ".exit");
        private final Pipe pipe = Pipe.open();
        private final Selector selector = Selector.open();
        private final ServerSocketChannel server = ServerSocketChannel.open();
        private final InetSocketAddress address;
        private long position;
        private long logged;

        Kept() throws Exception {
            File name = File.createTempFile("kept", null);
            Files.write(name.toPath(), new byte[1 << 20]);
            file = new RandomAccessFile(name, "r");
            logName = File.createTempFile("kept", ".log");
            log = new FileOutputStream(logName, true);
            Files.write(atExit.toPath(), new byte[] {17});
            atExit.deleteOnExit();
            pipe.sink().write(ByteBuffer.wrap(new byte[] {42}));
            pipe.source().configureBlocking(false);
            // a clone that is examined next to the original has the same port
            server.setOption(reusePort(), true);
            // and no other process is at this address while no JVM runs
            byte[] own = {127, 0, 0, 0};
            for (int i = 1; i < own.length; i++) {
                own[i] = (byte) (1 + ThreadLocalRandom.current().nextInt(254));
            }
            server.bind(new InetSocketAddress(InetAddress.getByAddress(own), 0));
            server.configureBlocking(false);
            address = (InetSocketAddress) server.getLocalAddress();
            server.register(selector, SelectionKey.OP_ACCEPT);
            pipe.source().register(selector, SelectionKey.OP_READ);
        }

        @SuppressWarnings("unchecked")
        private static SocketOption<Boolean> reusePort() throws Exception {
            return (SocketOption<Boolean>) Class.forName("java.net.StandardSocketOptions")
                    .getField("SO_REUSEPORT").get(null);
        }

        void verify() throws Exception {
            if (file.getFilePointer() != position) {
                broken("a file is at " + file.getFilePointer() + " instead of " + position);
            }
            file.seek(position = (position + 4097) % file.length());
            log.write('x');
            if (logName.length() <= logged) {
                broken("a log that is written does not grow");
            }
            logged = logName.length();
            if (!atExit.exists() || Files.readAllBytes(atExit.toPath())[0] != 17) {
                broken("a temporary file is missing");
            }
            selector.selectedKeys().clear();
            if (selector.select() < 1 || !selector.selectedKeys().contains(
                    pipe.source().keyFor(selector))) {
                broken("a selector no longer sees the pipe");
            }
            ByteBuffer content = ByteBuffer.allocate(2);
            if (pipe.source().read(content) != 1 || content.get(0) != 42) {
                broken("a pipe has another content: " + content);
            }
            pipe.sink().write(ByteBuffer.wrap(new byte[] {42}));
            new Socket(address.getAddress(), address.getPort()).close();
            for (SocketChannel client; (client = server.accept()) != null;) {
                client.close();
            }
        }
    }

    // ---- load

    private static void load(String library) throws Exception {
        for (int i = 0; i < 2; i++) {
            start("chain", new Chain(i));
        }
        start("churn", Torture::churn);
        start("maps", Torture::maps);
        start("code", Torture::code);
        if (library != null) {
            System.load(library);
            start("libraries", Torture::openLibraries);
            start("locks", Torture::holdLocks);
            start("locks", Torture::holdLocks);
        }
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void start(String name, Work work) {
        Thread thread = new Thread(name) {
            @Override
            public void run() {
                try {
                    for (;;) {
                        work.run();
                    }
                } catch (Throwable failed) {
                    failed.printStackTrace(System.out);
                    broken(name + ": " + failed);
                }
            }
        };
        thread.setDaemon(true);
        thread.start();
    }

    /** A list in which each node has the hash of the one before it and its own content. */
    private static final class Chain implements Work {
        private static final int LENGTH = 2000;
        private final Random random;
        private Node first;

        static final class Node {
            Node next;
            byte[] content;
            long hash;
        }

        Chain(int seed) {
            random = new Random(seed);
        }

        static long hash(long before, byte[] content) {
            long hash = before * 31 + content.length;
            for (byte b : content) {
                hash = hash * 1099511628211L + b;
            }
            return hash;
        }

        @Override
        public void run() {
            Node made = null;
            Node last = null;
            long hash = 17;
            for (int i = 0; i < LENGTH; i++) {
                Node node = new Node();
                node.content = new byte[random.nextInt(400)];
                random.nextBytes(node.content);
                hash = node.hash = hash(hash, node.content);
                if (last == null) {
                    made = node;
                } else {
                    last.next = node;
                }
                last = node;
            }
            verify(first);
            first = made;
            verify(first);
            CHECKS.incrementAndGet();
            Thread.yield();
        }

        private static void verify(Node node) {
            long hash = 17;
            for (int i = 0; node != null; node = node.next, i++) {
                hash = hash(hash, node.content);
                if (hash != node.hash) {
                    broken("the chain of hashes, at node " + i);
                }
            }
        }
    }

    private static void churn() throws Exception {
        Thread[] threads = new Thread[4];
        for (int i = 0; i < threads.length; i++) {
            final int number = i;
            threads[i] = new Thread(() -> CHECKS.addAndGet(number & 1));
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        Thread.sleep(1);
    }

    private static void maps() throws Exception {
        File file = File.createTempFile("torture", null);
        try (RandomAccessFile random = new RandomAccessFile(file, "rw");
                FileChannel channel = random.getChannel()) {
            MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 16);
            for (int i = 0; i < 1 << 16; i += 4096) {
                map.putLong(i, i ^ 0x5555L);
            }
            for (int i = 0; i < 1 << 16; i += 4096) {
                if (map.getLong(i) != (i ^ 0x5555L)) {
                    broken("a mapped file, at " + i);
                }
            }
            ByteBuffer direct = ByteBuffer.allocateDirect(1 << 20);
            for (int i = 0; i < 1 << 20; i += 512) {
                if (direct.getLong(i) != 0) {
                    broken("new native memory is not zero, at " + i);
                }
                direct.putLong(i, -1);
            }
            unmap(map);
            unmap(direct);
        } finally {
            file.delete();
        }
        CHECKS.incrementAndGet();
        Thread.sleep(2);
    }

    private static void unmap(ByteBuffer buffer) throws Exception {
        Class<?> type = Class.forName("sun.misc.Unsafe");
        java.lang.reflect.Field field = type.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        try {
            type.getMethod("invokeCleaner", ByteBuffer.class).invoke(field.get(null), buffer);
        } catch (NoSuchMethodException old) {
            return; // JDK 8: only the collector unmaps it
        }
    }

    private static int turn;

    /** Code that is compiled, and invalidated when its assumptions about classes fail. */
    private static void code() throws Exception {
        long sum = 0;
        Shape[] shapes = turn++ % 7 == 0 ? new Shape[] {new Square(), new Circle()}
                : new Shape[] {new Square()};
        for (int i = 0; i < 200000; i++) {
            sum += shapes[i % shapes.length].area(i);
        }
        long expected = 0;
        for (int i = 0; i < 200000; i++) {
            expected += i % shapes.length == 0 ? (long) i * i : 3L * i * i;
        }
        if (sum != expected) {
            broken("compiled code counts " + sum + " instead of " + expected);
        }
        CHECKS.incrementAndGet();
        Thread.sleep(1);
    }

    private interface Shape {
        long area(int size);
    }

    private static final class Square implements Shape {
        @Override
        public long area(int size) {
            return (long) size * size;
        }
    }

    private static final class Circle implements Shape {
        @Override
        public long area(int size) {
            return 3L * size * size;
        }
    }

    // ---- native: tests/jvm/java/torture.c

    private static final ReentrantLock FAIR = new ReentrantLock(true);

    private static void openLibraries() throws Exception {
        if (!open()) {
            broken("a library could not be opened and closed");
        }
        CHECKS.incrementAndGet();
        Thread.sleep(1);
    }

    private static void holdLocks() throws Exception {
        FAIR.lock();
        FAIR.unlock();
        String wrong = locks();
        if (wrong != null) {
            broken("native locks: " + wrong);
        }
        CHECKS.incrementAndGet();
    }

    private static native boolean open();

    private static native String locks();
}
