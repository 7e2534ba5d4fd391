// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The entry point. org.crac itself looks for an implementation by reflection; these classes exist
// only in a JVM with the agent, and so call its jdk.crac directly.

package org.crac;

/** Access to the global context, and the request for a checkpoint; see {@link jdk.crac.Core}. */
public class Core {
    private static final Context<Resource> GLOBAL_CONTEXT = new GlobalContext();

    /** Public because it is so in org.crac; there is no use for an object of this class. */
    public Core() {
    }

    /**
     * Returns the context that every checkpoint of this JVM notifies.
     *
     * @return the global context, always the same one
     */
    public static Context<Resource> getGlobalContext() {
        return GLOBAL_CONTEXT;
    }

    /**
     * Freezes this JVM; returns in the restored process.
     *
     * @throws CheckpointException if the checkpoint was cancelled
     * @throws RestoreException if the process was restored and hooks failed in it
     * @throws UnsupportedOperationException if the machine lacks what every checkpoint needs
     */
    public static void checkpointRestore() throws CheckpointException, RestoreException {
        try {
            jdk.crac.Core.checkpointRestore();
        } catch (jdk.crac.CheckpointException e) {
            throw Reasons.move(e, new CheckpointException(e.getMessage()));
        } catch (jdk.crac.RestoreException e) {
            throw Reasons.move(e, new RestoreException(e.getMessage()));
        }
    }
}
