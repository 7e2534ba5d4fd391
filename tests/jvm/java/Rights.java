// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What an ordinary user may do with files, tried each time the file args[0] + ".ask" appears:
// prints a line "owner USER chgrp RESULT", where USER is the number of /etc/passwd's owner, and
// RESULT the outcome of giving the file args[0] to the group args[1].

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

public class Rights {
    public static void main(String[] args) throws Exception {
        Path file = Paths.get(args[0]);
        Path ask = Paths.get(args[0] + ".ask");
        System.out.println("ready");
        while (true) {
            Thread.sleep(20);
            if (!Files.deleteIfExists(ask)) {
                continue;
            }
            String result = "done";
            try {
                Files.setAttribute(file, "unix:gid", Integer.parseInt(args[1]));
            } catch (Exception failure) {
                result = failure.toString();
            }
            System.out.println("owner " + Files.getAttribute(Paths.get("/etc/passwd"), "unix:uid")
                    + " chgrp " + result);
        }
    }
}
