// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What the agent does for the Java side. It registers these methods with RegisterNatives right
// after it has defined the classes; no other class of ours may have native methods. Without the
// agent each of them throws UnsatisfiedLinkError, by which Checkpoint knows that there is none.

package jdk.crac.impl;

/** The agent's functions. */
final class Native {
    private Native() {
    }

    /**
     * Freezes the process. Called on the requester's thread, with no lock held.
     *
     * @param directory the image directory, {@code null} for that of the agent's options
     * @return {@code null} in the restored process, or once the image is written if the process
     *     goes on; else why it was not frozen, each as {@code TYPE:message} with one of the types
     *     file, socket, resource and error
     */
    static native String[] freeze(String directory);

    /** When the last restore was asked for, in milliseconds since the epoch; -1 if never. */
    static native long restoreTime();

    /** Milliseconds since the last restore was asked for; -1 if never. */
    static native long uptimeSinceRestore();

    /**
     * For a copy of the agent that is loaded when there is one already, from another path or from
     * checkpointer.jar: takes its options in place of it.
     *
     * @param options as on the command line
     * @return whether they are right; if not, standard error says what is wrong
     */
    static native boolean changeOptions(byte[] options);
}
