// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The class loader of the agent's own org.crac, which applications without that library get
// (src/agent/java/spare_classes.c). Its parent is the boot loader, so that no class of the
// application can take the place of one of its own. The agent defines the classes.

package jdk.crac.impl;

/** Has the classes of org.crac, and no others. */
final class SpareLoader extends ClassLoader {
    SpareLoader() {
        super(null);
    }
}
