// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The values of the platform's management beans about the process: on /times in words "KEY=VALUE",
// read by the beans' own methods and, as a client would, through the MBean server. Prints "ready
// PORT". With the argument "late" it does not use the beans before the first request.
//
//     Times early|late

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.RuntimeMXBean;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import javax.management.MBeanServer;
import javax.management.ObjectName;

public final class Times {
    private Times() {
    }

    public static void main(String[] args) throws Exception {
        HttpServer server = HttpServer.create(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/times", Times::answer);
        server.start();
        if (args[0].equals("early")) {
            System.out.println(times());
        }
        System.out.println("ready " + server.getAddress().getPort());
    }

    private static void answer(HttpExchange exchange) throws IOException {
        byte[] bytes;
        try {
            bytes = times().getBytes("UTF-8");
        } catch (Throwable failed) {
            failed.printStackTrace();
            bytes = failed.toString().getBytes("UTF-8");
        }
        exchange.getResponseHeaders().set("Connection", "close");
        exchange.sendResponseHeaders(200, bytes.length);
        try (OutputStream body = exchange.getResponseBody()) {
            body.write(bytes);
        }
        exchange.close();
    }

    private static String times() throws Exception {
        RuntimeMXBean runtime = ManagementFactory.getRuntimeMXBean();
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        ObjectName runtimeName = runtime.getObjectName();
        StringBuilder said = new StringBuilder();
        said.append("start=").append(runtime.getStartTime());
        said.append(" uptime=").append(runtime.getUptime());
        said.append(" now=").append(System.currentTimeMillis());
        said.append(" name=").append(runtime.getName());
        said.append(" jmxstart=").append(server.getAttribute(runtimeName, "StartTime"));
        said.append(" jmxuptime=").append(server.getAttribute(runtimeName, "Uptime"));
        ObjectName crac = new ObjectName("jdk.management:type=CRaC");
        if (server.isRegistered(crac)) {
            said.append(" restored=").append(server.getAttribute(crac, "RestoreTime"));
            said.append(" since=").append(server.getAttribute(crac, "UptimeSinceRestore"));
            said.append(" implemented=").append(server.getAttribute(crac, "Implemented"));
        }
        return said.toString();
    }
}
