// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Thrown for a restore after which hooks failed. Each failure is a suppressed exception of it:
// org.crac copies those, and only those, into its own exception of the same name.

package jdk.crac;

/**
 * Reports that the process was restored and runs, but that resources cannot continue their work.
 * Their exceptions are the {@linkplain Throwable#getSuppressed() suppressed} exceptions.
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
