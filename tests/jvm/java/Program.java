// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Prints the ProcessHandle.info() of this process, five times a second: "command PATH ARGUMENTS",
// and "parent PATH" for its parent. It starts itself again, as programs do that update themselves,
// when the file args[0] exists: the child prints "child" and ends.

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

public class Program {
    public static void main(String[] args) throws Exception {
        if (args.length == 0) {
            System.out.println("child");
            return;
        }
        ProcessHandle self = ProcessHandle.current();
        for (int i = 0;; i++) {
            ProcessHandle.Info info = self.info();
            System.out.println("command " + info.command().orElse("none") + " "
                    + info.arguments().map(words -> words.length).orElse(-1) + " "
                    + info.commandLine().orElse("none").startsWith(info.command().orElse("-")));
            System.out.println("parent "
                    + self.parent().flatMap(p -> p.info().command()).orElse("none"));
            if (Files.deleteIfExists(Path.of(args[0]))) {
                List<String> words = new ArrayList<>();
                words.add(info.command().get());
                words.add("-cp");
                words.add(System.getProperty("java.class.path"));
                words.add("Program");
                new ProcessBuilder(words).inheritIO().start().waitFor();
            }
            Thread.sleep(200);
        }
    }
}
