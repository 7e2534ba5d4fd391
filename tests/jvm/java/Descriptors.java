// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Holds one of every kind of descriptor that an image keeps, freezes itself as often as its
// argument says, and uses all of them after each restore. Prints "ok NAME" or "not ok NAME: reason"
// for each check, and "round N" after each generation; exit status 1 if a check failed.
//
//     Descriptors FOLDER TIMES
//
// FOLDER/many holds the files that the directory stream walks over.

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Set;
import org.crac.Core;

public final class Descriptors {
    private static boolean failed;
    private static int generation;

    private final Path folder;
    private final byte[] content = new byte[100000];

    private FileInputStream reading;
    private RandomAccessFile both;
    private FileOutputStream appending;
    private FileChannel channel;
    private DirectoryStream<Path> directory;
    private Iterator<Path> walk;
    private final Set<String> seen = new HashSet<>();
    private FileInputStream nothing;
    private FileOutputStream sink;
    private FileInputStream random;
    private Pipe pipe;
    private Pipe fullPipe;
    private Selector selector;
    private ServerSocketChannel channelServer;
    private ServerSocket server4;
    private ServerSocket server6;
    private MappedByteBuffer mappedReadOnly;
    private MappedByteBuffer mapped;
    private int fullBytes;

    private Descriptors(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] args) throws Exception {
        Descriptors all = new Descriptors(new File(args[0]).toPath());
        all.open();
        for (int round = 0; round <= Integer.parseInt(args[1]); round++) {
            if (round > 0) {
                Core.checkpointRestore();
            }
            generation = round;
            all.use(round);
            System.out.println("round " + round);
        }
        all.close();
        System.exit(failed ? 1 : 0);
    }

    /** One check, which may throw. */
    private interface Check {
        boolean passes() throws Exception;
    }

    private static void check(String expected, Check check) {
        String name = "generation " + generation + ": " + expected;
        try {
            if (check.passes()) {
                System.out.println("ok " + name);
                return;
            }
            System.out.println("not ok " + name);
        } catch (Exception wrong) {
            System.out.println("not ok " + name + ": " + wrong);
        }
        failed = true;
    }

    private void open() throws IOException {
        for (int i = 0; i < content.length; i++) {
            content[i] = (byte) (i * 7 + i / 251);
        }
        Files.write(folder.resolve("data"), content);
        reading = new FileInputStream(folder.resolve("data").toFile());
        both = new RandomAccessFile(folder.resolve("both").toFile(), "rw");
        both.write(content);
        both.seek(500);
        appending = new FileOutputStream(folder.resolve("log").toFile(), true);
        channel = FileChannel.open(folder.resolve("channel"), StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        directory = Files.newDirectoryStream(folder.resolve("many"));
        walk = directory.iterator();
        nothing = new FileInputStream("/dev/null");
        sink = new FileOutputStream("/dev/null");
        random = new FileInputStream("/dev/urandom");
        try (FileChannel data = FileChannel.open(folder.resolve("data"))) {
            mappedReadOnly = data.map(FileChannel.MapMode.READ_ONLY, 4096, 50000);
        }
        try (RandomAccessFile file = new RandomAccessFile(folder.resolve("map").toFile(), "rw")) {
            mapped = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 20000);
        }
        openNetwork();
    }

    private void openNetwork() throws IOException {
        pipe = Pipe.open();
        fullPipe = Pipe.open();
        fullPipe.sink().configureBlocking(false);
        for (int got = 1; got > 0; fullBytes += got) { // as many bytes as it takes
            got = fullPipe.sink().write(ByteBuffer.wrap(content, 0, 1000));
        }
        selector = Selector.open();
        pipe.source().configureBlocking(false);
        pipe.source().register(selector, SelectionKey.OP_READ, "pipe");
        channelServer = ServerSocketChannel.open();
        channelServer.bind(new InetSocketAddress("127.0.0.1", 0));
        channelServer.configureBlocking(false);
        channelServer.register(selector, SelectionKey.OP_ACCEPT, "server");
        server4 = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"));
        try {
            server6 = new ServerSocket(0, 5, InetAddress.getByName("::1"));
        } catch (IOException none) {
            System.out.println("no IPv6: " + none);
        }
    }

    private void use(int round) {
        check("a file is read at its position", () -> {
            byte[] part = new byte[1000];
            return reading.read(part) == 1000
                    && Arrays.equals(part, Arrays.copyOfRange(content, round * 1000,
                            round * 1000 + 1000));
        });
        check("a file open for both is read and written at its position", () -> {
            boolean there = both.getFilePointer() == 500 + round;
            both.write(200 + round);
            both.seek(500);
            for (int i = 0; i <= round; i++) {
                there &= both.read() == 200 + i;
            }
            return there && both.read() == (content[501 + round] & 0xff) && rewind(501 + round);
        });
        check("a file in append mode is written at its end", () -> {
            Files.write(folder.resolve("log"), "other\n".getBytes(), StandardOpenOption.APPEND);
            appending.write(("line " + round + "\n").getBytes());
            return Files.readAllLines(folder.resolve("log")).size() == 2 * (round + 1);
        });
        check("a file channel writes at its position", () -> {
            boolean there = channel.position() == round;
            channel.write(ByteBuffer.wrap(new byte[] {(byte) ('a' + round)}));
            return there && new String(Files.readAllBytes(folder.resolve("channel")))
                    .equals("abcdefgh".substring(0, round + 1));
        });
        check("a half-read directory continues", () -> {
            boolean fresh = true;
            for (int i = 0; i < 700; i++) {
                fresh &= seen.add(walk.next().getFileName().toString());
            }
            return fresh;
        });
        check("/dev/null is read", () -> nothing.read() == -1);
        check("/dev/null is written", () -> {
            sink.write(content);
            return true;
        });
        check("/dev/urandom is read", () -> {
            byte[] bytes = new byte[64];
            return random.read(bytes) == 64 && !Arrays.equals(bytes, new byte[64]);
        });
        check("a read-only mapping has its content",
                () -> mappedReadOnly.get(1000 + round) == content[5096 + round]);
        check("a writable mapping has its content and is written", () -> {
            boolean there = round == 0 || mapped.get(round - 1) == round;
            mapped.put(round, (byte) (round + 1));
            mapped.force();
            return there && Files.readAllBytes(folder.resolve("map"))[round] == round + 1;
        });
        useNetwork(round);
    }

    private boolean rewind(long position) throws IOException {
        both.seek(position);
        return true;
    }

    private void useNetwork(int round) {
        check("a full pipe has its bytes", () -> {
            int left = fullBytes - round * 1000;
            ByteBuffer part = ByteBuffer.allocate(1000);
            while (part.hasRemaining()) {
                fullPipe.source().read(part);
            }
            return left >= 1000 && Arrays.equals(part.array(), Arrays.copyOf(content, 1000));
        });
        check("a pipe has its bytes", () -> {
            ByteBuffer got = ByteBuffer.allocate(100);
            boolean there = round == 0 || pipe.source().read(got) == 5 && got.get(0) == round - 1;
            return there && pipe.source().read(got) == 0;
        });
        check("a selector is woken by wakeup()", () -> {
            selector.selectNow();
            Thread waker = new Thread(selector::wakeup);
            waker.start();
            int ready = selector.select(20000);
            waker.join();
            return ready == 0 && selector.selectedKeys().isEmpty();
        });
        check("a selector reports a readable pipe", () -> {
            pipe.sink().write(ByteBuffer.wrap(new byte[] {(byte) round, 1, 2, 3, 4}));
            return selector.select(20000) == 1 && selected("pipe");
        });
        check("a selector reports a new connection", () -> {
            try (SocketChannel client = SocketChannel.open(channelServer.getLocalAddress())) {
                boolean there = false;
                while (!there) { // the pipe is ready all the time
                    selector.select(20000);
                    there = selected("server");
                }
                try (SocketChannel accepted = channelServer.accept()) {
                    return talk(accepted, client);
                }
            }
        });
        check("a listening IPv4 socket accepts", () -> accepts(server4));
        if (server6 != null) {
            check("a listening IPv6 socket accepts", () -> accepts(server6));
        }
    }

    private boolean selected(String name) {
        boolean there = false;
        for (SelectionKey key : selector.selectedKeys()) {
            there |= name.equals(key.attachment());
        }
        selector.selectedKeys().clear();
        return there;
    }

    private static boolean talk(SocketChannel from, SocketChannel to) throws IOException {
        ByteBuffer got = ByteBuffer.allocate(1);
        from.write(ByteBuffer.wrap(new byte[] {42}));
        return to.read(got) == 1 && got.get(0) == 42;
    }

    private static boolean accepts(ServerSocket server) throws IOException {
        try (Socket client = new Socket(server.getInetAddress(), server.getLocalPort());
                Socket accepted = server.accept()) {
            client.getOutputStream().write(43);
            return accepted.getInputStream().read() == 43;
        }
    }

    private void close() {
        check("a half-read directory has each name once up to its end", () -> {
            while (walk.hasNext()) {
                if (!seen.add(walk.next().getFileName().toString())) {
                    return false;
                }
            }
            return seen.size() == folder.resolve("many").toFile().list().length;
        });
        check("all descriptors can be closed", () -> {
            for (AutoCloseable one : new AutoCloseable[] {reading, both, appending, channel,
                directory, nothing, sink, random, pipe.sink(), pipe.source(), fullPipe.sink(),
                fullPipe.source(), selector, channelServer, server4}) {
                one.close();
            }
            return true;
        });
    }
}
