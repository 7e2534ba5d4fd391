// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A Micronaut web server, with its CRaC module on the class path. The module registers its
// resources, that of the Netty server among them, only if it finds an implementation; it then
// reports each one by events, which are printed here.

package example;

import io.micronaut.crac.events.AfterRestoreEvent;
import io.micronaut.crac.events.BeforeCheckpointEvent;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.Micronaut;
import io.micronaut.runtime.event.annotation.EventListener;
import java.util.Map;

@Controller
public class Main {
    public static void main(String[] args) {
        Micronaut.build(args)
                .mainClass(Main.class)
                .properties(Map.of(
                        "micronaut.server.host", "127.0.0.1",
                        "micronaut.server.port", Integer.getInteger("port")))
                .start();
        System.out.println("ready");
    }

    @Get(value = "/", produces = MediaType.TEXT_PLAIN)
    public String hello() {
        return "hello";
    }

    @EventListener
    public void before(BeforeCheckpointEvent event) {
        System.out.println("before " + event.getSource().getClass().getSimpleName());
    }

    @EventListener
    public void after(AfterRestoreEvent event) {
        System.out.println("after " + event.getSource().getClass().getSimpleName());
    }
}
