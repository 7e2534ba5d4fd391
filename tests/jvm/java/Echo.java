// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A JVM that answers each line of its standard input on standard output; some lines are commands.
// Has a shutdown hook, so that a test sees whether the JVM ended in order.
//
//     err TEXT   TEXT to standard error
//     exit N     ends with that status
//     fds        prints its descriptors, without those that it opens for that

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.util.TreeSet;

public final class Echo {
    private Echo() {
    }

    public static void main(String[] args) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread() {
            @Override
            public void run() {
                System.out.println("shutdown hook");
            }
        });
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ready");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            answer(line);
        }
        System.out.println("end of input");
    }

    private static void answer(String line) {
        if (line.startsWith("exit ")) {
            System.exit(Integer.parseInt(line.substring(5)));
        } else if (line.startsWith("err ")) {
            System.err.println(line.substring(4));
        } else if (line.equals("fds")) {
            TreeSet<Integer> numbers = new TreeSet<>();
            for (String name : new File("/proc/self/fd").list()) {
                numbers.add(Integer.valueOf(name));
            }
            System.out.println("fds " + numbers);
        } else {
            System.out.println("heard " + line);
        }
    }
}
