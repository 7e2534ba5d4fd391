// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Watches the hooks of one notification: which one runs, since when, and whether it exceeds its
// time limit. A daemon thread, started with the first hook and ended by close(), waits for the
// deadline. A hook's time starts again when a hook nested in it starts or ends, so that a context
// of many resources gets the limit for each of them.
//
// A hook that exceeds the limit is reported by name, with the stack of its thread, and of the
// thread that holds the lock (of java.util.concurrent) that it waits for. A beforeCheckpoint is
// interrupted, once, and the checkpoint is cancelled when it returns. An afterRestore is not
// interrupted, because there is nothing to cancel. Nothing here ends a thread or the JVM.
//
// The monitor guards the fields and is not held while reports are written or stacks are read.

package jdk.crac.impl;

import java.util.concurrent.TimeUnit;
import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Resource;

/** The time limit for hooks. */
final class HookWatch implements Runnable {
    /** How long a hook may ignore its interrupt before it is reported as hanging. */
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int MAX_REPORTS = 3;

    private static volatile HookWatch current;

    private final Checkpoint checkpoint;
    private final Turn turn;
    private final long request;
    private final long limitNanos;
    private final Thread runner = Thread.currentThread();
    private Hook running;
    private Throwable overrun;
    private Thread watchdog;
    private boolean idle;
    private boolean closed;
    private volatile boolean stuck;

    private HookWatch(Checkpoint checkpoint, Turn turn, long request, long limitMillis) {
        this.checkpoint = checkpoint;
        this.turn = turn;
        this.request = request;
        this.limitNanos = TimeUnit.MILLISECONDS.toNanos(limitMillis);
    }

    /** Begins to watch the hooks that this thread calls from now on, until {@link #close}. */
    static HookWatch open(Checkpoint checkpoint, Turn turn, long request) {
        HookWatch watch = new HookWatch(checkpoint, turn, request, checkpoint.hookLimit());
        turn.begin(watch);
        current = watch;
        return watch;
    }

    /** Ends the watch; the turn is not released. */
    void close() {
        current = null;
        turn.end();
        synchronized (this) {
            closed = true;
            notifyAll();
        }
    }

    /**
     * Calls a hook.
     *
     * @param before whether to call its {@code beforeCheckpoint}; otherwise {@code afterRestore}
     * @return the exception that it threw, or an exception if it did not return in time; else
     *     {@code null}
     */
    static Throwable call(Resource resource, Context<? extends Resource> context, boolean before) {
        HookWatch watch = current;
        Hook hook = watch == null || watch.runner != Thread.currentThread()
                ? null : watch.enter(resource, before);
        Throwable failure = null;
        try {
            if (before) {
                resource.beforeCheckpoint(context);
            } else {
                resource.afterRestore(context);
            }
        } catch (Throwable thrown) {
            failure = thrown;
        }
        return hook == null ? failure : watch.leave(hook, failure);
    }

    /** The first beforeCheckpoint that did not return in time, as an exception; else null. */
    synchronized Throwable overrun() {
        return overrun;
    }

    /** Whether a hook hangs and is no longer waited for. */
    boolean isStuck() {
        return stuck;
    }

    /** Describes which hook runs and for how long; {@code null} if none does. */
    String running() {
        Hook hook;
        synchronized (this) {
            hook = running;
        }
        return hook == null ? null : name(hook, runner.getStackTrace())
                + " has been running for " + seconds(System.nanoTime() - hook.began);
    }

    private Hook enter(Resource resource, boolean before) {
        Hook hook = new Hook(resource, before, limitNanos);
        synchronized (this) {
            hook.outer = running;
            running = hook;
            if (idle) {
                notifyAll();
            }
        }
        if (watchdog == null && limitNanos > 0) {
            start();
        }
        return hook;
    }

    /** Starts the daemon thread. If that fails, hooks run without a time limit. */
    private void start() {
        try {
            watchdog = new Thread(this, "checkpointer watchdog");
            watchdog.setDaemon(true);
            watchdog.setContextClassLoader(null);
            watchdog.start();
        } catch (Throwable shortage) {
            checkpoint.report(0, "hooks run without a time limit: " + shortage, false);
        }
    }

    private Throwable leave(Hook hook, Throwable thrown) {
        synchronized (this) {
            running = hook.outer;
            if (running != null) {
                running.restart(limitNanos);
                if (idle) {
                    notifyAll();
                }
            }
            stuck = false;
            if (hook.interrupted) {
                // the watch made this interrupt for that hook; no other code must get it
                Thread.interrupted();
            }
        }
        if (hook.reports > 0) {
            checkpoint.report(0, hook.name + " has returned after "
                    + seconds(System.nanoTime() - hook.began), false);
        }
        if (hook.overrun == null) {
            return thrown;
        }
        if (thrown != null) {
            hook.overrun.initCause(thrown);
        }
        return hook.overrun;
    }

    @Override
    public void run() {
        Hook due;
        while ((due = await()) != null) {
            overrun(due);
        }
    }

    /**
     * Waits until a hook has reached its limit and returns it; {@code null} when the watch has
     * ended.
     */
    private synchronized Hook await() {
        while (!closed) {
            long left = running == null || running.reports == MAX_REPORTS
                    ? Long.MAX_VALUE : running.due - System.nanoTime();
            if (left <= 0) {
                return running;
            }
            idle = left == Long.MAX_VALUE;
            try {
                wait(idle ? 0 : TimeUnit.NANOSECONDS.toMillis(left) + 1);
            } catch (InterruptedException notMeant) {
                continue; // code that interrupts all threads has interrupted this one
            } finally {
                idle = false;
            }
        }
        return null;
    }

    private void overrun(Hook hook) {
        StackTraceElement[] stack = runner.getStackTrace();
        long ran = System.nanoTime() - hook.began;
        synchronized (this) {
            if (running != hook) {
                return; // the hook has just returned
            }
            hook.reports++;
            hook.due = System.nanoTime()
                    + (hook.before && hook.reports == 1 ? GRACE_NANOS : 2 * ran);
            if (hook.reports == 1) {
                hook.name = name(hook, stack);
                if (hook.before) {
                    hook.overrun = late(hook.name, stack);
                    overrun = overrun == null ? hook.overrun : overrun;
                }
            }
        }
        if (hook.before && hook.reports == 2) {
            giveUp(hook);
        } else {
            report(hook, stack, ran);
        }
    }

    private void report(Hook hook, StackTraceElement[] stack, long ran) {
        StringBuilder text = new StringBuilder(hook.name);
        if (hook.reports > 1) {
            text.append(" is still running, after ").append(seconds(ran));
        } else {
            text.append(" has been running for ").append(seconds(ran));
            text.append(", longer than a hook may (hook_timeout=").append(limit()).append("); ");
            text.append(hook.before ? "it is interrupted, and the checkpoint cancelled"
                    : "it is not interrupted");
        }
        describe(runner, stack, text);
        Thread holder = checkpoint.lockHolder(runner);
        if (holder != null && holder != runner) {
            text.append("\n  waits for a lock that is held elsewhere:");
            describe(holder, holder.getStackTrace(), text);
        }
        for (Thread thread : turn.waiting()) {
            text.append("\n  thread '").append(thread.getName());
            text.append("' is in checkpointRestore() and waits for this checkpoint to end");
        }
        boolean first = hook.reports == 1;
        checkpoint.report(first ? request : 0, text.toString(), first && !hook.before);
        if (first && hook.before) {
            interrupt(hook);
        } else if (first) {
            stuck = true;
            turn.wake();
        }
    }

    private synchronized void interrupt(Hook hook) {
        if (running == hook) {
            hook.interrupted = true;
            runner.interrupt();
        }
    }

    /** The hook ignored the interrupt: no thread waits for it any longer. */
    private void giveUp(Hook hook) {
        synchronized (this) {
            if (running != hook) {
                return;
            }
            stuck = true;
        }
        checkpoint.report(request, hook.name + " does not react to the interrupt; the application"
                + " continues, and no other checkpoint is possible until the hook returns",
                true);
        turn.wake();
    }

    private CheckpointException late(String name, StackTraceElement[] stack) {
        CheckpointException late = new CheckpointException(
                name + " did not return within " + limit() + " s (agent option hook_timeout)");
        late.setStackTrace(stack);
        return late;
    }

    /** The limit in seconds; only tests have limits with a fraction. */
    private String limit() {
        long millis = TimeUnit.NANOSECONDS.toMillis(limitNanos);
        return millis % 1000 == 0 ? String.valueOf(millis / 1000) : String.valueOf(millis / 1000.0);
    }

    private static String seconds(long nanos) {
        return TimeUnit.NANOSECONDS.toSeconds(nanos) + " s";
    }

    private static void describe(Thread thread, StackTraceElement[] stack, StringBuilder text) {
        text.append("\n  thread '").append(thread.getName()).append("', ");
        text.append(thread.getState()).append(':');
        for (StackTraceElement frame : stack) {
            text.append("\n    at ").append(frame);
        }
    }

    /**
     * Names a hook by the innermost hook method on its thread's stack, and by the resource's class
     * and identity. The method is the application's even if the resource is a proxy of org.crac.
     */
    private static String name(Hook hook, StackTraceElement[] stack) {
        String type = hook.resource.getClass().getName();
        StackTraceElement frame = Failures.hookOn(stack);
        String method = frame == null || frame.getClassName().startsWith("jdk.crac.impl.")
                ? type + "." + (hook.before ? "beforeCheckpoint" : "afterRestore")
                : frame.getClassName() + "." + frame.getMethodName();
        return method + " of resource " + type + "@"
                + Integer.toHexString(System.identityHashCode(hook.resource));
    }

    /** A hook that is being called. */
    private static final class Hook {
        final Resource resource;
        final boolean before;
        final long began = System.nanoTime();
        Hook outer;
        long due;
        int reports;
        boolean interrupted;
        String name;
        CheckpointException overrun;

        Hook(Resource resource, boolean before, long limitNanos) {
            this.resource = resource;
            this.before = before;
            restart(limitNanos);
        }

        void restart(long limitNanos) {
            due = System.nanoTime() + limitNanos;
        }
    }
}
