// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A program with one connection, to the process at the port of the property `relay` (tcp-relay.py),
// for the reasons that a refused checkpoint reports.
//
//     Reasons hooks    with a resource of org.crac, registered at the start
//     Reasons pool     loads the class com.zaxxer.hikari.pool.HikariPool

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Reasons {
    private static Resource resource;

    public static void main(String[] args) throws Exception {
        ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
        Socket client = new Socket(server.getInetAddress(), Integer.getInteger("relay"));
        client.getOutputStream().write((server.getLocalPort() + "\n").getBytes("US-ASCII"));
        Socket served = server.accept();
        if (args[0].equals("hooks")) {
            resource = new Resource() {
                @Override
                public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
                    client.close();
                    served.close();
                }

                @Override
                public void afterRestore(Context<? extends Resource> context) {
                }
            };
            Core.getGlobalContext().register(resource);
        } else {
            Class.forName("com.zaxxer.hikari.pool.HikariPool");
        }
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
