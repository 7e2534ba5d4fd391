// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The management interface, with the name and the signatures of CRaC's JDK. org.crac passes this
// class to ManagementFactory to get the bean; so the agent defines it only if the platform's MBean
// provider could be installed too (JDK 9 and later, with java.management). Without this class
// org.crac returns -1 for both times; with this class but no provider, org.crac would throw.

package jdk.crac.management;

import java.lang.management.ManagementFactory;
import java.lang.management.PlatformManagedObject;
import jdk.crac.CheckpointException;
import jdk.crac.RestoreException;

/**
 * Reports when this JVM was restored, and requests checkpoints. Its name in the platform's MBean
 * server is {@code jdk.management:type=CRaC}.
 */
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
     * Returns whether {@link #checkpointRestore()} can work here. To JMX it is the attribute
     * {@code Implemented}.
     *
     * @return whether the agent is loaded and the machine supports checkpoints
     */
    boolean isImplemented();

    /**
     * Does the same as {@link jdk.crac.Core#checkpointRestore()}. A client that calls it from
     * another process loses its connection if the checkpoint succeeds.
     *
     * @throws CheckpointException if the checkpoint was cancelled
     * @throws RestoreException if the process was restored and hooks failed in it
     */
    void checkpointRestore() throws CheckpointException, RestoreException;

    /**
     * Returns the platform's instance of this interface.
     *
     * @return the MXBean of this JVM
     */
    static CRaCMXBean getCRaCMXBean() {
        return ManagementFactory.getPlatformMXBean(CRaCMXBean.class);
    }
}
