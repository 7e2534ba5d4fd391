// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Allows one checkpoint at a time: which thread has the turn, and which threads wait for it. A flag
// under a monitor, not a lock that a thread owns, because the two halves of a checkpoint may be two
// requests on different threads. No thread waits for a hook that hangs for good: HookWatch reports
// it, and the waiting threads are refused. Calls HookWatch with the monitor held; HookWatch never
// calls Turn with its own monitor held.

package jdk.crac.impl;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The right to carry out a checkpoint. */
final class Turn {
    /** The argument of {@link #take} for no time limit. */
    static final long FOREVER = Long.MAX_VALUE;

    private final List<Thread> waiting = new ArrayList<>();
    private boolean taken;
    private boolean paused;
    private Thread runner;
    private HookWatch watch;

    /**
     * Takes the turn, and waits while another thread has it. An interrupt does not end the wait;
     * the thread's interrupt status is set again afterwards.
     *
     * @param millis how long to wait; with a limit other than {@link #FOREVER} it does not wait for
     *     a checkpoint whose second half has not been requested yet
     * @return {@code null} if the caller has the turn now; else the reason, a sentence
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

    /** Releases the turn, for the next thread. */
    synchronized void release() {
        taken = false;
        paused = false;
        notifyAll();
    }

    /**
     * Records that the first half of a checkpoint is done and the second half has not been
     * requested yet.
     */
    synchronized void pause() {
        paused = true;
        notifyAll();
    }

    /** Records that from here on the calling thread runs hooks, which HookWatch watches. */
    synchronized void begin(HookWatch watched) {
        paused = false;
        runner = Thread.currentThread();
        watch = watched;
    }

    /** Records that the hooks have run. The thread still has the turn. */
    synchronized void end() {
        runner = null;
        watch = null;
    }

    /** Whether the calling thread is the one that runs the hooks. */
    synchronized boolean isRunning() {
        return runner == Thread.currentThread();
    }

    /** Whether a first half is done and no thread has begun the second one. */
    synchronized boolean isPaused() {
        return paused;
    }

    /** Wakes all waiting threads, whose requests are then refused because a hook hangs. */
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
    synchronized String describe() {
        return busy();
    }

    private String busy() {
        String running = watch == null ? null : watch.running();
        String other = "another checkpoint is in progress";
        if (running != null) {
            return other + ": " + running;
        }
        return paused ? other + ", and its second half has not been requested yet" : other;
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
