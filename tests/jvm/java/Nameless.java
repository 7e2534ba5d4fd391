// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has files that were deleted while it uses them, and prints 1, 2, 3 and so on, ten times a second,
// while each has the right content; otherwise once which one is wrong.
//
// Arguments: a folder for them, KIB of the first file.

import java.io.FileOutputStream;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

public class Nameless {
    private static Path file(Path folder, String name, int size) throws Exception {
        byte[] content = new byte[size];
        for (int i = 0; i < size; i++) {
            content[i] = (byte) (i / 7);
        }
        return Files.write(folder.resolve(name), content);
    }

    private static boolean isWhole(MappedByteBuffer map, int size) {
        for (int i = 8; i < size; i++) {
            if (map.get(i) != (byte) (i / 7)) {
                return false;
            }
        }
        return map.capacity() == size;
    }

    private static MappedByteBuffer map(Path path, boolean write, int size) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), write ? "rw" : "r")) {
            return file.getChannel().map(write ? FileChannel.MapMode.READ_WRITE
                    : FileChannel.MapMode.READ_ONLY, 0, size);
        }
    }

    public static void main(String[] args) throws Exception {
        Path folder = Paths.get(args[0]);
        int size = Integer.parseInt(args[1]) * 1024 + 5;

        Path first = file(folder, "open", size);
        RandomAccessFile open = new RandomAccessFile(first.toFile(), "rw");
        RandomAccessFile again = new RandomAccessFile(first.toFile(), "r");
        MappedByteBuffer mapped =
                open.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, size);
        Path second = file(folder, "read", 30000);
        MappedByteBuffer read = map(second, false, 30000);
        Path third = file(folder, "written", 9000);
        MappedByteBuffer written = map(third, true, 9000);
        Path log = folder.resolve("log");
        FileOutputStream append = new FileOutputStream(log.toFile(), true);
        Path only = folder.resolve("only-written");
        FileOutputStream out = new FileOutputStream(only.toFile());
        for (Path path : new Path[] {first, second, third, log, only}) {
            Files.delete(path);
        }

        for (int i = 1;; i++) {
            mapped.putInt(0, i);
            written.putInt(4, i);
            append.write('x');
            out.write('y');
            again.seek(0);
            open.seek(3);
            String wrong = again.readInt() != i || open.length() != size ? "open"
                    : !isWhole(mapped, size) ? "mapped"
                    : !isWhole(read, 30000) ? "read"
                    : written.getInt(4) != i || !isWhole(written, 9000) ? "written"
                    : append.getChannel().size() != i ? "log"
                    : out.getChannel().size() != i || out.getChannel().position() != i ? "only"
                    : null;
            Thread.sleep(100);
            if (open.getFilePointer() != 3) {
                wrong = "position";
            }
            System.out.println(wrong == null ? Integer.toString(i) : "wrong: " + wrong);
            if (wrong != null) {
                break;
            }
        }
    }
}
