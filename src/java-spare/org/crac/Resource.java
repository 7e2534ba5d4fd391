// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The hook of org.crac. Signatures as in org.crac 1.4.0 and 1.5.0: an application was compiled
// against one of them.

package org.crac;

/**
 * Something that must prepare for a checkpoint and continue after a restore; see
 * {@link jdk.crac.Resource}.
 */
public interface Resource {
    /**
     * Called before the JVM is frozen.
     *
     * @param context the context that notifies
     * @throws Exception if this resource cannot be part of a checkpoint now
     */
    void beforeCheckpoint(Context<? extends Resource> context) throws Exception;

    /**
     * Called after the JVM was restored, or after the checkpoint was cancelled.
     *
     * @param context the context that notifies
     * @throws Exception if this resource cannot continue its work
     */
    void afterRestore(Context<? extends Resource> context) throws Exception;
}
