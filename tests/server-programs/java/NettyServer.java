// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Netty on epoll, with TLS by BoringSSL (netty-tcnative), for tests/embedded.

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.FileInputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;

/** Answers "hello" over TLS at 127.0.0.1:(-Dport); its key store is the first argument. */
public class NettyServer {
    public static void main(String[] arguments) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");

        try (FileInputStream file = new FileInputStream(arguments[0])) {
            store.load(file, "secret".toCharArray());
        }
        keys.init(store, "secret".toCharArray());
        SslContext tls = SslContextBuilder.forServer(keys).sslProvider(SslProvider.OPENSSL).build();
        new ServerBootstrap()
                .group(new EpollEventLoopGroup(1), new EpollEventLoopGroup(2))
                .channel(EpollServerSocketChannel.class)
                .childHandler(new Start(tls))
                .bind(new InetSocketAddress("127.0.0.1", Integer.getInteger("port")))
                .sync();
        System.out.println("ready");
    }

    static class Start extends ChannelInitializer<SocketChannel> {
        final SslContext tls;

        Start(SslContext tls) {
            this.tls = tls;
        }

        @Override
        protected void initChannel(SocketChannel channel) {
            channel.pipeline()
                    .addLast(tls.newHandler(channel.alloc()))
                    .addLast(new HttpServerCodec(), new HttpObjectAggregator(10000), new Hello());
        }
    }

    static class Hello extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            context.writeAndFlush(
                            new DefaultFullHttpResponse(
                                    HttpVersion.HTTP_1_1,
                                    HttpResponseStatus.OK,
                                    Unpooled.copiedBuffer("hello", StandardCharsets.UTF_8)))
                    .addListener(ChannelFutureListener.CLOSE);
        }
    }
}
