// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Reported among the reasons of a CheckpointException for an open socket that cannot be frozen.
// Name, constructor and package are those of CRaC's JDK, because tools and tests find it by name.

package jdk.crac.impl;

/** A socket that the process has open and that cannot be frozen. */
public class CheckpointOpenSocketException extends CheckpointOpenResourceException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes an exception.
     *
     * @param details the descriptor, its path or addresses, and what can be done about it
     * @param cause where it was opened, or {@code null}
     */
    public CheckpointOpenSocketException(String details, Throwable cause) {
        super(details, cause);
    }
}
