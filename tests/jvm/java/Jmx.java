// SPDX-License-Identifier: LGPL-3.0-or-later
//
// "served" is the JVM that clients inspect; "programmed PORT" is one that starts its own
// connector server. "remote PORT" and "local PID" are clients like JConsole: they connect over
// RMI (to the PID by the attach protocol, which starts the JVM's local agent), read the MXBean's
// attributes, print them, and disconnect. "stay PORT" and "staylocal PID" do so once more over
// the same connector for each byte that they read, and "listen PORT" has a listener too, so that
// one of its calls is always in progress. Without jdk.attach at compile time (JDK 8 has no such
// module), hence the reflection.

import java.lang.management.ManagementFactory;
import java.rmi.registry.LocateRegistry;
import javax.management.MBeanServerConnection;
import javax.management.MBeanServerDelegate;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXConnectorServer;
import javax.management.remote.JMXConnectorServerFactory;
import javax.management.remote.JMXServiceURL;

public final class Jmx {
    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "served":
                System.out.println("ready");
                for (;;) { // so that a test knows when the restored JVM runs
                    Thread.sleep(20);
                    System.out.println("it beats");
                }
            case "remote":
                look(remoteAddress(args[1]), false, false);
                break;
            case "stay":
            case "listen":
                look(remoteAddress(args[1]), true, args[0].equals("listen"));
                break;
            case "staylocal":
                look(localAddress(args[1]), true, false);
                break;
            case "programmed":
                programmed(Integer.parseInt(args[1]));
                break;
            default:
                look(localAddress(args[1]), false, false);
        }
    }

    private static String remoteAddress(String port) {
        return "service:jmx:rmi:///jndi/rmi://127.0.0.1:" + port + "/jmxrmi";
    }

    private static String localAddress(String pid) throws Exception {
        Class<?> machine = Class.forName("com.sun.tools.attach.VirtualMachine");
        Object attached = machine.getMethod("attach", String.class).invoke(null, pid);
        try {
            return (String) machine.getMethod("startLocalManagementAgent").invoke(attached);
        } finally {
            machine.getMethod("detach").invoke(attached);
        }
    }

    /** As applications do that start their own connector server. */
    private static void programmed(int port) throws Exception {
        LocateRegistry.createRegistry(port);
        JMXConnectorServer server = JMXConnectorServerFactory.newJMXConnectorServer(
                new JMXServiceURL(remoteAddress(Integer.toString(port))), null,
                ManagementFactory.getPlatformMBeanServer());
        server.start();
        main(new String[] {"served"});
    }

    private static void look(String address, boolean again, boolean listen) throws Exception {
        try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(address))) {
            MBeanServerConnection server = connector.getMBeanServerConnection();
            ObjectName name = new ObjectName("jdk.management:type=CRaC");
            if (listen) {
                server.addNotificationListener(MBeanServerDelegate.DELEGATE_NAME,
                        (notification, handback) -> { }, null, null);
            }
            print(server, name);
            while (again && System.in.read() >= 0) {
                print(server, name);
            }
        }
    }

    private static void print(MBeanServerConnection server, ObjectName name) throws Exception {
        System.out.println("RestoreTime " + server.getAttribute(name, "RestoreTime")
                + " UptimeSinceRestore " + server.getAttribute(name, "UptimeSinceRestore"));
    }
}
