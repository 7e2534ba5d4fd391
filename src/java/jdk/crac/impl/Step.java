// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The part of a checkpoint that a request asks for. The agent has the same list, in the same order
// (requests/request.h).

package jdk.crac.impl;

/** The part of a checkpoint that a request asks for. */
public enum Step {
    /** A whole checkpoint: the beforeCheckpoint hooks, the freeze, and the afterRestore hooks. */
    CHECKPOINT,
    /** Only the beforeCheckpoint hooks, for a tool that then freezes the process itself. */
    PREPARE,
    /**
     * Only the afterRestore hooks: the tool has restored the process, or has given up freezing it.
     */
    RESUME,
    /** Does nothing but report why other requests have to wait. */
    QUERY,
    /** Finds what would prevent a checkpoint now. No hook is called, and nothing is frozen. */
    CHECK
}
