// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Hazelcast, one member, and with an argument its client, for tests/embedded.

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;

/** A member at 127.0.0.1:(-Dport); the client prints the value of the key before it adds one. */
public class HazelcastMember {
    public static void main(String[] arguments) {
        int port = Integer.getInteger("port");

        if (arguments.length > 0) {
            ClientConfig config = new ClientConfig();

            config.getNetworkConfig().addAddress("127.0.0.1:" + port);
            config.getConnectionStrategyConfig()
                    .getConnectionRetryConfig()
                    .setClusterConnectTimeoutMillis(30000);
            HazelcastInstance client = HazelcastClient.newHazelcastClient(config);
            Integer value = client.<String, Integer>getMap("m").get(arguments[0]);

            System.out.println("value " + value);
            client.getMap("m").set(arguments[0], value == null ? 1 : value + 1);
            Runtime.getRuntime().halt(0);
        }
        Config config = new Config();

        config.getNetworkConfig().setPort(port).setPortAutoIncrement(false);
        config.getNetworkConfig().getInterfaces().setEnabled(true).addInterface("127.0.0.1");
        config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
        config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
        Hazelcast.newHazelcastInstance(config);
        System.out.println("ready");
    }
}
