// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Core makes it from the exception of the same name in jdk.crac.

package org.crac;

/** Reports that a checkpoint was cancelled. The suppressed exceptions are the reasons. */
public class CheckpointException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Makes an exception without a message. */
    public CheckpointException() {
    }

    /**
     * Makes an exception with a message.
     *
     * @param message the message
     */
    public CheckpointException(String message) {
        super(message);
    }
}
