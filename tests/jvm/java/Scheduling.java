// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A thread for each KIND, which sets that for itself by a system call. Prints what could not be
// set, and then again and again "turn N", where N is the number of the turn, and how each thread is
// scheduled: "KIND: ..." with the description of scheduling.c; a turn ends with "end N".
//
//     Scheduling LIBRARY KIND...
//
// As KIND, java gives the thread the highest priority of Java, and limit:WHICH:SOFT:HARD sets a
// resource limit of the process.

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

public final class Scheduling {
    private static native int set(String kind);

    private static native String describe();

    private static native int limit(int which, long soft, long hard);

    private static void setLimit(String[] words) {
        limit(Integer.parseInt(words[1]), Long.parseLong(words[2]), Long.parseLong(words[3]));
    }

    public static void main(String[] args) throws Exception {
        Map<String, ExecutorService> threads = new LinkedHashMap<>();
        System.load(args[0]);
        for (int i = 1; i < args.length; i++) {
            String kind = args[i];
            if (kind.startsWith("limit:")) {
                setLimit(kind.split(":"));
                continue;
            }
            ExecutorService thread = Executors.newSingleThreadExecutor(work -> {
                Thread made = new Thread(work, "is-" + kind);
                made.setPriority(kind.equals("java") ? Thread.MAX_PRIORITY : Thread.NORM_PRIORITY);
                return made;
            });
            if (thread.submit(() -> set(kind)).get() != 0) {
                System.out.println("cannot set " + kind);
            }
            threads.put(kind, thread);
        }
        for (int turn = 1; ; turn++) {
            StringBuilder text = new StringBuilder("turn " + turn + "\n");
            for (Map.Entry<String, ExecutorService> entry : threads.entrySet()) {
                String found = entry.getValue().submit(() -> describe()).get();
                text.append(entry.getKey()).append(": ").append(found).append('\n');
            }
            System.out.print(text + "end " + turn + "\n");
            Thread.sleep(100);
        }
    }
}
