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
     * Returns the context that every checkpoint of this JVM notifies. What it promises is said in
     * the {@linkplain jdk.crac package's description}.
     *
     * @return the global context, always the same one
     */
    public static Context<Resource> getGlobalContext() {
        return GLOBAL_CONTEXT;
    }

    /**
     * Freezes this JVM into the image directory that the agent's option {@code image=DIR} names.
     * Returns in the restored process, or, if the agent lets the process run on, in this one once
     * the image is written.
     *
     * <p>Callers on several threads take turns: the next one's checkpoint starts when the one
     * before is over, which after a successful one means in the restored process. A thread that a
     * hook waits for must not call this method; the hook's own thread gets an exception.
     *
     * @throws CheckpointException if the checkpoint was called off: a hook threw, something in the
     *     process cannot be frozen, the image could not be written, no image directory is
     *     configured, or the call came from inside a hook. The suppressed exceptions say which
     * @throws RestoreException if the process was restored and hooks failed in it
     * @throws UnsupportedOperationException if there is no agent in this JVM; no resource has been
     *     notified then
     */
    public static void checkpointRestore() throws CheckpointException, RestoreException {
        Checkpoint.checkpointRestore(null);
    }
}
