// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Turns an exception of jdk.crac into one of org.crac and the other way round.

package org.crac;

/** Copies what an exception reports. */
final class Reasons {
    private Reasons() {
    }

    /** Returns {@code to} with the suppressed exceptions and the stack of {@code from}. */
    static <T extends Exception> T move(Exception from, T to) {
        for (Throwable reason : from.getSuppressed()) {
            to.addSuppressed(reason);
        }
        to.setStackTrace(from.getStackTrace());
        return to;
    }
}
