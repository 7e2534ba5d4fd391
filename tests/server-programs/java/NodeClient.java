// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A client of ZooKeeper, for tests/servers.

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/** ADDRESS put|has KEY: creates a node that a watch reports, or exits with 1 if there is none. */
public class NodeClient {
    static final int TIMEOUT = 120;

    static boolean create(ZooKeeper client, String node) throws Exception {
        CountDownLatch seen = new CountDownLatch(1);
        client.exists(node, event -> {
            if (event.getType() == EventType.NodeCreated) seen.countDown();
        });
        client.create(node, node.getBytes(), ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        return seen.await(TIMEOUT, TimeUnit.SECONDS);
    }

    public static void main(String[] arguments) throws Exception {
        String node = "/" + arguments[2];
        boolean good;

        try (ZooKeeper client = new ZooKeeper(arguments[0], TIMEOUT * 1000, event -> {})) {
            good = arguments[1].equals("put") ? create(client, node)
                    : node.equals(new String(client.getData(node, false, null)));
        }
        System.exit(good ? 0 : 1);
    }
}
