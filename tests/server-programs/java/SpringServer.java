// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Spring Boot with WebFlux on Netty, and a Hikari pool of connections to another process, for
// tests/embedded.

import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Answers "hello", read from the database. No scan for components: it has no package. */
@SpringBootConfiguration
@EnableAutoConfiguration
@RestController
public class SpringServer {
    final JdbcTemplate database;

    SpringServer(JdbcTemplate database) {
        this.database = database;
    }

    @GetMapping("/")
    Mono<String> hello() {
        return Mono.fromCallable(() -> database.queryForObject("SELECT 'hello'", String.class))
                .subscribeOn(Schedulers.boundedElastic());
    }

    public static void main(String[] arguments) {
        SpringApplication.run(SpringServer.class, arguments);
        System.out.println("ready");
    }
}
