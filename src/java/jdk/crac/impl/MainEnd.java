// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The end of a JVM whose main method could not freeze it. With spring.context.checkpoint=onRefresh
// Spring asks for the checkpoint while main runs. If that is refused, main ends by the exception,
// but threads that the framework has left keep the JVM running for ever, and whatever waits for its
// end does not learn of the refusal. So in this case, and only if main did end by it, the JVM ends
// with status 1. An application that catches the exception is not affected.

package jdk.crac.impl;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Set;
import jdk.crac.CheckpointException;

/** Called by the agent when the thread of the launcher leaves the JVM. */
final class MainEnd {
    private static final String SPRING =
            "org.springframework.context.support.DefaultLifecycleProcessor";
    private static final long HOOKS_MILLIS = 10000; // for the shutdown hooks

    private static volatile CheckpointException refused;

    private MainEnd() {
    }

    /** A checkpoint that the calling thread asked for was refused. */
    static void expect(CheckpointException refusal) {
        Thread self = Thread.currentThread();
        if (!self.getName().equals("main")) {
            return;
        }
        for (StackTraceElement frame : self.getStackTrace()) {
            if (frame.getClassName().startsWith(SPRING)) {
                refused = refusal;
                Native.watchMain();
                return;
            }
        }
    }

    /** Tells whether a throwable comes of that refusal; org.crac copies only what is suppressed. */
    static boolean isCause(Throwable end) {
        CheckpointException refusal = refused;
        Set<Throwable> wanted = Collections.newSetFromMap(new IdentityHashMap<>());
        Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Throwable> left = new ArrayDeque<>();
        if (refusal == null) {
            return false;
        }
        wanted.add(refusal);
        Collections.addAll(wanted, refusal.getSuppressed());
        left.add(end);
        while (!left.isEmpty()) {
            Throwable next = left.remove();
            if (wanted.contains(next)) {
                return true;
            }
            if (seen.add(next)) {
                Collections.addAll(left, next.getSuppressed());
                if (next.getCause() != null) {
                    left.add(next.getCause());
                }
            }
        }
        return false;
    }

    /** Ends the JVM; main has ended, and its exception has been reported. */
    static void end() {
        Native.report(0, "the main method ended because the checkpoint on refresh was refused; the "
                + "JVM ends with status 1\n" + Failures.describe("refused:", refused), true);
        Thread limit = new Thread("checkpointer end") {
            @Override
            public void run() {
                try {
                    join(HOOKS_MILLIS); // of itself: a wait that nothing ends
                } catch (InterruptedException early) {
                    // then at once
                }
                Runtime.getRuntime().halt(1);
            }
        };
        limit.setDaemon(true);
        limit.start();
        System.exit(1);
    }
}
