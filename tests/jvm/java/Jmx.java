// SPDX-License-Identifier: LGPL-3.0-or-later
//
// "served" is the JVM that clients inspect. "remote PORT" and "local PID" are clients like
// JConsole: they connect over RMI (to the PID by the attach protocol, which starts the JVM's local
// agent), read the MXBean's attributes, print them, and disconnect; "stay PORT" does so a second
// time when it reads a line. Without jdk.attach at compile time (JDK 8 has no such module), hence
// the reflection.

import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
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
                look(remoteAddress(args[1]), false);
                break;
            case "stay":
                look(remoteAddress(args[1]), true);
                break;
            default:
                look(localAddress(args[1]), false);
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

    private static void look(String address, boolean again) throws Exception {
        try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(address))) {
            MBeanServerConnection server = connector.getMBeanServerConnection();
            ObjectName name = new ObjectName("jdk.management:type=CRaC");
            print(server, name);
            if (again) {
                System.in.read();
                print(server, name);
            }
        }
    }

    private static void print(MBeanServerConnection server, ObjectName name) throws Exception {
        System.out.println("RestoreTime " + server.getAttribute(name, "RestoreTime")
                + " UptimeSinceRestore " + server.getAttribute(name, "UptimeSinceRestore"));
    }
}
