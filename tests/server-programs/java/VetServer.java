// SPDX-License-Identifier: LGPL-3.0-or-later
//
// What Spring Petclinic is made of (Spring Boot, Tomcat, JPA with Hibernate, a HikariCP pool, H2 in
// the process), for tests/servers: Petclinic itself is not on Maven Central.

package vets;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EntityManager;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.Id;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.domain.EntityScan;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

/** POST /owners/NAME adds an owner; GET /owners/NAME counts those of that name. */
@Configuration
@EnableAutoConfiguration
@EntityScan(basePackageClasses = VetServer.class)
@RestController
public class VetServer {
    @Entity(name = "Owner")
    public static class Owner {
        @Id
        @GeneratedValue
        public Long id;

        @Column(unique = true)
        public String name;
    }

    final EntityManager entities;

    VetServer(EntityManager entities) {
        this.entities = entities;
    }

    @PostMapping("/owners/{name}")
    @Transactional
    public String add(@PathVariable("name") String name) {
        Owner owner = new Owner();
        owner.name = name;
        entities.persist(owner);
        return name;
    }

    @GetMapping("/owners/{name}")
    @Transactional(readOnly = true)
    public String count(@PathVariable("name") String name) {
        String query = "select count(o) from Owner o where o.name = :name";
        return "" + entities.createQuery(query, Long.class).setParameter("name", name)
                .getSingleResult();
    }

    public static void main(String[] arguments) {
        SpringApplication.run(VetServer.class, arguments);
    }
}
