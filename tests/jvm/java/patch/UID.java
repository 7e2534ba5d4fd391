// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A JDK that keeps things in another way: takes the place of the real class in the module java.rmi,
// without the field that a restore looks for.

package java.rmi.server;

public final class UID {
    private static final boolean SET = true;

    @Override
    public String toString() {
        return SET + ":0:0";
    }
}
