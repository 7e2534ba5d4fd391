// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Holds locks on files of a directory, logs through java.util.logging, and prints "tick N", or
// "tick N: WHAT" if a lock is no longer valid. The files exist already:
//     ranges    an exclusive lock on 0 to 99, a shared one on 200 to 299
//     mapped    locked as a whole, and mapped for writing
//     log       of a FileHandler, which locks log.lck
//
//     Locks DIRECTORY

import java.io.File;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.util.logging.FileHandler;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

public final class Locks {
    private Locks() {
    }

    public static void main(String[] args) throws Exception {
        File directory = new File(args[0]);
        FileChannel ranges = open(directory, "ranges");
        FileChannel mapped = open(directory, "mapped");
        FileLock[] locks = {ranges.lock(0, 100, false), ranges.lock(200, 100, true),
            mapped.tryLock()};
        MappedByteBuffer map = mapped.map(FileChannel.MapMode.READ_WRITE, 0, 4096);
        byte first = map.get(0);
        FileHandler handler = new FileHandler(new File(directory, "log").getPath(), true);
        handler.setFormatter(new SimpleFormatter());
        Logger logger = Logger.getLogger("locks");
        logger.setUseParentHandlers(false);
        logger.addHandler(handler);
        for (int i = 1;; i++) {
            String wrong = map.get(0) == first ? "" : ": the map changed";
            for (FileLock lock : locks) {
                wrong += lock.isValid() ? "" : ": a lock is not valid";
            }
            logger.info("logged " + i);
            System.out.println("tick " + i + wrong);
            Thread.sleep(20);
        }
    }

    private static FileChannel open(File directory, String name) throws Exception {
        return new RandomAccessFile(new File(directory, name), "rw").getChannel();
    }
}
