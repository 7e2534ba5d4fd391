// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The hook: what an application implements to be notified of a checkpoint and of the restore after
// it. Signatures as in CRaC's JDK, because org.crac makes reflection proxies of this interface.
// No method may be added: such a proxy could not handle it.

package jdk.crac;

/**
 * Something that must prepare for a checkpoint and continue after a restore. It is notified once
 * it has been {@linkplain Context#register registered} with a context, usually
 * with {@link Core#getGlobalContext() the global one}. Contexts hold it weakly, so the application
 * has to keep a reference for as long as it is to be notified.
 *
 * <p>Both methods run on the thread that carries out the checkpoint, one resource at a time.
 */
public interface Resource {
    /**
     * Called before the JVM is frozen, while all its threads still run. An exception
     * cancels the checkpoint; the other resources are notified nevertheless.
     *
     * @param context the context that notifies
     * @throws Exception if this resource cannot be part of a checkpoint now
     */
    void beforeCheckpoint(Context<? extends Resource> context) throws Exception;

    /**
     * Called after the JVM was restored, or after the checkpoint was cancelled; always, also if
     * this resource's own {@link #beforeCheckpoint} threw.
     *
     * @param context the context that notifies
     * @throws Exception if this resource cannot continue its work
     */
    void afterRestore(Context<? extends Resource> context) throws Exception;
}
