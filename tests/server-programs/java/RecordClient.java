// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A client of Kafka, for tests/servers.

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * ADDRESS put|has KEY: sends a record and reads it as the member of a group, or exits with 1 if the
 * topic does not have it.
 */
public class RecordClient {
    static final String TOPIC = "work";
    static final long TIMEOUT_MS = 100_000;

    static void send(String address, String key) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", address, "max.block.ms", (int) TIMEOUT_MS),
                new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>(TOPIC, key, key)).get();
        }
    }

    static boolean reads(KafkaConsumer<String, String> consumer, String key) {
        long deadline = System.currentTimeMillis() + TIMEOUT_MS;
        while (System.currentTimeMillis() < deadline)
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1)))
                if (record.value().equals(key)) return true;
        return false;
    }

    public static void main(String[] arguments) throws Exception {
        String address = arguments[0], key = arguments[2];
        boolean put = arguments[1].equals("put"), good;

        if (put) send(address, key);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", address, "group.id", "group-" + key,
                        "auto.offset.reset", "earliest"),
                new StringDeserializer(), new StringDeserializer())) {
            if (put) {
                consumer.subscribe(List.of(TOPIC));
            } else {
                List<TopicPartition> partition = List.of(new TopicPartition(TOPIC, 0));
                consumer.assign(partition);
                consumer.seekToBeginning(partition);
            }
            good = reads(consumer, key);
        }
        System.exit(good ? 0 : 1);
    }
}
