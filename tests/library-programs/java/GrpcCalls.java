// SPDX-License-Identifier: LGPL-3.0-or-later
//
// gRPC on Netty: calls over a channel that lasts, to a server in the same process, for
// tests/libraries. Prints 1, 2 and so on, each after work whose result was right, and "wrong:
// REASON" otherwise.

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

public class GrpcCalls {
    private static final class Text implements MethodDescriptor.Marshaller<String> {
        @Override
        public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        MethodDescriptor<String, String> greet =
                MethodDescriptor.newBuilder(new Text(), new Text())
                        .setType(MethodDescriptor.MethodType.UNARY)
                        .setFullMethodName("test.Greeter/Greet").build();
        ServerServiceDefinition service = ServerServiceDefinition.builder("test.Greeter")
                .addMethod(greet, ServerCalls.asyncUnaryCall((name, observer) -> {
                    observer.onNext("hello " + name);
                    observer.onCompleted();
                })).build();
        Server server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                .addService(service).build().start();
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.getPort())
                .usePlaintext().build();
        for (int n = 1; ; n++) {
            CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(60, TimeUnit.SECONDS);
            String said = ClientCalls.blockingUnaryCall(channel, greet, options, "you " + n);
            if (!said.equals("hello you " + n)) System.out.println("wrong: " + said);
            System.out.println(n);
            Thread.sleep(20);
        }
    }
}
