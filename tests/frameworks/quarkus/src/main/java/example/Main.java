// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A route of a Quarkus web server. The test is of Quarkus' own resource: its HTTP server, which it
// registers with org.crac by itself.

package example;

import io.quarkus.runtime.StartupEvent;
import io.vertx.ext.web.Router;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;

@ApplicationScoped
public class Main {
    void routes(@Observes Router router) {
        router.get("/").handler(context -> context.end("hello"));
    }

    void started(@Observes StartupEvent event) {
        System.out.println("ready");
    }
}
