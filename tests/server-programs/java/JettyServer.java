// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Jetty with one handler, for tests/embedded.

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;

/** Answers "hello" at 127.0.0.1:(-Dport). */
public class JettyServer {
    public static void main(String[] arguments) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);

        connector.setHost("127.0.0.1");
        connector.setPort(Integer.getInteger("port"));
        server.addConnector(connector);
        server.setHandler(
                new Handler.Abstract() {
                    @Override
                    public boolean handle(Request request, Response response, Callback callback) {
                        byte[] hello = "hello".getBytes(StandardCharsets.UTF_8);

                        response.write(true, ByteBuffer.wrap(hello), callback);
                        return true;
                    }
                });
        server.start();
        System.out.println("ready");
        server.join();
    }
}
