// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Drives one checkpoint after another: notifies the resources, has the agent freeze the process,
// notifies again, and hands the failures to whoever asked. Called on application threads by
// Core.checkpointRestore() and the MXBean, and on the agent's threads by request(), begin() and
// end(). The turn is a semaphore and not a lock of its thread, because the two halves of a
// checkpoint may be asked for by two requests. Tests put another freeze() in place by a subclass.

package jdk.crac.impl;

import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Core;
import jdk.crac.Resource;
import jdk.crac.RestoreException;

/** The sequence of a checkpoint. */
public class Checkpoint {
    private final Context<? extends Resource> context;
    private final Semaphore turn = new Semaphore(1, true);
    private volatile Thread owner;

    /** Whether the turn is that of an outside tool, between its two requests. */
    private final AtomicBoolean begun = new AtomicBoolean();

    /**
     * Makes the driver of one context's checkpoints.
     *
     * @param context the context to notify
     */
    protected Checkpoint(Context<? extends Resource> context) {
        this.context = context;
    }

    /**
     * Carries out a checkpoint of this JVM; {@link Core#checkpointRestore()} says how.
     *
     * @param directory the image directory, {@code null} for that of the agent's options
     * @throws CheckpointException if the checkpoint was called off
     * @throws RestoreException if the process was restored and hooks failed in it
     */
    public static void checkpointRestore(String directory)
            throws CheckpointException, RestoreException {
        requireAgent();
        Global.CHECKPOINT.run(directory);
    }

    /**
     * Does the same for the agent's control thread. Throws nothing.
     *
     * @param directory the image directory, {@code null} for that of the agent's options
     * @return {@code null} if all went well, else what failed, in lines for a person to read
     */
    public static String request(String directory) {
        try {
            checkpointRestore(directory);
            return null;
        } catch (CheckpointException calledOff) {
            return Failures.describe("checkpoint called off, the application goes on:", calledOff);
        } catch (RestoreException incomplete) {
            return Failures.describe("restored, but afterRestore failed:", incomplete);
        } catch (Throwable unexpected) {
            return Failures.describe("checkpoint failed:", unexpected);
        }
    }

    /**
     * Does the same for a requester who does not wait for another checkpoint. Throws nothing.
     *
     * @return {@code null} if all went well, else what failed; an empty array if another
     *     checkpoint is on its way
     */
    public static String[] attempt() {
        return Global.CHECKPOINT.attemptHere();
    }

    /**
     * Runs the first half for an outside tool that freezes the process by itself. Does not wait
     * for another checkpoint. Throws nothing.
     *
     * @return {@code null} if the process is ready; else the reasons why not, and then the second
     *     half has been run already; an empty array if another checkpoint is on its way
     */
    public static String[] begin() {
        return Global.CHECKPOINT.beginHere();
    }

    /**
     * Runs the second half for an outside tool: the process was restored, or is not to be frozen
     * after all. Throws nothing.
     *
     * @return {@code null} if all went well, else what failed; an empty array if there was no
     *     {@link #begin}, or it was ended already
     */
    public static String[] end() {
        return Global.CHECKPOINT.endHere();
    }

    /**
     * Carries out a checkpoint when no other one is on the way.
     *
     * @param directory handed to {@link #freeze}
     * @throws CheckpointException if it was called off, or if a hook of this context calls
     * @throws RestoreException if the process was frozen, and hooks failed afterwards
     */
    public final void run(String directory) throws CheckpointException, RestoreException {
        if (owner == Thread.currentThread()) {
            CheckpointException refused = new CheckpointException();
            refused.addSuppressed(new IllegalStateException(
                    "checkpointRestore() was called from inside a hook"));
            throw refused;
        }
        turn.acquireUninterruptibly();
        owner = Thread.currentThread();
        try {
            perform(directory);
        } finally {
            owner = null;
            turn.release();
        }
    }

    /**
     * Freezes the process.
     *
     * @param directory the image directory, {@code null} for that of the agent's options
     * @return {@code null} if it was frozen, else why not, each as {@code TYPE:message}
     */
    protected String[] freeze(String directory) {
        return Native.freeze(directory);
    }

    private void perform(String directory) throws CheckpointException, RestoreException {
        Failures failures = new Failures();
        before(failures);
        if (failures.isEmpty()) {
            freeze(directory, failures);
        }
        boolean calledOff = !failures.isEmpty();
        after(failures);
        if (calledOff) {
            throw failures.into(new CheckpointException(failures.summary()));
        }
        if (!failures.isEmpty()) {
            throw failures.into(new RestoreException(failures.summary()));
        }
    }

    private String[] attemptHere() {
        Failures failures = new Failures();
        if (!turn.tryAcquire()) {
            return new String[0];
        }
        owner = Thread.currentThread();
        try {
            perform(null);
            return null;
        } catch (CheckpointException | RestoreException failed) {
            for (Throwable reason : failed.getSuppressed()) { // the message says them once more
                failures.add(reason);
            }
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        } finally {
            owner = null;
            turn.release();
        }
        return failures.reasons();
    }

    private String[] beginHere() {
        Failures failures = new Failures();
        if (!turn.tryAcquire()) {
            return new String[0];
        }
        owner = Thread.currentThread();
        try {
            before(failures);
            if (!failures.isEmpty()) {
                after(failures);
            }
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        }
        owner = null;
        if (failures.isEmpty()) {
            begun.set(true); // from here on, the turn is given back by end()
            return null;
        }
        turn.release();
        return failures.reasons();
    }

    private String[] endHere() {
        Failures failures = new Failures();
        if (!begun.compareAndSet(true, false)) {
            return new String[0];
        }
        owner = Thread.currentThread();
        try {
            after(failures);
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        } finally {
            owner = null;
            turn.release();
        }
        return failures.isEmpty() ? null : failures.reasons();
    }

    private void before(Failures failures) {
        try {
            context.beforeCheckpoint(null);
        } catch (Throwable failure) {
            failures.add(failure);
        }
    }

    private void freeze(String directory, Failures failures) {
        try {
            String[] reports = freeze(directory);
            if (reports == null) {
                return;
            }
            for (String report : reports) {
                failures.add(parse(report));
            }
            if (failures.isEmpty()) {
                failures.add(new CheckpointException("not frozen, for an unknown reason"));
            }
        } catch (Throwable failure) {
            failures.add(failure);
        }
    }

    private void after(Failures failures) {
        try {
            context.afterRestore(null);
        } catch (Throwable failure) {
            failures.add(failure);
        }
    }

    private static Throwable parse(String report) {
        int colon = report.indexOf(':');
        String type = report.substring(0, Math.max(colon, 0));
        String message = report.substring(colon + 1);
        switch (type) {
            case "file":
                return new CheckpointOpenFileException(message, null);
            case "socket":
                return new CheckpointOpenSocketException(message, null);
            case "resource":
                return new CheckpointOpenResourceException(message, null);
            case "error":
                return new CheckpointException(message);
            default:
                return new CheckpointException(report);
        }
    }

    private static void requireAgent() {
        try {
            Native.restoreTime();
        } catch (UnsatisfiedLinkError absent) {
            throw new UnsupportedOperationException("the checkpointer agent is not loaded");
        }
    }

    /** Made at the first request, so that the agent can use this class before Core exists. */
    private static final class Global {
        static final Checkpoint CHECKPOINT = new Checkpoint(Core.getGlobalContext());
    }
}
