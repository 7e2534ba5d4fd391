// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Asks the MXBean of jdk.crac. JDK 8 has none, nor has a JVM whose MBeans were looked up before
// the agent was loaded: the class that the agent did not define is missing then.

package org.crac.management;

import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;

/** Has the values of the bean of jdk.crac. */
final class Bean implements CRaCMXBean {
    private final jdk.crac.management.CRaCMXBean bean;

    private Bean(jdk.crac.management.CRaCMXBean bean) {
        this.bean = bean;
    }

    static CRaCMXBean make() {
        try {
            return new Bean(jdk.crac.management.CRaCMXBean.getCRaCMXBean());
        } catch (NoClassDefFoundError | IllegalArgumentException none) {
            return new Bean(null);
        }
    }

    @Override
    public long getUptimeSinceRestore() {
        return bean == null ? -1 : bean.getUptimeSinceRestore();
    }

    @Override
    public long getRestoreTime() {
        return bean == null ? -1 : bean.getRestoreTime();
    }

    @Override
    public ObjectName getObjectName() {
        try {
            return bean != null ? bean.getObjectName()
                    : new ObjectName("jdk.management:type=CRaC");
        } catch (MalformedObjectNameException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
