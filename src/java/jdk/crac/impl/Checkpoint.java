// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Carries out checkpoints: notifies the resources, makes the agent freeze the process, notifies
// again, and returns the failures to the requester. Called on application threads by
// Core.checkpointRestore() and the MXBean, and on the agent's threads by serve(). Turn allows only
// one checkpoint at a time; HookWatch reports a hook that hangs. The protected methods call the
// agent; tests override them in a subclass.

package jdk.crac.impl;

import java.io.FileNotFoundException;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;
import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Core;
import jdk.crac.Resource;
import jdk.crac.RestoreException;

/** The sequence of a checkpoint. */
public class Checkpoint {
    /** The request number that all requests of the application have. */
    private static final long APPLICATION = 0;

    private static final Charset UTF_8 = Charset.forName("UTF-8");

    private final Context<? extends Resource> context;
    private final Turn turn = new Turn();

    /** The recordings that are paused between PREPARE and RESUME; used only with the turn. */
    private volatile FlightRecordings recordings;

    /**
     * Makes the driver of one context's checkpoints.
     *
     * @param context the context to notify
     */
    protected Checkpoint(Context<? extends Resource> context) {
        this.context = context;
    }

    /**
     * Carries out a checkpoint of this JVM, as {@link Core#checkpointRestore()} describes.
     *
     * @throws CheckpointException if the checkpoint was cancelled
     * @throws RestoreException if the process was restored and hooks failed in it
     */
    public static void checkpointRestore() throws CheckpointException, RestoreException {
        String unsupported = unsupported();
        if (unsupported != null) {
            throw new UnsupportedOperationException(unsupported);
        }
        RestoreException incomplete = null;
        try {
            Global.CHECKPOINT.run(APPLICATION);
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
     * Returns whether the agent is loaded and the machine can freeze and restore processes.
     *
     * @return whether {@link #checkpointRestore} does not throw UnsupportedOperationException
     */
    public static boolean isSupported() {
        return unsupported() == null;
    }

    /**
     * Serves a request from outside the JVM, on a thread of the agent. A main class that the
     * restore names runs on a separate thread. Throws nothing.
     *
     * @param step what is requested
     * @param request the agent's number of the request
     * @param millis how long to wait for another checkpoint; it never waits for one whose hook
     *     hangs, or whose second half has not been requested yet
     * @param reasons gets what failed, or what other requests wait for; for a check, what it finds
     *     as {@code TYPE:message}
     * @return the outcome
     */
    public static Outcome serve(Step step, long request, long millis, List<String> reasons) {
        if (step == Step.CHECK) {
            return Global.CHECKPOINT.check(request, millis, reasons);
        }
        Failures failures = new Failures();
        Outcome outcome = Outcome.BROKEN;
        try {
            outcome = Global.CHECKPOINT.carryOut(step, request, millis, failures);
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        }
        try {
            Restored.startMain();
        } catch (Throwable unexpected) {
            failures.add(unexpected);
            outcome = Outcome.BROKEN;
        }
        try {
            reasons.addAll(failures.reasons());
        } catch (Throwable lost) {
            reasons.clear(); // the outcome is known nevertheless
        }
        return outcome;
    }

    /**
     * Called by the agent, with numbers in place of the enums. Passes the reasons to the agent as
     * bytes, as many of them as there is memory for.
     */
    private static int serve(int step, long request, long millis) {
        List<String> reasons = new ArrayList<>();
        Outcome outcome = serve(Step.values()[step], request, millis, reasons);
        try {
            for (String reason : reasons) {
                Native.addReason(request, reason.getBytes(UTF_8));
            }
        } catch (Throwable lost) {
            return outcome.ordinal(); // the agent names a reason if it got none
        }
        return outcome.ordinal();
    }

    /**
     * Carries out a checkpoint for the application, after a checkpoint that is in progress.
     *
     * @param request passed to {@link #freeze}
     * @throws CheckpointException if it was cancelled, if the caller is a hook of this context, or
     *     if a hook of another checkpoint hangs
     * @throws RestoreException if the process was frozen and hooks failed afterwards
     */
    public final void run(long request) throws CheckpointException, RestoreException {
        Failures failures = new Failures();
        Outcome outcome = checkpoint(request, Turn.FOREVER, failures);
        if (outcome == Outcome.INCOMPLETE) {
            throw failures.into(new RestoreException(failures.summary()));
        }
        if (outcome != Outcome.DONE) {
            throw failures.into(new CheckpointException(failures.summary()));
        }
    }

    private Outcome carryOut(Step step, long request, long millis, Failures failures) {
        if (step == Step.PREPARE) {
            return prepare(request, millis, failures);
        }
        if (step == Step.RESUME) {
            return resume(request, millis, failures);
        }
        if (step == Step.QUERY) {
            failures.add(new CheckpointException(turn.describe()));
            return Outcome.DONE;
        }
        String unsupported = unsupported();
        if (unsupported == null) {
            return checkpoint(request, millis, failures);
        }
        failures.add(new CheckpointException(unsupported));
        return Outcome.CANCELLED;
    }

    /** Finds what would prevent a checkpoint, and counts the resources with hooks. */
    private Outcome check(long request, long millis, List<String> found) {
        String problem = unsupported();
        if (problem == null) {
            problem = turn.isRunning() ? "a hook asks" : turn.take(millis);
        }
        if (problem != null) {
            found.add(problem);
            return Outcome.BUSY;
        }
        try {
            findObstacles(request, found);
            found.add("hooks:" + ((OrderedContext<?>) context).size());
            return Outcome.DONE;
        } finally {
            turn.release();
        }
    }

    /**
     * Carries out a whole checkpoint, whether it was requested from outside or by the application.
     */
    private Outcome checkpoint(long request, long millis, Failures failures) {
        if (turn.isRunning()) {
            failures.add(new IllegalStateException(
                    "checkpointRestore() was called from inside a hook"));
            return Outcome.CANCELLED;
        }
        String busy = turn.take(millis);
        if (busy != null) {
            failures.add(new CheckpointException(busy));
            return Outcome.BUSY;
        }
        try {
            return isStale(request) ? Outcome.DONE : perform(request, failures);
        } finally {
            turn.release();
        }
    }

    /**
     * Freezes the process.
     *
     * @param request the agent's number of the request
     * @param reports gets the reasons against it, each as {@code TYPE:message}; or, in the restored
     *     process, what could not be opened again
     * @return whether the image is written; this is then the restored process, or the old one
     *     that continues
     */
    protected boolean freeze(long request, List<String> reports) {
        FlightRecordings recordings = FlightRecordings.find();
        if (recordings == null) {
            return Native.freeze(request, reports) != Native.REFUSED;
        }
        synchronized (recordings.lock()) {
            int result = Native.REFUSED;
            recordings.pause();
            try {
                result = Native.freeze(request, reports);
            } finally {
                recordings.resume(result == Native.RESTORED);
            }
            return result != Native.REFUSED;
        }
    }

    /**
     * Finds what would prevent a freeze, when a hook has failed and there will be none.
     *
     * @param request the agent's number of the request
     * @param reports gets the reasons, each as {@code TYPE:message}
     */
    protected void findObstacles(long request, List<String> reports) {
        Native.findObstacles(request, reports);
    }

    /**
     * Checks, before any hook is called, whether the checkpoint can succeed at all.
     *
     * @param request the agent's number of the request
     * @param reports gets the reasons against it, each as {@code TYPE:message}
     * @return whether there are none
     */
    protected boolean isWorthwhile(long request, List<String> reports) {
        return Native.isWorthwhile(request, reports);
    }

    /**
     * Returns how long one hook may run.
     *
     * @return milliseconds, 0 for no limit
     */
    protected long hookLimit() {
        return Native.hookLimit();
    }

    /**
     * Returns whether the process was frozen and restored since the request was made. In the
     * restored process no requester waits for the answer, and the process must not be frozen again
     * for this request.
     *
     * @param request the agent's number of the request
     * @return whether to do nothing
     */
    protected boolean isStale(long request) {
        return Native.isStale(request);
    }

    /**
     * Reports on a hook, to standard error and to the requester.
     *
     * @param request the agent's number of the request, 0 for standard error alone
     * @param text lines for a person to read
     * @param last whether this is the final answer to the requester
     */
    protected void report(long request, String text, boolean last) {
        Native.report(request, text, last);
    }

    /**
     * Finds the thread that holds the java.util.concurrent lock that another thread waits for.
     *
     * @param thread the thread that waits
     * @return the holder, {@code null} if there is none
     */
    protected Thread lockHolder(Thread thread) {
        return Native.lockHolder(thread);
    }

    private Outcome perform(long request, Failures failures) {
        List<String> reports = new ArrayList<>();
        if (!isWorthwhile(request, reports)) {
            add(reports, failures);
            return Outcome.CANCELLED;
        }
        HookWatch watch = HookWatch.open(this, turn, request);
        Outcome outcome = Outcome.CANCELLED; // loads Outcome here, outside of the critical time
        try {
            before(failures, watch);
            if (!failures.isEmpty()) {
                addObstacles(request, failures);
            } else if (freeze(request, failures)) {
                outcome = Outcome.DONE;
            }
            after(failures);
        } finally {
            watch.close();
        }
        return outcome == Outcome.DONE && !failures.isEmpty() ? Outcome.INCOMPLETE : outcome;
    }

    /**
     * Takes the turn for one half, or takes over the turn of the request for the first half. The
     * resources are notified again if this is the first half once more, or the second one alone.
     *
     * @return as {@link Turn#take}
     */
    private String takeForHalf(Step step, long request, long millis) {
        while (true) {
            boolean repeatable = Native.isRepeatable(request) && !isStale(request);
            if (repeatable && Native.closeHalves(request)) {
                if (step == Step.PREPARE) {
                    OrderedContext.repeat();
                }
                return null;
            }
            String busy = turn.take(millis);
            if (busy == null && step == Step.RESUME && !isStale(request)) {
                OrderedContext.repeat();
            }
            if (busy == null || !repeatable || !turn.isPaused()) {
                return busy;
            }
            Thread.yield(); // the first half is just opening, or the second just beginning
        }
    }

    private Outcome prepare(long request, long millis, Failures failures) {
        String busy = takeForHalf(Step.PREPARE, request, millis);
        if (busy != null) {
            failures.add(new CheckpointException(busy));
            return Outcome.BUSY;
        }
        boolean open = false;
        try {
            if (isStale(request)) {
                return Outcome.DONE;
            }
            open = callBefore(request, failures) && openHalves(request, failures);
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        } finally {
            if (!open) {
                turn.release(); // otherwise resume() does
            }
        }
        return open ? Outcome.DONE : Outcome.CANCELLED;
    }

    private Outcome resume(long request, long millis, Failures failures) {
        if (Native.isRepeatable(request)) {
            String busy = takeForHalf(Step.RESUME, request, millis);
            if (busy != null) {
                failures.add(new CheckpointException(busy));
                return Outcome.BUSY;
            }
        } else if (!Native.closeHalves(request)) {
            return Outcome.NOT_BEGUN;
        }
        try {
            if (Native.isRepeatable(request) && isStale(request)) {
                return Outcome.DONE; // frozen while it waited; that checkpoint has called the hooks
            }
            endFirstHalf(request, failures);
        } finally {
            turn.release();
        }
        return failures.isEmpty() ? Outcome.DONE : Outcome.INCOMPLETE;
    }

    /** Calls the hooks before; if one fails, also those after. */
    private boolean callBefore(long request, Failures failures) {
        HookWatch watch = HookWatch.open(this, turn, request);
        try {
            before(failures, watch);
            if (!failures.isEmpty()) {
                after(failures);
            }
        } finally {
            watch.close();
        }
        return failures.isEmpty();
    }

    /** Lets another program freeze the process; if that is not possible, undoes the first half. */
    private boolean openHalves(long request, Failures failures) {
        try {
            pauseRecordings();
            turn.pause();
            Native.openHalves(); // from here on, resume() may run on another thread
            return true;
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        }
        endFirstHalf(request, failures);
        return false;
    }

    private void endFirstHalf(long request, Failures failures) {
        try {
            Native.renewIfRestored(request);
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        }
        try {
            resumeRecordings();
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        }
        try {
            HookWatch watch = HookWatch.open(this, turn, request);
            try {
                after(failures);
            } finally {
                watch.close();
            }
        } catch (Throwable unexpected) {
            failures.add(unexpected);
        }
    }

    /** The recorder's lock cannot be held between two requests, only during each call. */
    private void pauseRecordings() {
        if (recordings != null) {
            return; // by an earlier first half, whose second half has not been requested
        }
        recordings = FlightRecordings.find();
        if (recordings != null) {
            synchronized (recordings.lock()) {
                recordings.pause();
            }
        }
    }

    private void resumeRecordings() {
        FlightRecordings paused = recordings;
        recordings = null;
        if (paused != null) {
            synchronized (paused.lock()) {
                paused.resume(true);
            }
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
            failures.add(overrun); // a context of the application did not pass this exception on
        }
    }

    /** Returns whether the image is written; there may be failures in the restored process. */
    private boolean freeze(long request, Failures failures) {
        boolean written = false;
        try {
            List<String> reports = new ArrayList<>();
            written = freeze(request, reports);
            if (written) {
                Restored.begin();
            }
            add(reports, failures);
            if (!written && failures.isEmpty()) {
                failures.add(new CheckpointException("not frozen, for an unknown reason"));
            }
        } catch (Throwable failure) {
            failures.add(failure);
        }
        return written;
    }

    /** Adds what else would prevent this checkpoint, so that one request finds all. */
    private void addObstacles(long request, Failures failures) {
        try {
            List<String> reports = new ArrayList<>();
            findObstacles(request, reports);
            add(reports, failures);
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

    private static void add(List<String> reports, Failures failures) {
        for (String report : reports) {
            failures.add(parse(report));
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
            case "missing":
                return new FileNotFoundException(message);
            case "error":
                return new CheckpointException(message);
            default:
                return new CheckpointException(report);
        }
        open.lacksOrigin = type.length == 2 && origin == null && !Origin.areCollected();
        return open;
    }

    private static String unsupported() {
        try {
            return Native.unsupported();
        } catch (UnsatisfiedLinkError absent) {
            return "the checkpointer agent is not loaded";
        }
    }

    /** Initialised at the first request, because the agent uses this class before Core exists. */
    private static final class Global {
        static final Checkpoint CHECKPOINT = new Checkpoint(Core.getGlobalContext());
    }
}
