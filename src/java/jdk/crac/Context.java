// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A group of resources that is a resource itself: the base class of the global context and of
// contexts that applications make to define another order of notification. Signatures as in
// CRaC's JDK; org.crac finds register(Resource) here by reflection.

package jdk.crac;

/**
 * A resource that passes notifications on to the resources registered with it. Its subclass
 * decides the order. A context can be registered with another one.
 *
 * @param <R> the kind of resource that can be registered
 */
public abstract class Context<R extends Resource> implements Resource {
    /** Makes a context; only subclasses call it. */
    protected Context() {
    }

    /**
     * Notifies the registered resources of a checkpoint.
     *
     * @param context the context that notifies this one, {@code null} for the outermost
     * @throws CheckpointException with the exceptions of the resources as suppressed ones
     */
    @Override
    public abstract void beforeCheckpoint(Context<? extends Resource> context)
            throws CheckpointException;

    /**
     * Notifies the registered resources of a restore, or of a checkpoint that was cancelled.
     *
     * @param context the context that notifies this one, {@code null} for the outermost
     * @throws RestoreException with the exceptions of the resources as suppressed ones
     */
    @Override
    public abstract void afterRestore(Context<? extends Resource> context)
            throws RestoreException;

    /**
     * Adds a resource to those that this context notifies. The
     * {@linkplain Core#getGlobalContext() global context} never waits here: while a checkpoint
     * notifies resources, on any thread, a new resource is added at once and takes part from the
     * next checkpoint on.
     *
     * @param resource the resource
     * @throws NullPointerException if {@code resource} is {@code null}
     */
    public abstract void register(R resource);
}
