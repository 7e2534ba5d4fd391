// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What came of a request. The agent has the same list, in the same order (requests/request.h).

package jdk.crac.impl;

/** What came of a request. */
public enum Outcome {
    /** All went well; for a whole checkpoint, in the process that was restored or continues. */
    DONE,
    /** Another checkpoint is on its way, and nothing was done. */
    BUSY,
    /** There is no first half to which the second one could be run. */
    NOT_BEGUN,
    /** A hook failed, or the process was not frozen: the application continues. */
    CALLED_OFF,
    /** The process was restored or continues, and hooks failed afterwards. */
    INCOMPLETE,
    /** Something failed that is not known to fail. */
    BROKEN
}
