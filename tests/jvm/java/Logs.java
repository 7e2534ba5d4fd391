// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Writes logs: entry 1, 2, 3 and so on, one per line, to a FileHandler of java.util.logging if a
// file is named, and to standard output; and collects garbage for the JVM's own log (-Xlog:gc).

import java.util.logging.FileHandler;
import java.util.logging.Formatter;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

public final class Logs {
    public static void main(String[] args) throws Exception {
        Logger logger = Logger.getLogger("logs");
        logger.setUseParentHandlers(false);
        if (args.length > 0) {
            FileHandler handler = new FileHandler(args[0], true);
            handler.setFormatter(new Formatter() {
                @Override
                public String format(LogRecord entry) {
                    return entry.getMessage() + "\n";
                }
            });
            logger.addHandler(handler);
        }
        for (int i = 1;; i++) {
            logger.info(Integer.toString(i));
            System.gc();
            System.out.println(i);
            Thread.sleep(20);
        }
    }
}
