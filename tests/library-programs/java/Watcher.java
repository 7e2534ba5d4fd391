// SPDX-License-Identifier: LGPL-3.0-or-later
//
// WatchService: an event for each file that is made in a watched directory, for tests/libraries.
// Prints 1, 2 and so on, each after work whose result was right, and "wrong: REASON" otherwise.

import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.concurrent.TimeUnit;

public class Watcher {
    public static void main(String[] arguments) throws Exception {
        Path directory = Files.createDirectories(Paths.get(arguments[0]));
        WatchService service = FileSystems.getDefault().newWatchService();
        directory.register(service, StandardWatchEventKinds.ENTRY_CREATE);
        for (int n = 1; ; n++) {
            Path made = Files.createFile(directory.resolve("file-" + n));
            while (!reports(service, "file-" + n)) continue;
            Files.delete(made);
            System.out.println(n);
            Thread.sleep(20);
        }
    }

    /** Whether the next events have the name; a report of lost events is one about everything. */
    private static boolean reports(WatchService service, String name) throws Exception {
        WatchKey key = service.poll(60, TimeUnit.SECONDS);
        if (key == null) {
            System.out.println("wrong: no event for " + name);
            return true;
        }
        boolean found = false;
        for (WatchEvent<?> event : key.pollEvents()) {
            found |= event.kind() == StandardWatchEventKinds.OVERFLOW
                    || String.valueOf(event.context()).equals(name);
        }
        if (!key.reset()) System.out.println("wrong: the key is not valid");
        return found;
    }
}
