// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A JVM whose standard streams were closed when it started: their numbers are files of the JVM or
// of the program. After each restore it loads classes, uses its own file and prints "life N" to
// FILE.
//
//     Streams FILE DATA

import java.io.File;
import java.io.PrintStream;
import java.io.RandomAccessFile;

public final class Streams {
    private static final String[] CLASSES = {
        "java.util.zip.ZipOutputStream", "javax.crypto.Mac", "java.text.ChoiceFormat",
        "java.util.concurrent.Phaser", "java.rmi.Remote", "javax.sql.DataSource",
    };

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(args[0]);
        RandomAccessFile data = new RandomAccessFile(args[1], "rw");
        String first = null;
        for (int life = 0; ; life++) {
            String now = new File("/proc/self").getCanonicalFile().getName();
            if (!now.equals(first)) {
                Class.forName(CLASSES[life]);
                data.write(("life " + life + "\n").getBytes());
                data.seek(0);
                String line = data.readLine();
                data.seek(data.length());
                System.out.println("said on standard output in life " + life);
                System.err.println("said on standard error in life " + life);
                out.println("life " + life + " of " + line);
                first = now;
            } else {
                life--;
            }
            Thread.sleep(10);
        }
    }
}
