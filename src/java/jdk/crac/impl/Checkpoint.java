// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Drives one checkpoint after another: notifies the resources, has the agent freeze the process,
// notifies again, and hands the failures to whoever asked. Called on application threads by
// Core.checkpointRestore() and the MXBean, and on the agent's threads by request(), begin() and
// end(). Turn sees to it that there is one at a time, HookWatch that a hook which hangs is
// reported. Tests put another freeze() in place by a subclass, and what HookWatch asks the agent.

package jdk.crac.impl;

import java.util.concurrent.atomic.AtomicBoolean;
import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Core;
import jdk.crac.Resource;
import jdk.crac.RestoreException;

/** The sequence of a checkpoint. */
public class Checkpoint {
    /** How long an outside tool's request waits for the one before it. */
    private static final long REQUEST_MILLIS = 5000;

    private final Context<? extends Resource> context;
    private final Turn turn = new Turn();

    /** Whether the turn is that of an outside tool, between its two requests. */
    private final AtomicBoolean begun = new AtomicBoolean();

    /** Of the time between these requests; the turn belongs to them. */
    private FlightRecordings recordings;

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
        requireSupport();
        RestoreException incomplete = null;
        try {
            Global.CHECKPOINT.run(directory);
        } catch (CheckpointException refused) {
            MainEnd.expect(refused);
            throw refused;
        } catch (RestoreException failed) {
            incomplete = failed;
        }
        incomplete = Restored.runMain(incomplete);
        if (incomplete != null) {
            throw incomplete;
        }
    }

    /**
     * Tells whether this JVM can be frozen, as far as that depends on the agent and the machine.
     *
     * @return whether {@link #checkpointRestore} does not throw UnsupportedOperationException
     */
    public static boolean isSupported() {
        return unsupported() == null;
    }

    /**
     * Does the same for the agent's threads, that is for an outside tool; a main class that the
     * restore names is run on a thread of its own. Waits for another checkpoint only for a while,
     * and not at all for one whose hook hangs. Throws nothing.
     *
     * @param directory the image directory, {@code null} for that of the agent's options
     * @return {@code null} if all went well, else what failed, in lines for a person to read
     */
    public static String request(String directory) {
        try {
            requireSupport();
            Global.CHECKPOINT.run(directory, REQUEST_MILLIS);
            return null;
        } catch (CheckpointException calledOff) {
            return Failures.describe("checkpoint called off, the application goes on:", calledOff);
        } catch (RestoreException incomplete) {
            return Failures.describe("restored, but afterRestore failed:", incomplete);
        } catch (Throwable unexpected) {
            return Failures.describe("checkpoint failed:", unexpected);
        } finally {
            Restored.startMain();
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
     * Says what {@link #attempt} and {@link #begin} would wait for.
     *
     * @return a sentence; it may be over by now
     */
    public static String[] busy() {
        return new String[] {Global.CHECKPOINT.turn.says()};
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
     * @throws CheckpointException if it was called off, if a hook of this context calls, or if a
     *     hook of another checkpoint hangs
     * @throws RestoreException if the process was frozen, and hooks failed afterwards
     */
    public final void run(String directory) throws CheckpointException, RestoreException {
        run(directory, Turn.FOREVER);
    }

    private void run(String directory, long millis) throws CheckpointException, RestoreException {
        if (turn.isRunning()) {
            CheckpointException refused = new CheckpointException();
            refused.addSuppressed(new IllegalStateException(
                    "checkpointRestore() was called from inside a hook"));
            throw refused;
        }
        String busy = turn.take(millis);
        if (busy != null) {
            CheckpointException refused = new CheckpointException(busy);
            refused.addSuppressed(new CheckpointException(busy));
            throw refused;
        }
        try {
            if (!isStale()) {
                perform(directory);
            }
        } finally {
            turn.give();
        }
    }

    /**
     * Freezes the process.
     *
     * @param directory the image directory, {@code null} for that of the agent's options
     * @return {@code null} if it was frozen, else why not, each as {@code TYPE:message}
     */
    protected String[] freeze(String directory) {
        FlightRecordings recordings = FlightRecordings.find();
        if (recordings == null) {
            return Native.freeze(directory);
        }
        synchronized (recordings.lock()) {
            long restored = Native.restoreTime();
            recordings.pause();
            try {
                return Native.freeze(directory);
            } finally {
                recordings.resume(restored != Native.restoreTime());
            }
        }
    }

    /**
     * Finds what makes a checkpoint pointless, before any hook is called.
     *
     * @param directory the image directory, {@code null} for that of the agent's options
     * @return {@code null} if nothing does, else as {@code TYPE:message}
     */
    protected String room(String directory) {
        return Native.room(directory);
    }

    /**
     * How long one hook may run.
     *
     * @return milliseconds, 0 for as long as it likes
     */
    protected long hookLimit() {
        return Native.hookLimit();
    }

    /**
     * Finds whoever asked for the checkpoint that the calling thread carries out.
     *
     * @return what {@link #report} takes; 0 for a thread of the application
     */
    protected long requester() {
        return Native.requester();
    }

    /**
     * Tells, to a thread that has the turn, whether whoever asked for it is gone: the process was
     * frozen and restored while the request waited. It is not to be frozen for that once more.
     *
     * @return whether to do nothing
     */
    protected boolean isStale() {
        return Native.isStale();
    }

    /**
     * Reports what a hook does, to standard error and to the requester.
     *
     * @param requester from {@link #requester}, 0 for standard error alone
     * @param text lines for a person to read
     * @param last whether the requester is not to wait for anything more
     */
    protected void report(long requester, String text, boolean last) {
        Native.report(requester, text, last);
    }

    /**
     * Finds the holder of the lock that a thread waits for.
     *
     * @param thread the thread
     * @return the other one, {@code null} if it waits for none that is of java.util.concurrent
     */
    protected Thread lockHolder(Thread thread) {
        return Native.lockHolder(thread);
    }

    private void perform(String directory) throws CheckpointException, RestoreException {
        Failures failures = new Failures();
        String full = room(directory);
        if (full != null) {
            failures.add(parse(full));
            throw failures.into(new CheckpointException(failures.summary()));
        }
        HookWatch watch = HookWatch.open(this, turn);
        boolean calledOff;
        try {
            before(failures, watch);
            if (failures.isEmpty()) {
                freeze(directory, failures);
            }
            calledOff = !failures.isEmpty();
            after(failures);
        } finally {
            watch.close();
        }
        if (calledOff) {
            throw failures.into(new CheckpointException(failures.summary()));
        }
        if (!failures.isEmpty()) {
            throw failures.into(new RestoreException(failures.summary()));
        }
    }

    private String[] attemptHere() {
        Failures failures = new Failures();
        String unsupported = unsupported();
        if (unsupported != null) {
            return new String[] {unsupported};
        }
        if (turn.take(0) != null) {
            return new String[0];
        }
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
            turn.give();
            Restored.startMain();
        }
        return failures.reasons();
    }

    private String[] beginHere() {
        Failures failures = new Failures();
        if (turn.take(0) != null) {
            return new String[0];
        }
        try {
            HookWatch watch = HookWatch.open(this, turn);
            try {
                before(failures, watch);
                if (!failures.isEmpty()) {
                    after(failures);
                }
            } finally {
                watch.close();
            }
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        }
        if (failures.isEmpty()) {
            pauseRecordings();
            turn.pause();
            begun.set(true); // from here on, the turn is given back by end()
            return null;
        }
        turn.give();
        return failures.reasons();
    }

    private String[] endHere() {
        Failures failures = new Failures();
        if (!begun.compareAndSet(true, false)) {
            return new String[0];
        }
        resumeRecordings();
        try {
            HookWatch watch = HookWatch.open(this, turn);
            try {
                after(failures);
            } finally {
                watch.close();
            }
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        } finally {
            turn.give();
        }
        return failures.isEmpty() ? null : failures.reasons();
    }

    /** Between two requests no lock can be held. */
    private void pauseRecordings() {
        recordings = FlightRecordings.find();
        if (recordings != null) {
            synchronized (recordings.lock()) {
                recordings.pause();
            }
        }
    }

    private void resumeRecordings() {
        if (recordings != null) {
            synchronized (recordings.lock()) {
                recordings.resume(true);
            }
            recordings = null;
        }
    }

    private void before(Failures failures, HookWatch watch) {
        try {
            context.beforeCheckpoint(null);
        } catch (Throwable failure) {
            failures.add(failure);
        }
        Throwable overrun = watch.overrun();
        if (failures.isEmpty() && overrun != null) {
            failures.add(overrun); // a context of the application's has swallowed it
        }
    }

    private void freeze(String directory, Failures failures) {
        try {
            String[] reports = freeze(directory);
            if (reports == null) {
                Restored.begin();
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
        String[] type = report.substring(0, Math.max(colon, 0)).split(" ", 2);
        String message = report.substring(colon + 1);
        Throwable origin = type.length == 2 ? Origin.of(Integer.parseInt(type[1])) : null;
        CheckpointOpenResourceException open;
        switch (type[0]) {
            case "file":
                open = new CheckpointOpenFileException(message, origin);
                break;
            case "socket":
                open = new CheckpointOpenSocketException(message, origin);
                break;
            case "resource":
                open = new CheckpointOpenResourceException(message, origin);
                break;
            case "error":
                return new CheckpointException(message);
            default:
                return new CheckpointException(report);
        }
        open.lacksOrigin = type.length == 2 && origin == null && !Origin.areCollected();
        return open;
    }

    private static void requireSupport() {
        String reason = unsupported();
        if (reason != null) {
            throw new UnsupportedOperationException(reason);
        }
    }

    private static String unsupported() {
        try {
            return Native.unsupported();
        } catch (UnsatisfiedLinkError absent) {
            return "the checkpointer agent is not loaded";
        }
    }

    /** Made at the first request, so that the agent can use this class before Core exists. */
    private static final class Global {
        static final Checkpoint CHECKPOINT = new Checkpoint(Core.getGlobalContext());
    }
}
