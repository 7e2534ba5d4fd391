// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A client of Hazelcast, for tests/servers.

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.core.HazelcastInstance;

/** ADDRESS put|has KEY: adds an entry with the key to a map, or exits with 1 if there is none. */
public class MapClient {
    public static void main(String[] arguments) {
        ClientConfig config = new ClientConfig();
        String key = arguments[2];
        boolean good;

        config.setProperty("hazelcast.logging.type", "none");
        config.getNetworkConfig().addAddress(arguments[0]);
        HazelcastInstance client = HazelcastClient.newHazelcastClient(config);
        try {
            good = arguments[1].equals("put") ? client.getMap("work").put(key, key) == null
                    : key.equals(client.getMap("work").get(key));
        } finally {
            client.shutdown();
        }
        System.exit(good ? 0 : 1);
    }
}
