// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The platform's CRaCMXBean, which sun.management.spi.CheckpointerMBeanProvider provides. Called on
// any thread, through JMX also for remote clients.

package jdk.crac.impl;

import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import jdk.crac.CheckpointException;
import jdk.crac.Core;
import jdk.crac.RestoreException;
import jdk.crac.management.CRaCMXBean;

/** Implements the management interface by calls of the agent. */
public final class CRaCImpl implements CRaCMXBean {
    /** The object name, as in CRaC's JDK. */
    public static final String NAME = "jdk.management:type=CRaC";

    /** Makes the bean. */
    public CRaCImpl() {
    }

    @Override
    public long getUptimeSinceRestore() {
        return Native.uptimeSinceRestore();
    }

    @Override
    public long getRestoreTime() {
        return Native.restoreTime();
    }

    @Override
    public boolean isImplemented() {
        return Checkpoint.isSupported();
    }

    @Override
    public void checkpointRestore() throws CheckpointException, RestoreException {
        Core.checkpointRestore();
    }

    @Override
    public ObjectName getObjectName() {
        try {
            return new ObjectName(NAME);
        } catch (MalformedObjectNameException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
