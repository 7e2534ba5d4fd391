// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Lettuce: a client of the Redis server at the port in the first argument, for tests/libraries.
// Prints 1, 2 and so on, each after work whose result was right, and "wrong: REASON" otherwise.

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.sync.RedisCommands;

public class LettuceClient {
    public static void main(String[] arguments) throws Exception {
        RedisURI uri = RedisURI.create("127.0.0.1", Integer.parseInt(arguments[0]));
        RedisCommands<String, String> redis = RedisClient.create(uri).connect().sync();
        for (int n = 1; ; n++) {
            try {
                redis.set("key", "value " + n);
                String value = redis.get("key");
                if (!value.equals("value " + n)) System.out.println("wrong: " + value);
                System.out.println(n);
            } catch (RedisException lost) { // it was in progress on a connection that is closed
                System.out.println("lost: " + lost);
            }
            Thread.sleep(20);
        }
    }
}
