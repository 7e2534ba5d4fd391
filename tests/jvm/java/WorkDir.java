// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Prints its working directory, each time a line arrives in the file "ask" of its first argument's
// folder: by every way in which Java names a file. WorkDir$Tool is the main class of a restore: a
// command-line tool that rewrites the file "note" of its working directory.

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.concurrent.CountDownLatch;

public class WorkDir {
    private static final File EARLY = new File("note");
    private static final Path EARLY_PATH = Paths.get("note");

    public static void main(String[] arguments) throws Exception {
        tell("before"); // also fills the JDK's caches
        for (int i = 0; i < 20000; i++) { // compiled code must not cache it either
            EARLY.getAbsolutePath();
            EARLY_PATH.toAbsolutePath();
        }
        new CountDownLatch(1).await();
    }

    static void tell(String when) throws Exception {
        say(when, "property", System.getProperty("user.dir") + "/note");
        say(when, "file", new File("note").getAbsolutePath());
        say(when, "canonical", new File("note").getCanonicalPath());
        say(when, "path", Paths.get("note").toAbsolutePath().toString());
        say(when, "real", Paths.get("note").toRealPath().toString());
        say(when, "old file", EARLY.getAbsolutePath());
        say(when, "old path", EARLY_PATH.toAbsolutePath().toString());
        try (FileInputStream stream = new FileInputStream("note")) {
            say(when, "stream", (char) stream.read() + "");
        }
        say(when, "content", new String(Files.readAllBytes(EARLY_PATH), "UTF-8").trim());
        Process child = new ProcessBuilder("pwd").start();
        say(when, "child", new BufferedReader(
                new InputStreamReader(child.getInputStream(), "UTF-8")).readLine() + "/note");
        child.waitFor();
    }

    private static void say(String when, String what, String value) {
        System.out.println(when + " " + what + " [" + value + "]");
    }

    /** A tool. */
    public static final class Tool {
        public static void main(String[] arguments) throws Exception {
            tell("tool");
            Files.write(Paths.get("note"), "rewritten\n".getBytes("UTF-8"));
            System.out.println("done");
            System.exit(0);
        }
    }
}
