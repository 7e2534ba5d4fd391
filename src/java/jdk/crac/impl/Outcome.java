// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The outcome of a request. The agent has the same list in the same order (requests/request.h).

package jdk.crac.impl;

/** The outcome of a request. */
public enum Outcome {
    /** Success; after a whole checkpoint, in the restored process or in one that continues. */
    DONE,
    /** Another checkpoint is in progress; nothing was done. */
    BUSY,
    /** The second half was requested without the first. */
    NOT_BEGUN,
    /** A hook failed, or the process was not frozen: the application continues. */
    CANCELLED,
    /** The process was restored or continues, and hooks failed afterwards. */
    INCOMPLETE,
    /** An unexpected failure. */
    BROKEN
}
