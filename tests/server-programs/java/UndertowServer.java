// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Undertow with one handler, for tests/embedded.

import io.undertow.Undertow;

/** Answers "hello" at 127.0.0.1:(-Dport). */
public class UndertowServer {
    public static void main(String[] arguments) {
        Undertow.builder()
                .addHttpListener(Integer.getInteger("port"), "127.0.0.1")
                .setHandler(exchange -> exchange.getResponseSender().send("hello"))
                .build()
                .start();
        System.out.println("ready");
    }
}
