// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Core makes it from the exception of the same name in jdk.crac.

package org.crac;

/**
 * Reports that the process was restored, but hooks failed in it. The suppressed exceptions are the
 * reasons.
 */
public class RestoreException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Makes an exception without a message. */
    public RestoreException() {
    }

    /**
     * Makes an exception with a message.
     *
     * @param message the message
     */
    public RestoreException(String message) {
        super(message);
    }
}
