// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The entry point: the global context and the request for a checkpoint. org.crac calls both by
// reflection. Holds the global context and nothing else; jdk.crac.impl.Checkpoint does the work.

package jdk.crac;

import jdk.crac.impl.Checkpoint;
import jdk.crac.impl.OrderedContext;

/**
 * Access to the global context, and the request for a checkpoint.
 */
public class Core {
    private static final Context<Resource> GLOBAL_CONTEXT = new OrderedContext<>();

    private Core() {
    }

    /**
     * Returns the context that every checkpoint of this JVM notifies. Its guarantees are in the
     * {@linkplain jdk.crac description of the package}.
     *
     * @return the global context, always the same one
     */
    public static Context<Resource> getGlobalContext() {
        return GLOBAL_CONTEXT;
    }

    /**
     * Freezes this JVM into the image directory that the agent's option {@code image=DIR} names.
     * Returns in the restored process, and, with the agent's option {@code keep_running=true}, also
     * in this one, once the image is written and the resources are notified.
     *
     * <p>Callers on several threads take turns: the next checkpoint starts when the one before it
     * is done. If that one succeeded, the next starts in the restored process. A thread that a hook
     * waits for must not call this method: the two would wait for each other until the hook's limit
     * is reached. The hook's own thread gets an exception at once.
     *
     * <p>A hook may run for as long as the agent's option {@code hook_timeout} allows, 60 seconds
     * by default. A {@code beforeCheckpoint} that takes longer is reported to standard error with
     * its stack, and its thread is interrupted once. When the hook returns, the other resources are
     * notified as usual and the checkpoint is cancelled; the CheckpointException gives this reason.
     * If the hook ignores the interrupt, callers that wait for their turn get an exception too. An
     * {@code afterRestore} that takes longer is reported and continues.
     *
     * @throws CheckpointException if the checkpoint was cancelled: a hook threw or took too long,
     *     something in the process cannot be frozen, the image could not be written, no image
     *     directory is configured, the call came from inside a hook, or a hook of another
     *     checkpoint hangs. The suppressed exceptions are the reasons
     * @throws RestoreException if the process was restored and hooks failed in it
     * @throws UnsupportedOperationException if there is no agent in this JVM, or the machine lacks
     *     what every checkpoint needs; no resource has been notified then
     */
    public static void checkpointRestore() throws CheckpointException, RestoreException {
        Checkpoint.checkpointRestore();
    }
}
