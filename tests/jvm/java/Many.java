// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has many objects of a kind, prints "ready", and counts ten times a second: "tick N", or "tick N:
// WHAT" if one of them is wrong.
//
//     Many [KIND:NUMBER]...
//
//   same:N        descriptors of one file      files:N     files, open for writing
//   selectors:N   selectors, and so eventfds   pipes:N     with a byte in each
//   ports:N       servers, at any port         threads:N   that wait
//   passing:N     threads that open and close servers
//   outside:N     files next to the folder
//   deleted:N     files that were deleted, each with its own byte
//   maps:N        mappings of one file, each with its own byte
//   mapped:N      files, each mapped and closed
//   udp:PORT      one socket that shares its port (only one)

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.RandomAccessFile;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

public final class Many {
    private static final List<Object> KEPT = new ArrayList<>();
    private static final List<Pipe> PIPES = new ArrayList<>();
    private static final List<MappedByteBuffer> MAPS = new ArrayList<>();
    private static final List<RandomAccessFile> DELETED = new ArrayList<>();
    private static final List<Thread> THREADS = new ArrayList<>();

    private Many() {
    }

    public static void main(String[] args) throws Exception {
        File directory = new File(args[0]);
        directory.mkdirs();
        for (int i = 1; i < args.length; i++) {
            String[] words = args[i].split(":");
            make(directory, words[0], Integer.parseInt(words[1]));
        }
        System.out.println("ready");
        for (int i = 1;; i++) {
            System.out.println("tick " + i + wrong());
            Thread.sleep(100);
        }
    }

    private static void make(File directory, String kind, int number) throws Exception {
        File one = new File(directory, kind);
        for (int i = 0; i < number && !kind.equals("udp"); i++) {
            switch (kind) {
                case "same":
                    one.createNewFile();
                    KEPT.add(new FileInputStream(one));
                    break;
                case "files":
                    KEPT.add(new FileOutputStream(new File(directory, "file-" + i), true));
                    break;
                case "outside":
                    KEPT.add(new FileOutputStream(directory + "-outside-" + i, true));
                    break;
                case "deleted":
                    one = new File(directory, "deleted-" + i);
                    RandomAccessFile open = new RandomAccessFile(one, "rw");
                    open.write(i);
                    one.delete();
                    DELETED.add(open);
                    break;
                case "selectors":
                    KEPT.add(Selector.open());
                    break;
                case "pipes":
                    PIPES.add(Pipe.open());
                    PIPES.get(i).sink().write(ByteBuffer.wrap(new byte[] {(byte) i}));
                    PIPES.get(i).source().configureBlocking(false);
                    break;
                case "ports":
                    KEPT.add(new ServerSocket(0));
                    break;
                case "threads":
                    startThread();
                    break;
                case "passing":
                    Thread thread = new Thread(Many::openAndClose);
                    thread.setDaemon(true);
                    thread.start();
                    break;
                default:
                    map(kind.equals("maps") ? one : new File(directory, "mapped-" + i),
                            kind.equals("maps"), i);
            }
        }
        if (kind.equals("udp")) {
            DatagramSocket socket = new DatagramSocket(null);
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), number));
            KEPT.add(socket);
        }
    }

    // A private mapping has its own page; one mapping of each file is shared.
    private static void map(File file, boolean isPrivate, int i) throws Exception {
        try (RandomAccessFile open = new RandomAccessFile(file, "rw")) {
            open.setLength(4096);
            MappedByteBuffer map = open.getChannel().map(isPrivate
                    ? FileChannel.MapMode.PRIVATE : FileChannel.MapMode.READ_WRITE, 0, 4096);
            map.put(0, (byte) i);
            MAPS.add(map);
        }
    }

    private static void openAndClose() {
        List<ServerSocket> open = new ArrayList<>();
        try {
            while (true) {
                for (int i = 0; i < 30; i++) {
                    open.add(new ServerSocket(0));
                }
                for (ServerSocket socket : open) {
                    socket.close();
                }
                open.clear();
            }
        } catch (Exception e) {
            e.printStackTrace();
        }
    }

    private static void startThread() throws Exception {
        CountDownLatch started = new CountDownLatch(1);
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
        started.await();
        THREADS.add(thread);
    }

    // The byte of each pipe is read and written again.
    private static String wrong() throws Exception {
        ByteBuffer one = ByteBuffer.allocate(2);
        for (int i = 0; i < PIPES.size(); i++) {
            one.clear();
            if (PIPES.get(i).source().read(one) != 1 || one.get(0) != (byte) i) {
                return ": pipe " + i;
            }
            one.flip();
            PIPES.get(i).sink().write(one);
        }
        for (int i = 0; i < MAPS.size(); i++) {
            if (MAPS.get(i).get(0) != (byte) i) {
                return ": map " + i;
            }
        }
        for (int i = 0; i < DELETED.size(); i++) {
            DELETED.get(i).seek(0);
            if (DELETED.get(i).read() != (i & 0xff)) {
                return ": deleted file " + i;
            }
        }
        for (Thread thread : THREADS) {
            if (!thread.isAlive()) {
                return ": " + thread;
            }
        }
        return "";
    }
}
