// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The global context of org.crac. It has no resources itself: each one is registered with the
// global context of jdk.crac through a Link.

package org.crac;

/** Passes everything on to the global context of jdk.crac. */
final class GlobalContext extends Context<Resource> {
    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
        try {
            jdk.crac.Core.getGlobalContext().beforeCheckpoint(null);
        } catch (jdk.crac.CheckpointException e) {
            throw Reasons.move(e, new CheckpointException(e.getMessage()));
        }
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) throws RestoreException {
        try {
            jdk.crac.Core.getGlobalContext().afterRestore(null);
        } catch (jdk.crac.RestoreException e) {
            throw Reasons.move(e, new RestoreException(e.getMessage()));
        }
    }

    @Override
    public void register(Resource resource) {
        jdk.crac.Core.getGlobalContext().register(Link.of(resource));
    }
}
