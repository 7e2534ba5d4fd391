// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The management interface of org.crac. Signatures as in org.crac 1.4.0 and 1.5.0.

package org.crac.management;

import java.lang.management.PlatformManagedObject;

/** Reports when this JVM was restored. */
public interface CRaCMXBean extends PlatformManagedObject {
    /**
     * Returns the time since the last restore of this process was requested.
     *
     * @return milliseconds, or -1 if this process was never restored
     */
    long getUptimeSinceRestore();

    /**
     * Returns the time at which the last restore of this process was requested.
     *
     * @return milliseconds since the epoch, or -1 if this process was never restored
     */
    long getRestoreTime();

    /**
     * Returns the instance of this JVM.
     *
     * @return an object that asks the JVM's MXBean; where there is none, its values are -1
     */
    static CRaCMXBean getCRaCMXBean() {
        return Bean.make();
    }
}
