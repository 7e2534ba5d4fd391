// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A Flink cluster in one process, whose parts are connected by TCP as in several, with a job that
// counts, for tests/servers.

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.minicluster.RpcServiceSharing;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/** REST-PORT: the REST interface of Flink is there. */
public class FlinkServer {
    public static void main(String[] arguments) throws Exception {
        Configuration configuration = new Configuration();

        configuration.set(RestOptions.PORT, Integer.parseInt(arguments[0]));
        configuration.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
        configuration.set(RestOptions.ADDRESS, "127.0.0.1");
        configuration.set(JobManagerOptions.ADDRESS, "127.0.0.1");
        MiniCluster cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
                .setConfiguration(configuration).setNumTaskManagers(1).setNumSlotsPerTaskManager(2)
                .setRpcServiceSharing(RpcServiceSharing.DEDICATED).build());
        cluster.start();

        StreamExecutionEnvironment job = StreamExecutionEnvironment.getExecutionEnvironment();
        job.enableCheckpointing(500);
        job.fromSequence(1, Long.MAX_VALUE).map(n -> {
            Thread.sleep(1);
            return n;
        }).keyBy(n -> n % 2).sinkTo(new DiscardingSink<>());
        cluster.submitJob(job.getStreamGraph().getJobGraph()).get();
    }
}
