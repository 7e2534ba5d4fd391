// SPDX-License-Identifier: LGPL-3.0-or-later
//
// One checkpoint at a time: which thread has the turn, and which wait for it. A monitor and not a
// lock of its thread, because two requests may ask for the two halves of a checkpoint. No thread
// waits for a hook that hangs for good: HookWatch reports it, and the waiting threads are refused.
// Calls HookWatch with the monitor held; HookWatch never calls Turn with its own monitor held.

package jdk.crac.impl;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The right to carry out a checkpoint. */
final class Turn {
    /** For {@link #take}: to wait as long as it takes. */
    static final long FOREVER = Long.MAX_VALUE;

    private final List<Thread> waiting = new ArrayList<>();
    private boolean taken;
    private boolean paused;
    private Thread runner;
    private HookWatch watch;

    /**
     * Takes the turn, for which the thread waits where another one has it. An interruption is kept
     * for later.
     *
     * @param millis how long to wait; other than {@link #FOREVER} it does not wait for the second
     *     half of a checkpoint to be asked for
     * @return {@code null} if the turn is the caller's now; else why not, a sentence
     */
    String take(long millis) {
        long began = System.nanoTime();
        boolean interrupted = false;
        synchronized (this) {
            waiting.add(Thread.currentThread());
            try {
                while (taken) {
                    long left = millis == FOREVER ? FOREVER : millis
                            - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
                    if (left <= 0 || isStuck() || (paused && millis != FOREVER)) {
                        return busy();
                    }
                    try {
                        wait(left == FOREVER ? 0 : left);
                    } catch (InterruptedException later) {
                        interrupted = true;
                    }
                }
                taken = true;
                return null;
            } finally {
                removeWaiting(Thread.currentThread());
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    /** Gives the turn to the next one. */
    synchronized void give() {
        taken = false;
        paused = false;
        notifyAll();
    }

    /** The first half of a checkpoint is over, and the second has yet to be asked for. */
    synchronized void pause() {
        paused = true;
        notifyAll();
    }

    /** From here on the calling thread runs the hooks, watched. */
    synchronized void begin(HookWatch watched) {
        paused = false;
        runner = Thread.currentThread();
        watch = watched;
    }

    /** The hooks have been run; the turn is still taken. */
    synchronized void end() {
        runner = null;
        watch = null;
    }

    /** Whether the calling thread is the one that runs the hooks. */
    synchronized boolean isRunning() {
        return runner == Thread.currentThread();
    }

    /** A hook hangs for good: refuses all waiting threads. */
    synchronized void wake() {
        notifyAll();
    }

    /** The threads that wait for their turn. */
    synchronized List<Thread> waiting() {
        return new ArrayList<>(waiting);
    }

    private boolean isStuck() {
        return watch != null && watch.isStuck();
    }

    /** Describes what other threads wait for. */
    synchronized String says() {
        return busy();
    }

    private String busy() {
        String running = watch == null ? null : watch.running();
        String other = "another checkpoint is on its way";
        if (running != null) {
            return other + ": " + running;
        }
        return paused ? other + " and waits for its second half to be asked for" : other;
    }

    private void removeWaiting(Thread thread) {
        for (int i = 0; i < waiting.size(); i++) {
            if (waiting.get(i) == thread) {
                waiting.remove(i);
                return;
            }
        }
    }
}
