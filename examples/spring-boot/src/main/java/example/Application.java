// SPDX-License-Identifier: LGPL-3.0-or-later
//
// An ordinary Spring Boot web application without code for checkpoints: Spring finds org.crac on
// the class path, stops its web server before a checkpoint and starts it again afterwards.

package example;

import java.util.concurrent.atomic.AtomicLong;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Application {
    private final AtomicLong count = new AtomicLong();

    public static void main(String[] args) {
        SpringApplication.run(Application.class, args);
    }

    @GetMapping("/hello")
    public String hello() {
        return "hello";
    }

    @GetMapping("/count")
    public long count() {
        return count.incrementAndGet();
    }

    /** Shows the environment variable GREETING as the running process sees it. */
    @GetMapping("/env")
    public String env() {
        String greeting = System.getenv("GREETING");
        return greeting == null ? "GREETING is not set" : greeting;
    }
}
