// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Vert.x on epoll with a timer, for tests/embedded.

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;

/** Answers "hello" at 127.0.0.1:(-Dport), and only while its timer ticks. */
public class VertxServer {
    static long ticks;

    public static void main(String[] arguments) {
        Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));

        System.out.println("native transport: " + vertx.isNativeTransportEnabled());
        vertx.createHttpServer()
                .requestHandler(
                        request -> {
                            long before = ticks;
                            vertx.setTimer(
                                    200,
                                    id -> {
                                        String said = ticks > before ? "hello" : "no tick";
                                        request.response().end(said);
                                    });
                        })
                .listen(Integer.getInteger("port"), "127.0.0.1")
                .onSuccess(server -> System.out.println("ready"));
        vertx.setPeriodic(10, id -> ticks++);
    }
}
