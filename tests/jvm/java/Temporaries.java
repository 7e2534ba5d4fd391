// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has temporary files and folders as embedded servers do, and prints 1, 2, 3 and so on, ten times a
// second, while each has the right content; otherwise once which one is wrong.
//
// Argument: MIB of a large file that is among them, or 0. All are below java.io.tmpdir, and all are
// deleted when the JVM ends: by File.deleteOnExit(), or a separate folder by a shutdown hook.

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.attribute.PosixFilePermissions;

public class Temporaries {
    private static final Path TMP = Paths.get(System.getProperty("java.io.tmpdir"));

    private static volatile boolean ending;

    private static Path write(Path path, String text) throws IOException {
        Files.createDirectories(path.getParent());
        return Files.write(path, text.getBytes(StandardCharsets.UTF_8));
    }

    private static boolean has(Path path, String text) throws IOException {
        return Files.exists(path)
                && new String(Files.readAllBytes(path), StandardCharsets.UTF_8).equals(text);
    }

    private static void delete(File file) {
        File[] inside = file.listFiles();
        if (inside != null) {
            for (File one : inside) {
                delete(one);
            }
        }
        file.delete();
    }

    public static void main(String[] args) throws Exception {
        Path war = TMP.resolve("war");
        Path page = write(war.resolve("pages/deep/index.html"), "<p>");
        Path run = write(war.resolve("run"), "#!");
        Files.write(war.resolve("pages/empty"), new byte[0]);
        Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwxr-x---"));
        Files.setPosixFilePermissions(war, PosixFilePermissions.fromString("rwxr-xr-x"));
        for (Path path : new Path[] {war, war.resolve("pages"), page.getParent(), run, page,
                war.resolve("pages/empty")}) {
            path.toFile().deleteOnExit();
        }

        Path work = TMP.resolve("folder");
        Path jar = write(work.resolve("lib/a.jar"), "PK");
        write(work.resolve("other"), "other");
        RandomAccessFile open = new RandomAccessFile(jar.toFile(), "r");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            ending = true;
            delete(work.toFile());
        }));

        Path data = write(TMP.resolve("data"), "0123456789");
        data.toFile().deleteOnExit();
        RandomAccessFile written = new RandomAccessFile(data.toFile(), "rw");
        written.seek(4);
        Path shared = write(TMP.resolve("shared"), "abcdefgh");
        shared.toFile().deleteOnExit();
        MappedByteBuffer map;
        MappedByteBuffer own; // below it in memory, as a later mapping is
        try (FileChannel channel = new RandomAccessFile(shared.toFile(), "rw").getChannel()) {
            map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 8);
            own = channel.map(FileChannel.MapMode.PRIVATE, 0, 8);
        }
        map.put(0, (byte) 'A');
        own.put(1, (byte) 'B');

        int mib = Integer.parseInt(args[0]);
        File large = TMP.resolve("large").toFile();
        if (mib > 0) {
            large.deleteOnExit();
            try (RandomAccessFile file = new RandomAccessFile(large, "rw")) {
                for (int i = 0; i < mib; i++) {
                    file.write(new byte[1 << 20]);
                }
            }
        }

        for (int i = 1;; i++) {
            String wrong = !has(page, "<p>") ? "page"
                    : !has(run, "#!") || !Files.isExecutable(run) ? "run"
                    : !has(war.resolve("pages/empty"), "") ? "empty"
                    : !has(work.resolve("other"), "other") || open.length() != 2 ? "work"
                    : written.getFilePointer() != 4 || written.length() != 10 ? "data"
                    : map.get(0) != 'A' || !has(shared, "Abcdefgh") ? "shared"
                    : own.get(0) != 'A' || own.get(1) != 'B' ? "own"
                    : mib > 0 && large.length() != (long) mib << 20 ? "large" : null;
            if (ending) {
                break;
            }
            System.out.println(wrong == null ? Integer.toString(i) : "wrong: " + wrong);
            if (wrong != null) {
                break;
            }
            Thread.sleep(100);
        }
    }
}
