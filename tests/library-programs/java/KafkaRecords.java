// SPDX-License-Identifier: LGPL-3.0-or-later
//
// kafka-clients: records sent to the broker at the first argument, and received from it, for
// tests/libraries. Prints 1, 2 and so on, each after work whose result was right, and "wrong:
// REASON" otherwise.

import java.time.Duration;
import java.util.Collections;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class KafkaRecords {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        properties.put("group.id", "group-" + System.nanoTime());
        properties.put("auto.offset.reset", "earliest");
        // The broker fences an idempotent producer of which it has seen a later clone.
        properties.put("enable.idempotence", "false");
        String topic = "topic-" + System.nanoTime();
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
        KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
        producer.send(new ProducerRecord<>(topic, "0")).get();
        consumer.subscribe(Collections.singleton(topic));
        int last = 0; // after a connection was lost a record may come twice, but none is missing
        for (int n = 1; ; n++) {
            producer.send(new ProducerRecord<>(topic, String.valueOf(n))).get();
            long deadline = System.nanoTime() + 90_000_000_000L;
            while (last < n && System.nanoTime() < deadline) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    int number = Integer.parseInt(record.value());
                    if (number > last + 1)
                        System.out.println("wrong: " + number + " after " + last);
                    last = Math.max(last, number);
                }
            }
            if (last < n) System.out.println("wrong: " + n + " does not come");
            System.out.println(n);
            Thread.sleep(20);
        }
    }
}
