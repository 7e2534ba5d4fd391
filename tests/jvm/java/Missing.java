// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has files below its first argument open, takes a checkpoint of itself as often as its second
// argument says, and prints how each ended: "returned", or "failed CLASS MESSAGE" and a line
// "suppressed CLASS MESSAGE" for each suppressed exception. Then opens a new file, uses all old
// ones, and prints "NAME works" or "NAME fails CLASS", and "new N", the size of the new file.

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import org.crac.CheckpointException;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;
import org.crac.RestoreException;

public class Missing {
    interface Use {
        void once() throws Exception;
    }

    private static final Resource HOOK = new Resource() {
        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            System.out.println("afterRestore was called");
        }
    };

    private static void use(String name, Use use) {
        try {
            use.once();
            System.out.println(name + " works");
        } catch (Exception failed) {
            System.out.println(name + " fails " + failed.getClass().getName());
        }
    }

    private static void checkpoint() throws CheckpointException {
        try {
            Core.checkpointRestore();
            System.out.println("returned");
        } catch (RestoreException failed) {
            System.out.println("failed " + failed.getClass().getName() + " " + failed.getMessage());
            for (Throwable inner : failed.getSuppressed()) {
                System.out.println("suppressed " + inner.getClass().getName() + " "
                        + inner.getMessage());
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Path folder = Paths.get(args[0]);
        Core.getGlobalContext().register(HOOK);
        FileInputStream read = new FileInputStream(folder.resolve("read").toFile());
        FileOutputStream log = new FileOutputStream(folder.resolve("log").toFile(), true);
        RandomAccessFile data = new RandomAccessFile(folder.resolve("data").toFile(), "rw");
        FileChannel locked = FileChannel.open(folder.resolve("locked"), StandardOpenOption.WRITE);
        locked.lock();
        DirectoryStream<Path> list = Files.newDirectoryStream(folder.resolve("directory"));
        RandomAccessFile pipe = new RandomAccessFile(folder.resolve("pipe").toFile(), "rw");
        FileInputStream stays = new FileInputStream(folder.resolve("stays").toFile());
        for (int i = 0; i < Integer.parseInt(args[1]); i++) {
            checkpoint();
            File made = new File(folder.toFile(), "new-" + i);
            try (FileOutputStream stream = new FileOutputStream(made)) {
                use("read", () -> {
                    if (read.read() < 0) {
                        throw new IOException("at the end");
                    }
                });
                use("log", () -> log.write('x'));
                use("data", () -> {
                    data.seek(0);
                    data.write('y');
                });
                use("locked", () -> locked.write(ByteBuffer.wrap(new byte[] {'z'}), 0));
                use("directory", () -> list.iterator().hasNext());
                use("pipe", () -> pipe.write('p'));
                use("stays", () -> stays.read());
                System.out.println("new " + made.length());
            }
        }
        use("closing", () -> {
            read.close();
            log.close();
            data.close();
            pipe.close();
            stays.close();
        });
        System.out.println("end");
    }
}
