// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Registers the CRaCMXBean with the platform. Services of the platform are looked up in named
// modules and in jars of the boot class path; we have no jar, so the agent defines this class, with
// no class loader, into this package of the module java.management, lets that module read the boot
// loader's unnamed one (our other classes) and adds it to the module's providers. That is why it is
// compiled apart, with --patch-module, for JDK 9, and without lambdas or concatenation by
// invokedynamic: every use of the platform's MBeans runs through here.

package sun.management.spi;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jdk.crac.impl.CRaCImpl;
import jdk.crac.management.CRaCMXBean;

/** Provides the platform with one MXBean, the {@link CRaCMXBean}. */
public final class CheckpointerMBeanProvider extends PlatformMBeanProvider {
    /** For the service loader. */
    public CheckpointerMBeanProvider() {
    }

    @Override
    public List<PlatformComponent<?>> getPlatformComponentList() {
        return Collections.<PlatformComponent<?>>singletonList(new Component());
    }

    private static final class Component implements PlatformComponent<CRaCMXBean> {
        private final Map<String, CRaCMXBean> beans =
                Collections.<String, CRaCMXBean>singletonMap(CRaCImpl.NAME, new CRaCImpl());

        // Declared, and not private: javac would add a class of its own to get at a private one.
        Component() {
        }

        @Override
        public Set<Class<? extends CRaCMXBean>> mbeanInterfaces() {
            return Collections.<Class<? extends CRaCMXBean>>singleton(CRaCMXBean.class);
        }

        @Override
        public Set<String> mbeanInterfaceNames() {
            return Collections.singleton(CRaCMXBean.class.getName());
        }

        @Override
        public String getObjectNamePattern() {
            return CRaCImpl.NAME;
        }

        @Override
        public Map<String, CRaCMXBean> nameToMBeanMap() {
            return beans;
        }
    }
}
