// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Why the library in the jar could not be loaded: its message is for the user, as it is.

package checkpointer.agent;

/** The library cannot be unpacked or loaded. */
final class UnpackException extends Exception {
    private static final long serialVersionUID = 1;

    UnpackException(String message) {
        super(message);
    }
}
