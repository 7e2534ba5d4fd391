// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Ends the JVM if a refused checkpoint has ended its main method. With
// spring.context.checkpoint=onRefresh Spring requests the checkpoint while main runs. If that is
// refused, main ends by the exception, but other threads of the framework would keep the JVM
// running for ever, and a script that waits for its end would hang. So the JVM ends with status 1,
// only in this case, and only if main was ended by that exception. An application that catches it
// is not affected.

package jdk.crac.impl;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Set;
import jdk.crac.CheckpointException;

/** Called by the agent when the launcher's main thread ends by an exception. */
final class MainEnd {
    private static final String SPRING =
            "org.springframework.context.support.DefaultLifecycleProcessor";
    private static final long HOOKS_MILLIS = 10000; // time limit for the shutdown hooks

    private static volatile CheckpointException refused;

    private MainEnd() {
    }

    /** Records that a checkpoint was refused which the calling thread had requested. */
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

    /** Whether the refusal caused this exception. org.crac copies only suppressed exceptions. */
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

    /** Ends the JVM. Main has ended, and its exception has been printed. */
    static void end() {
        Native.report(0, "the main method ended because the checkpoint on refresh was refused; the "
                + "JVM ends with status 1\n" + Failures.describe("refused:", refused), true);
        Thread limit = new Thread("checkpointer end") {
            @Override
            public void run() {
                try {
                    // this thread waits for its own end, so it always waits until the timeout
                    join(HOOKS_MILLIS);
                } catch (InterruptedException early) {
                    // ends the JVM at once
                }
                Runtime.getRuntime().halt(1);
            }
        };
        limit.setDaemon(true);
        limit.start();
        System.exit(1);
    }
}
