// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Thrown for a checkpoint that was cancelled. Each reason is a suppressed exception of it:
// org.crac copies those, and only those, into its own exception of the same name.

package jdk.crac;

/**
 * Reports that a checkpoint was cancelled, and that the process continues as before. The reasons
 * are the {@linkplain Throwable#getSuppressed() suppressed} exceptions: exceptions that hooks
 * threw, resources that could not be frozen, and errors in writing the image.
 */
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
