// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Prints "zone N ID HOUR PROPERTY" twice a second: the default time zone, the hour of 1970-01-01
// 00:00 UTC in it by java.time, and user.timezone; after each a collection, which HotSpot may log
// with its time. Arguments: "set ID" chooses the default zone; "lazy PATH" does not use it before
// the file PATH exists.

import java.nio.file.Files;
import java.nio.file.Paths;
import java.time.Instant;
import java.time.ZoneId;
import java.util.TimeZone;

public class Zone {
    public static void main(String[] args) throws Exception {
        if (args.length > 0 && args[0].equals("set")) {
            TimeZone.setDefault(TimeZone.getTimeZone(args[1]));
        }
        System.out.println("ready");
        while (args.length > 0 && args[0].equals("lazy") && !Files.exists(Paths.get(args[1]))) {
            Thread.sleep(20);
        }
        for (int i = 1;; i++) {
            System.out.println("zone " + i + " " + TimeZone.getDefault().getID() + " "
                    + Instant.EPOCH.atZone(ZoneId.systemDefault()).getHour() + " "
                    + System.getProperty("user.timezone"));
            System.gc();
            Thread.sleep(500);
        }
    }
}
