// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Memory of numbers that resemble a held native lock, for tests/jvm/tidlocks.t.

import java.io.File;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

/**
 * Writes the fields of a recursive mutex that a thread holds, and reports after the restore whether
 * they are unchanged. Arguments: GO, the file to wait for; the owner, "main" for the thread that
 * runs this or "first" for the JVM's first thread; what is in front, "nothing" or "code", an
 * address in the JVM's own memory; then the native libraries to load.
 */
public class Numbers {
    static long codeCache() throws Exception {
        for (String line : Files.readAllLines(Paths.get("/proc/self/maps")))
            if (line.contains(" rwxp "))
                return Long.parseUnsignedLong(line.substring(0, line.indexOf('-')), 16) + 64;
        throw new IllegalStateException("no code cache");
    }

    public static void main(String[] arguments) throws Exception {
        Path self = Files.readSymbolicLink(Paths.get("/proc/thread-self"));
        int owner = Integer.parseInt(
                self.getName(arguments[1].equals("main") ? self.getNameCount() - 1 : 0).toString());
        int[] words = {2, 1, owner, 1, 1, 0, 0, 0, 0, 0};
        ByteBuffer memory = ByteBuffer.allocateDirect(64).order(ByteOrder.nativeOrder());

        if (arguments[2].equals("code")) memory.putLong(0, codeCache());
        for (int i = 0; i < words.length; i++) memory.putInt(8 + 4 * i, words[i]);
        for (int i = 3; i < arguments.length; i++) System.load(arguments[i]);
        System.out.println("ready");
        while (!new File(arguments[0]).exists()) Thread.sleep(10);
        for (int i = 0; i < words.length; i++)
            if (memory.getInt(8 + 4 * i) != words[i]) System.out.println("changed: " + i);
        System.out.println("done");
    }
}
