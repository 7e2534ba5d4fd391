// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The context that Core.getGlobalContext() returns; the package description of jdk.crac documents
// its guarantees. Any thread may register at any time, also during a notification. The lock guards
// the two collections and is never held while foreign code runs, so nothing here can deadlock.
// Foreign equals, hashCode and toString are never called (org.crac's proxies forward them).

package jdk.crac.impl;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Resource;
import jdk.crac.RestoreException;

/**
 * Notifies in reverse order of registration before a checkpoint, and in order of registration
 * after a restore.
 *
 * @param <R> the kind of resource that can be registered
 */
public final class OrderedContext<R extends Resource> extends Context<R> {
    private final Object lock = new Object();
    private final Map<Identity<R>, Identity<R>> registered = new LinkedHashMap<>();
    private final ReferenceQueue<R> collected = new ReferenceQueue<>();

    /** Resources whose beforeCheckpoint was called, but afterRestore not yet; strong, in order. */
    private List<R> notified = new ArrayList<>();

    /** How often one half of a checkpoint was requested out of turn. */
    private static volatile int repetitions;

    /** The value of {@link #repetitions} at this context's last notification. */
    private int repetition = repetitions;

    /** Makes an empty context. */
    public OrderedContext() {
    }

    @Override
    public void register(R resource) {
        Identity<R> identity = new Identity<>(resource, collected);
        synchronized (lock) {
            removeCollected();
            registered.remove(identity);
            registered.put(identity, identity);
        }
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
        Failures failures = new Failures();
        List<R> resources = startNotification();
        for (int i = resources.size() - 1; i >= 0; i--) {
            Throwable failure = HookWatch.call(resources.get(i), this, true);
            if (failure != null) {
                failures.add(failure);
            }
        }
        if (!failures.isEmpty()) {
            throw failures.into(new CheckpointException());
        }
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) throws RestoreException {
        Failures failures = new Failures();
        for (R resource : endNotification()) {
            Throwable failure = HookWatch.call(resource, this, false);
            if (failure != null) {
                failures.add(failure);
            }
        }
        if (!failures.isEmpty()) {
            throw failures.into(new RestoreException());
        }
    }

    /**
     * The next half of a checkpoint repeats the last one, or comes without the other: all contexts
     * notify all of their resources, whatever was notified before.
     */
    static void repeat() {
        repetitions++; // by the thread that has the turn
    }

    /** Returns whether this is the first notification since {@link #repeat}. */
    private boolean isRepeated() {
        boolean repeated = repetition != repetitions;
        repetition = repetitions;
        return repeated;
    }

    /** Returns how many resources are registered and alive; a context counts as one. */
    int size() {
        synchronized (lock) {
            return live().size();
        }
    }

    private List<R> live() {
        List<R> resources = new ArrayList<>(registered.size());
        for (Identity<R> identity : registered.values()) {
            R resource = identity.get();
            if (resource != null) {
                resources.add(resource);
            }
        }
        return resources;
    }

    /**
     * Returns the live resources in order of registration, except those whose afterRestore is still
     * to come. So a context that is notified twice in one checkpoint, because it is registered with
     * two others or with itself, notifies each resource only once.
     */
    private List<R> startNotification() {
        synchronized (lock) {
            removeCollected();
            if (isRepeated()) {
                notified = new ArrayList<>();
            }
            Set<R> waiting = Collections.newSetFromMap(new IdentityHashMap<R, Boolean>());
            waiting.addAll(notified);
            List<R> resources = new ArrayList<>(registered.size());
            for (R resource : live()) {
                if (!waiting.contains(resource)) {
                    resources.add(resource);
                }
            }
            notified.addAll(resources);
            return resources;
        }
    }

    private List<R> endNotification() {
        synchronized (lock) {
            List<R> resources = isRepeated() ? live() : notified;
            notified = new ArrayList<>();
            return resources;
        }
    }

    private void removeCollected() {
        for (Reference<?> dead = collected.poll(); dead != null; dead = collected.poll()) {
            registered.remove(dead);
        }
    }

    /** A weak reference that is equal to another one if both refer to the same live object. */
    private static final class Identity<R> extends WeakReference<R> {
        private final int hash;

        Identity(R referent, ReferenceQueue<R> queue) {
            super(nonNull(referent), queue);
            hash = System.identityHashCode(referent);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            if (this == other) {
                return true;
            }
            R referent = get();
            return referent != null && other instanceof Identity
                    && ((Identity<?>) other).get() == referent;
        }

        private static <R> R nonNull(R referent) {
            if (referent == null) {
                throw new NullPointerException("resource");
            }
            return referent;
        }
    }
}
