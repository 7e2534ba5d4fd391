// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The base class of the global context and of contexts that applications make. Signatures as in
// org.crac 1.4.0 and 1.5.0.

package org.crac;

/**
 * A resource that passes notifications on to the resources registered with it.
 *
 * @param <R> the kind of resource that can be registered
 */
public abstract class Context<R extends Resource> implements Resource {
    /** Makes a context; only subclasses call it. */
    protected Context() {
    }

    @Override
    public abstract void beforeCheckpoint(Context<? extends Resource> context)
            throws CheckpointException;

    @Override
    public abstract void afterRestore(Context<? extends Resource> context)
            throws RestoreException;

    /**
     * Adds a resource to those that this context notifies.
     *
     * @param resource the resource
     */
    public abstract void register(R resource);
}
