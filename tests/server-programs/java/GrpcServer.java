// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A gRPC server, and with an argument its client, for tests/embedded.

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** Answers at 127.0.0.1:(-Dport); the client prints the answer. */
public class GrpcServer {
    static class Text implements MethodDescriptor.Marshaller<String> {
        @Override
        public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    static final MethodDescriptor<String, String> GREET =
            MethodDescriptor.newBuilder(new Text(), new Text())
                    .setType(MethodDescriptor.MethodType.UNARY)
                    .setFullMethodName("test.Greeter/Greet")
                    .build();

    public static void main(String[] arguments) throws Exception {
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.getInteger("port"));

        if (arguments.length > 0) {
            ManagedChannel channel = NettyChannelBuilder.forAddress(address).usePlaintext().build();

            System.out.println(
                    ClientCalls.blockingUnaryCall(
                            channel, GREET, CallOptions.DEFAULT, arguments[0]));
            System.exit(0); // It disconnects without closing the channel.
        }
        NettyServerBuilder.forAddress(address)
                .addService(
                        ServerServiceDefinition.builder("test.Greeter")
                                .addMethod(
                                        GREET,
                                        ServerCalls.asyncUnaryCall(
                                                (name, observer) -> {
                                                    observer.onNext("hello " + name);
                                                    observer.onCompleted();
                                                }))
                                .build())
                .build()
                .start();
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
