// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Has files open in each way, and after every restore writes to those of MODE, as the process that
// was frozen would have.
//
//     ChangedFiles FOLDER MODE
//
// MODE: append  FOLDER/append, a log in append mode
//       log     FOLDER/log, written at its end only
//       wal     FOLDER/wal, written at its end only, with a lock on FOLDER/LOCK, as databases do
//       named   FOLDER/named, written at its end only, with FOLDER/db.lck open
//       db.log  FOLDER/db.log in append mode, with FOLDER/db.lck open, as HSQLDB does
//       jul     FOLDER/jul, written at its end only, with a lock on FOLDER/jul.lck
//       data    FOLDER/data, read and written
//       map     FOLDER/map, mapped for writing
//       view    FOLDER/map, mapped for reading; prints "view N", the byte in it

import java.io.File;
import java.io.FileOutputStream;
import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;

public final class ChangedFiles {
    private static FileChannel lock; // which a collection would close

    public static void main(String[] args) throws Exception {
        String folder = args[0] + "/";
        String mode = args[1];
        FileOutputStream stream = null;
        RandomAccessFile data = null;
        MappedByteBuffer map = null;
        switch (mode) {
            case "append":
            case "log":
            case "wal":
            case "jul":
            case "named":
            case "db.log":
                stream = new FileOutputStream(folder + mode,
                        mode.equals("append") || mode.equals("db.log"));
                if (mode.equals("wal") || mode.equals("jul")) {
                    lock = new FileOutputStream(folder + (mode.equals("wal") ? "LOCK" : "jul.lck"))
                            .getChannel();
                    lock.lock();
                }
                if (mode.equals("named") || mode.equals("db.log")) {
                    lock = new RandomAccessFile(folder + "db.lck", "rw").getChannel();
                }
                break;
            case "data":
                data = new RandomAccessFile(folder + mode, "rw");
                break;
            default:
                try (RandomAccessFile file = new RandomAccessFile(folder + "map", "rw")) {
                    file.setLength(1 << 20);
                    map = file.getChannel().map(mode.equals("map") ? FileChannel.MapMode.READ_WRITE
                            : FileChannel.MapMode.READ_ONLY, 0, 1 << 20);
                }
        }
        String last = "";
        for (int life = 0; ; ) {
            String now = new File("/proc/self").getCanonicalFile().getName();
            if (now.equals(last)) {
                Thread.sleep(10);
                continue;
            }
            last = now;
            byte[] line = ("line of life " + life++ + "\n").getBytes();
            if (stream != null) {
                stream.write(line);
            } else if (data != null) {
                data.seek(0);
                data.write(line);
            } else if (mode.equals("map")) {
                map.put(0, (byte) life);
                map.put(4097, (byte) life);
            } else {
                System.out.println("view " + map.get(0));
            }
            System.out.println("written " + (life - 1));
        }
    }
}
