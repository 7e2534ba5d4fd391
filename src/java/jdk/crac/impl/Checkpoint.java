// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Drives one checkpoint after another: notifies the resources, has the agent freeze the process,
// notifies again, and hands the failures to the requester. Called on application threads by
// Core.checkpointRestore() and the MXBean, and on the agent's threads by serve(). Turn sees to it
// that there is one at a time, HookWatch that a hook which hangs is reported. Tests put another
// freeze() in place by a subclass, and what HookWatch asks the agent.

package jdk.crac.impl;

import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Core;
import jdk.crac.Resource;
import jdk.crac.RestoreException;

/** The sequence of a checkpoint. */
public class Checkpoint {
    /** The agent's number of each request of the application's. */
    private static final long APPLICATION = 0;

    private static final Charset UTF_8 = Charset.forName("UTF-8");

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
     * @throws CheckpointException if the checkpoint was called off
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
     * Tells whether this JVM can be frozen, as far as that depends on the agent and the machine.
     *
     * @return whether {@link #checkpointRestore} does not throw UnsupportedOperationException
     */
    public static boolean isSupported() {
        return unsupported() == null;
    }

    /**
     * Serves a request from outside, on a thread of the agent's; a main class that the restore
     * names is run on a thread of its own. Throws nothing.
     *
     * @param step what it asks for
     * @param request the agent's number of it, for the agent's functions
     * @param millis how long it may wait for another checkpoint, though never for one whose hook
     *     hangs or whose second half has yet to be asked for
     * @param reasons gets what failed, or what other requests wait for
     * @return what came of it
     */
    public static Outcome serve(Step step, long request, long millis, List<String> reasons) {
        Failures failures = new Failures();
        Outcome outcome;
        try {
            outcome = Global.CHECKPOINT.carryOut(step, request, millis, failures);
        } catch (Throwable unexpected) {
            failures.add(unexpected);
            outcome = Outcome.BROKEN;
        } finally {
            Restored.startMain();
        }
        reasons.addAll(failures.reasons());
        return outcome;
    }

    /** The same, as the agent calls it: by numbers, and with the reasons handed to it as bytes. */
    private static int serve(int step, long request, long millis) {
        List<String> reasons = new ArrayList<>();
        Outcome outcome = serve(Step.values()[step], request, millis, reasons);
        for (String reason : reasons) {
            Native.addReason(request, reason.getBytes(UTF_8));
        }
        return outcome.ordinal();
    }

    /**
     * Carries out a checkpoint for the application, when no other one is on the way.
     *
     * @param request handed to {@link #freeze}
     * @throws CheckpointException if it was called off, if a hook of this context calls, or if a
     *     hook of another checkpoint hangs
     * @throws RestoreException if the process was frozen, and hooks failed afterwards
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
            return resume(request, failures);
        }
        if (step == Step.ASK) {
            failures.add(new CheckpointException(turn.says()));
            return Outcome.DONE;
        }
        String unsupported = unsupported();
        if (unsupported == null) {
            return checkpoint(request, millis, failures);
        }
        failures.add(new CheckpointException(unsupported));
        return Outcome.CALLED_OFF;
    }

    /** The one way to a freeze, for requests from outside as for the application's. */
    private Outcome checkpoint(long request, long millis, Failures failures) {
        if (turn.isRunning()) {
            failures.add(new IllegalStateException(
                    "checkpointRestore() was called from inside a hook"));
            return Outcome.CALLED_OFF;
        }
        String busy = turn.take(millis);
        if (busy != null) {
            failures.add(new CheckpointException(busy));
            return Outcome.BUSY;
        }
        try {
            return isStale(request) ? Outcome.DONE : perform(request, failures);
        } finally {
            turn.give();
        }
    }

    /**
     * Freezes the process.
     *
     * @param request the agent's number of it
     * @param reports gets why not, each as {@code TYPE:message}
     * @return whether an image of it is written: this is the restored process, or it continues
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
     * Finds what makes a checkpoint pointless, before any hook is called.
     *
     * @param request the agent's number of it
     * @param reports gets what does, as {@code TYPE:message}
     * @return whether nothing does
     */
    protected boolean isWorthwhile(long request, List<String> reports) {
        return Native.isWorthwhile(request, reports);
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
     * Whether a thread that has the turn serves a request that no one waits for any more: the
     * process was frozen and restored while it waited. It is not to be frozen for that once more.
     *
     * @param request the agent's number of it
     * @return whether to do nothing
     */
    protected boolean isStale(long request) {
        return Native.isStale(request);
    }

    /**
     * Reports what a hook does, to standard error and to the requester.
     *
     * @param request the agent's number of the request, 0 for standard error alone
     * @param text lines for a person to read
     * @param last whether the requester is not to wait for anything more
     */
    protected void report(long request, String text, boolean last) {
        Native.report(request, text, last);
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

    private Outcome perform(long request, Failures failures) {
        List<String> reports = new ArrayList<>();
        if (!isWorthwhile(request, reports)) {
            add(reports, failures);
            return Outcome.CALLED_OFF;
        }
        HookWatch watch = HookWatch.open(this, turn, request);
        Outcome outcome = Outcome.CALLED_OFF; // loads the class here, where time does not matter
        try {
            before(failures, watch);
            if (failures.isEmpty()) {
                freeze(request, failures);
            }
            if (failures.isEmpty()) {
                outcome = Outcome.DONE;
            }
            after(failures);
        } finally {
            watch.close();
        }
        return outcome == Outcome.DONE && !failures.isEmpty() ? Outcome.INCOMPLETE : outcome;
    }

    private Outcome prepare(long request, long millis, Failures failures) {
        String busy = turn.take(millis);
        if (busy != null) {
            failures.add(new CheckpointException(busy));
            return Outcome.BUSY;
        }
        try {
            HookWatch watch = HookWatch.open(this, turn, request);
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
            begun.set(true); // from here on, the turn is given back by resume()
            return Outcome.DONE;
        }
        turn.give();
        return Outcome.CALLED_OFF;
    }

    private Outcome resume(long request, Failures failures) {
        if (!begun.compareAndSet(true, false)) {
            return Outcome.NOT_BEGUN;
        }
        resumeRecordings();
        try {
            HookWatch watch = HookWatch.open(this, turn, request);
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
        return failures.isEmpty() ? Outcome.DONE : Outcome.INCOMPLETE;
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

    private void freeze(long request, Failures failures) {
        try {
            List<String> reports = new ArrayList<>();
            if (freeze(request, reports)) {
                Restored.begin();
                return;
            }
            add(reports, failures);
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

    /** Made at the first request, so that the agent can use this class before Core exists. */
    private static final class Global {
        static final Checkpoint CHECKPOINT = new Checkpoint(Core.getGlobalContext());
    }
}
