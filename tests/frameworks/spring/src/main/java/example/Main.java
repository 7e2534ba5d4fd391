// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A Spring context, without Boot, with one lifecycle bean: the JDK's HTTP server. The bean knows
// nothing of checkpoints. Spring's lifecycle processor, once it has found org.crac and an
// implementation, stops it before a checkpoint and starts it after the restore.

package example;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

public final class Main implements SmartLifecycle {
    private HttpServer server;

    public static void main(String[] args) throws InterruptedException {
        new AnnotationConfigApplicationContext(Main.class);
        System.out.println("ready");
        Thread.currentThread().join(); // the server's thread is gone while it is stopped
    }

    @Override
    public void start() {
        try {
            InetAddress loopback = InetAddress.getLoopbackAddress();
            int port = Integer.getInteger("port");
            server = HttpServer.create(new InetSocketAddress(loopback, port), 0);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders().set("Connection", "close");
            exchange.sendResponseHeaders(200, 5);
            exchange.getResponseBody().write("hello".getBytes());
            exchange.close();
        });
        server.start();
        System.out.println("bean started");
    }

    @Override
    public void stop() {
        server.stop(0);
        server = null;
        System.out.println("bean stopped");
    }

    @Override
    public boolean isRunning() {
        return server != null;
    }
}
