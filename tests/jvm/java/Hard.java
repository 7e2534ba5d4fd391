// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Programs that are hard to freeze, selected by the first argument. Each prints "ready" when it is
// set up, and then one number per line, so that a test sees that it continues.
//
//     Hard count FIRST          only counts, from that number on
//     Hard threads              four threads that do nothing but start other threads and join them
//     Hard map FILE             has the file mapped for reading; does not read it
//     Hard fds FILE RELEASE     opens FILE until no descriptor is left; when the file RELEASE
//                               exists, closes all and prints "released"
//     Hard halt                 its second beforeCheckpoint ends the JVM

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Hard implements Runnable {
    private static final int MANY = 100000;
    private static final long PERIOD = 20;

    private static final Resource HALT = new Resource() {
        private int checkpoints;

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            if (++checkpoints == 2) {
                Runtime.getRuntime().halt(3);
            }
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
        }
    };

    private final boolean starts;

    private Hard(boolean starts) {
        this.starts = starts;
    }

    public static void main(String[] args) throws Exception {
        long first = 1;
        File release = null;
        FileInputStream[] open = null;
        MappedByteBuffer mapped = null;

        switch (args[0]) {
            case "count":
                first = Long.parseLong(args[1]);
                break;
            case "threads":
                for (int i = 0; i < 4; i++) {
                    new Thread(new Hard(true), "starter " + i).start();
                }
                break;
            case "map":
                mapped = map(args[1]);
                break;
            case "fds":
                release = new File(args[2]);
                close(open(args[1], 3)); // loads the classes while there are descriptors
                open = open(args[1], MANY);
                break;
            case "halt":
                Core.getGlobalContext().register(HALT);
                break;
            default:
                throw new IllegalArgumentException(args[0]);
        }
        System.out.println("ready");
        for (long count = first;; count++) {
            System.out.println(count);
            if (release != null && release.exists()) {
                close(open);
                release = null;
                System.out.println("released");
            }
            Thread.sleep(PERIOD);
            if (mapped != null && mapped.capacity() == 0) { // keeps it
                return;
            }
        }
    }

    /** Starts threads without end; they end at once. */
    @Override
    public void run() {
        try {
            while (starts) {
                Thread thread = new Thread(new Hard(false));
                thread.start();
                thread.join();
            }
        } catch (InterruptedException never) {
            throw new IllegalStateException(never);
        }
    }

    private static MappedByteBuffer map(String file) throws IOException {
        try (FileChannel channel = FileChannel.open(Paths.get(file), StandardOpenOption.READ)) {
            MappedByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
            for (int i = 0; i < mapped.capacity(); i += 512) {
                if (mapped.get(i) != 'x') {
                    throw new IOException("not what was written");
                }
            }
            return mapped;
        }
    }

    /** That many streams, or as many as there are descriptors for. */
    private static FileInputStream[] open(String file, int most) {
        FileInputStream[] open = new FileInputStream[most];
        try {
            for (int i = 0; i < most; i++) {
                open[i] = new FileInputStream(file);
            }
        } catch (IOException full) {
            System.out.println(full.getMessage());
        }
        return open;
    }

    private static void close(FileInputStream[] open) throws IOException {
        for (FileInputStream one : open) {
            if (one != null) {
                one.close();
            }
        }
    }
}
