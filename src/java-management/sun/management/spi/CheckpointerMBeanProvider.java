// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Registers the CRaCMXBean with the platform. The platform looks up its services in named modules
// and in jars of the boot class path. Without a jar, the agent defines this class by the boot
// loader in this package of the module java.management, makes that module read the boot loader's
// unnamed module (which has the agent's other classes), and adds the class to the module's
// providers. So it is compiled separately, with --patch-module, for JDK 9; and without lambdas and
// string concatenation by invokedynamic, because every use of the platform's MBeans runs this code.

package sun.management.spi;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jdk.crac.impl.CRaCImpl;
import jdk.crac.management.CRaCMXBean;

/** Provides the platform with one MXBean, the {@link CRaCMXBean}. */
public final class CheckpointerMBeanProvider extends PlatformMBeanProvider {
    /** Called by the service loader. */
    public CheckpointerMBeanProvider() {
    }

    @Override
    public List<PlatformComponent<?>> getPlatformComponentList() {
        return Collections.<PlatformComponent<?>>singletonList(new Component());
    }

    private static final class Component implements PlatformComponent<CRaCMXBean> {
        private final Map<String, CRaCMXBean> beans =
                Collections.<String, CRaCMXBean>singletonMap(CRaCImpl.NAME, new CRaCImpl());

        // This constructor is explicit and not private, because javac would generate another class
        // for access to a private one.
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
