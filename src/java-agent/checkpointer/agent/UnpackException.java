// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Thrown if the library in the jar cannot be loaded. The message is printed unchanged.

package checkpointer.agent;

/** The library cannot be unpacked or loaded. */
final class UnpackException extends Exception {
    private static final long serialVersionUID = 1;

    UnpackException(String message) {
        super(message);
    }
}
