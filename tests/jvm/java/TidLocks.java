// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Native locks over a freeze, for tests/jvm/tidlocks.t; the native half is tidlocks.c.

import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;

/**
 * Holds native locks of each kind over a freeze; when the file GO is there, checks that each is
 * still held by its owner alone and can be released. Arguments: LIBRARY GO, then "waiters" for
 * threads that wait for them, "craft" or "flawed" for memory that only resembles a lock, "storm"
 * and a library to load: threads that take and release locks and use the loader without end.
 */
public class TidLocks {
    static final String[] KINDS = {
        "recursive", "error-checking", "robust", "PI", "robust PI", "robust recursive", "rwlock"
    };
    static final String[] PLACES = {"static", "pointed", "embedded", "stack", "stated"};
    static final String[] HOWS = {"sleep", "spin", "semaphore"};
    static final String[] STORMS = {
        "recursive 1", "recursive 2", "rwlock 1", "rwlock 2", "robust 1", "robust 2", "PI 1",
        "PI 2", "error-checking 1", "error-checking 2", "dlopen", "dlsym", "dlopen 2", "dlsym 2",
        "pthread_create", "pthread_create 2"
    };
    static final int EBUSY = 1016;

    static native int hold(int number, int kind, int how, int place, long where);

    static native int await(long address, int kind, boolean timed);

    static native int attempt(long address, int kind);

    static native int waiting();

    static native void release();

    static native long words(int count);

    static native long word(long words, int index);

    static native int craft(int flaw);

    static native int crafted();

    static native int storm(int number, String library);

    static native long rounds(int number);

    static native int broken();

    static class Task extends FutureTask<Integer> {
        final String what;

        Task(String what, Callable<Integer> body) {
            super(body);
            this.what = what;
            Thread thread = new Thread(this, what);
            thread.setDaemon(true);
            thread.start();
        }
    }

    static void pass() throws InterruptedException {
        Thread.sleep(10);
    }

    /** Prints "round N" each time all threads have made progress, and which one is slow. */
    static void storms(String library) throws Exception {
        long[] before = new long[STORMS.length];
        List<Task> tasks = new ArrayList<>();

        for (int i = 0; i < STORMS.length; i++) {
            int number = i;

            tasks.add(new Task(STORMS[i], () -> storm(number, library)));
            while (i % 2 == 0 && rounds(i) == 0 && !tasks.get(i).isDone()) pass();
        }
        for (int round = 1; ; round++) {
            for (int i = 0; i < STORMS.length; i++) {
                for (int waited = 0; rounds(i) - before[i] < 2; waited++) {
                    if (tasks.get(i).isDone()) System.out.println("wrong: ended: " + STORMS[i]);
                    if (waited == 1000) System.out.println("slow: " + STORMS[i]);
                    pass();
                }
            }
            for (int i = 0; i < STORMS.length; i++) before[i] = rounds(i);
            if (broken() != 0) System.out.println("wrong: two threads in one lock");
            System.out.println("round " + round);
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.load(arguments[0]);
        File go = new File(arguments[1]);
        String mode = arguments.length > 2 ? arguments[2] : "";
        boolean crafts = mode.equals("craft") || mode.equals("flawed");
        List<Task> tasks = new ArrayList<>();
        List<Integer> kinds = new ArrayList<>();
        int tid = crafts ? craft(mode.equals("flawed") ? 1 : 0) : 0;
        int locks = tid != 0 ? 0 : KINDS.length * PLACES.length;
        long words = words(locks + 1);

        if (mode.equals("storm")) storms(arguments[3]);

        for (int i = 0; i < locks; i++) {
            int number = i, kind = i % KINDS.length, place = i / KINDS.length;
            int how = i == 1 ? 1 : i % 2 * 2;

            kinds.add(kind);
            tasks.add(new Task(KINDS[kind] + ", " + PLACES[place] + ", " + HOWS[how],
                    () -> hold(number, kind, how, place, words + number * 8L)));
            while (word(words, i) == 0) pass();
        }
        if (mode.equals("waiters")) {
            for (int i = 0; i < 2 * KINDS.length; i++) {
                int number = i % KINDS.length;
                boolean timed = i >= KINDS.length;

                tasks.add(new Task("waiter" + (timed ? " with a limit, " : ", ") + KINDS[number],
                        () -> await(word(words, number), number, timed)));
            }
            while (waiting() < 2 * KINDS.length) pass();
        }
        System.out.println("ready");
        while (!go.exists()) pass();
        for (int i = 0; i < locks; i++) {
            int got = attempt(word(words, i), kinds.get(i));

            if (got != EBUSY) System.out.println("wrong: trying " + tasks.get(i).what + ": " + got);
        }
        release();
        for (Task task : tasks) {
            int got = task.get();

            System.out.println((got == 0 ? "right: " : "wrong: ") + task.what + ": " + got);
        }
        for (int i = 0; i < locks; i++) {
            // The content of a stack is gone.
            int got = i / KINDS.length == 3 ? 0 : attempt(word(words, i), kinds.get(i));

            if (got != 0) System.out.println("wrong: afterwards " + tasks.get(i).what + ": " + got);
        }
        if (tid != 0) System.out.println(crafted() == tid ? "unchanged" : "changed");
        System.out.println("done");
    }
}
