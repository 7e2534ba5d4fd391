// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Reported among the reasons of a CheckpointException for something open that cannot be frozen.
// Name, constructor and package are those of CRaC's JDK, because tools and tests find it by name.

package jdk.crac.impl;

/** Something that the process has open and that cannot be frozen. */
public class CheckpointOpenResourceException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Whether this exception would have a cause if the agent option fd_stacks=true were set. */
    transient boolean lacksOrigin;

    /**
     * Makes an exception.
     *
     * @param details the descriptor, what it is, and what can be done about it
     * @param cause where it was opened, or {@code null}
     */
    public CheckpointOpenResourceException(String details, Throwable cause) {
        super(details, cause);
    }
}
