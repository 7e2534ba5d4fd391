// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The program of criu-renew.t. Prints, in its first second and in each afterRestore hook, what must
// differ between two restores of one image, as lines "NAME VALUE", and then "shown".

import java.lang.management.ManagementFactory;
import java.lang.management.RuntimeMXBean;
import java.security.SecureRandom;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import javax.management.ObjectName;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class CriuClone implements Resource {
    private final SecureRandom secure = new SecureRandom();
    private final RuntimeMXBean runtime = ManagementFactory.getRuntimeMXBean();

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        System.out.println("before");
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) throws Exception {
        show();
    }

    private static Object attribute(String name) throws Exception {
        return ManagementFactory.getPlatformMBeanServer()
                .getAttribute(new ObjectName("jdk.management:type=CRaC"), name);
    }

    private void show() throws Exception {
        System.out.println("local " + ThreadLocalRandom.current().nextLong());
        System.out.println("math " + Math.random());
        System.out.println("secure " + secure.nextLong());
        System.out.println("uuid " + UUID.randomUUID());
        System.out.println("name " + runtime.getName().replaceAll("@.*", ""));
        System.out.println("started " + runtime.getStartTime());
        System.out.println("uptime " + runtime.getUptime());
        System.out.println("restored " + attribute("RestoreTime"));
        System.out.println("since " + attribute("UptimeSinceRestore"));
        System.out.println("now " + System.currentTimeMillis());
        System.out.println("shown");
    }

    public static void main(String[] arguments) throws Exception {
        CriuClone clone = new CriuClone();
        Core.getGlobalContext().register(clone);
        clone.show();
        new CountDownLatch(1).await();
    }
}
