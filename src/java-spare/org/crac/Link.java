// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Stands for a resource of org.crac in the global context of jdk.crac. That context holds it
// weakly, so the set below holds it for as long as the resource exists. Resources are told apart
// by identity; their equals and hashCode are never called. Which notification is due is that
// context's decision (it repeats one, or makes the second alone), so each is passed on. As with
// org.crac itself, the exception of a nested context counts as those that it suppresses, without
// its own message.

package org.crac;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;

/** Passes notifications on to one resource. */
final class Link extends WeakReference<Resource> implements jdk.crac.Resource {
    private static final Map<Link, Link> LINKS = new HashMap<>();
    private static final ReferenceQueue<Resource> COLLECTED = new ReferenceQueue<>();

    private final int hash;
    /** Holds the resource between the two notifications, so that the second one is not lost. */
    private Resource held;

    private Link(Resource resource) {
        super(resource, COLLECTED);
        hash = System.identityHashCode(resource);
    }

    /** Returns the link of this resource, always the same one. */
    static Link of(Resource resource) {
        if (resource == null) {
            throw new NullPointerException("resource");
        }
        Link made = new Link(resource);
        synchronized (LINKS) {
            for (Reference<?> dead = COLLECTED.poll(); dead != null; dead = COLLECTED.poll()) {
                LINKS.remove(dead);
            }
            Link known = LINKS.putIfAbsent(made, made);
            return known != null ? known : made;
        }
    }

    @Override
    public void beforeCheckpoint(jdk.crac.Context<? extends jdk.crac.Resource> context)
            throws Exception {
        Resource resource = get();
        if (resource == null) {
            return;
        }
        held = resource;
        try {
            resource.beforeCheckpoint(Core.getGlobalContext());
        } catch (CheckpointException e) {
            throw e.getSuppressed().length == 0 ? e
                    : Reasons.move(e, new jdk.crac.CheckpointException());
        }
    }

    @Override
    public void afterRestore(jdk.crac.Context<? extends jdk.crac.Resource> context)
            throws Exception {
        Resource resource = get();
        held = null;
        if (resource == null) {
            return;
        }
        try {
            resource.afterRestore(Core.getGlobalContext());
        } catch (RestoreException e) {
            throw e.getSuppressed().length == 0 ? e
                    : Reasons.move(e, new jdk.crac.RestoreException());
        }
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
        Resource resource = get();
        return resource != null && other instanceof Link && ((Link) other).get() == resource;
    }
}
