// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A Helidon web server, with Helidon's CRaC integration on the class path: it suspends and resumes
// the server, and reports how long ago that was.

package example;

import io.helidon.common.resumable.Resumable;
import io.helidon.common.resumable.ResumableSupport;
import io.helidon.webserver.WebServer;

public final class Main implements Resumable {
    private static final Main RESUMABLE = new Main();

    public static void main(String[] args) {
        ResumableSupport.get().register(RESUMABLE);
        WebServer.builder()
                .host("127.0.0.1")
                .port(Integer.getInteger("port"))
                .routing(routing -> routing.get("/", (request, response) -> response.send("hello")))
                .build()
                .start();
        System.out.println("ready");
        ResumableSupport.get().checkpointResumeOnStartup();
    }

    @Override
    public void suspend() {
        System.out.println("suspended, resumed before: " + (since() >= 0));
    }

    @Override
    public void resume() {
        System.out.println("resumed, resumed before: " + (since() >= 0));
    }

    private static long since() {
        return ResumableSupport.get().uptimeSinceResume();
    }
}
