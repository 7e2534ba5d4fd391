// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The one exception of a restore after which hooks failed. Each failure is a suppressed exception
// of it: org.crac copies those, and only those, into its own exception of the same name.

package jdk.crac;

/**
 * Says that the process was restored and runs, but that resources could not take up their work.
 * What they threw are the {@linkplain Throwable#getSuppressed() suppressed} exceptions.
 */
public class RestoreException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Makes an exception without a message of its own. */
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
