// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Netty's TLS over a connection of the process to itself, by the transport that the first argument
// names (nio, epoll, io_uring), and by OpenSSL (tcnative) if the second is "openssl", for
// tests/libraries. Prints 1, 2 and so on, each after work whose result was right, and "wrong:
// REASON" otherwise.

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.File;
import java.net.InetSocketAddress;
import java.security.KeyStore;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;

public class NettyEcho {
    private static final LinkedBlockingQueue<Integer> ECHOES = new LinkedBlockingQueue<>();

    private static IoHandlerFactory transport(String name) {
        return name.equals("epoll") ? EpollIoHandler.newFactory()
                : name.equals("io_uring") ? IoUringIoHandler.newFactory()
                : NioIoHandler.newFactory();
    }

    private static Class<? extends ServerChannel> server(String name) {
        return name.equals("epoll") ? EpollServerSocketChannel.class
                : name.equals("io_uring") ? IoUringServerSocketChannel.class
                : NioServerSocketChannel.class;
    }

    private static Class<? extends Channel> client(String name) {
        return name.equals("epoll") ? EpollSocketChannel.class
                : name.equals("io_uring") ? IoUringSocketChannel.class : NioSocketChannel.class;
    }

    public static void main(String[] arguments) throws Exception {
        String name = arguments[0];
        EventLoopGroup group = new MultiThreadIoEventLoopGroup(2, transport(name));
        SslProvider provider =
                arguments[1].equals("openssl") ? SslProvider.OPENSSL : SslProvider.JDK;
        KeyStore keys = KeyStore.getInstance(new File(arguments[2]), "secret".toCharArray());
        KeyManagerFactory manager =
                KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        manager.init(keys, "secret".toCharArray());
        SslContext ours = SslContextBuilder.forServer(manager).sslProvider(provider).build();
        SslContext theirs = SslContextBuilder.forClient().sslProvider(provider)
                .trustManager(InsecureTrustManagerFactory.INSTANCE).build();
        Channel listener = new ServerBootstrap().group(group).channel(server(name))
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(ours.newHandler(channel.alloc()), new Echo());
                    }
                }).bind(new InetSocketAddress("127.0.0.1", 0)).sync().channel();
        Bootstrap clients = new Bootstrap().group(group).channel(client(name))
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline()
                                .addLast(theirs.newHandler(channel.alloc()), new Receiver());
                    }
                });
        Channel lasting = clients.connect(listener.localAddress()).sync().channel();
        for (int n = 1; ; n++) {
            ask(lasting, n);
            Channel another = clients.connect(listener.localAddress()).sync().channel();
            ask(another, -n);
            another.close().sync();
            System.out.println(n);
            Thread.sleep(20);
        }
    }

    private static void ask(Channel channel, int number) throws Exception {
        channel.writeAndFlush(Unpooled.buffer(4).writeInt(number)).sync();
        Integer echo = ECHOES.poll(60, TimeUnit.SECONDS);
        if (echo == null || echo != number) System.out.println("wrong: " + echo + " for " + number);
    }

    private static class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            context.writeAndFlush(message);
        }
    }

    private static class Receiver extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            ECHOES.add(bytes.readInt());
            bytes.release();
        }
    }
}
