// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What is requested. The agent has the same list, in the same order (requests/request.h).

package jdk.crac.impl;

/** What is requested. */
public enum Step {
    /** A whole checkpoint: the hooks before, the freeze, and the hooks after. */
    CHECKPOINT,
    /** The hooks before, for a tool that freezes the process itself. */
    PREPARE,
    /** The hooks after: the tool has restored the process, or has given up freezing it. */
    RESUME,
    /** Does nothing; returns what other requests wait for. */
    QUERY
}
