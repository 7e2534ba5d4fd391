// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A server at a Unix socket and a client of it in the same JVM, which has one connection for all
// its requests. Prints the number of each answer: 1, 2, 3 and so on. Other clients get "hello N".
//
//     UnixChannels nio PATH      channels of the JDK (from 16 on), with a selector
//     UnixChannels netty PATH    Netty's epoll transport

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollEventLoopGroup;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.net.ProtocolFamily;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

public final class UnixChannels {
    private static final int PERIOD_MS = 20;

    private UnixChannels() {
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("nio")) {
            nio(args[1]);
        } else {
            netty(args[1]);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** The answer to a request, which is a line. */
    private static String answer(String request) {
        return "hello " + request;
    }

    private static void expect(String answer, long count) throws Exception {
        if (!answer.equals("hello " + count + "\n")) {
            throw new IllegalStateException("wanted " + count + ", got " + answer);
        }
        System.out.println(count);
        TimeUnit.MILLISECONDS.sleep(PERIOD_MS);
    }

    // ---- NIO

    private static Object open(Class<?> type) throws Exception {
        return type.getMethod("open", ProtocolFamily.class)
                .invoke(null, StandardProtocolFamily.valueOf("UNIX"));
    }

    private static void nio(String path) throws Exception {
        SocketAddress address =
                (SocketAddress) Class.forName("java.net.UnixDomainSocketAddress")
                        .getMethod("of", String.class).invoke(null, path);
        ServerSocketChannel server = (ServerSocketChannel) open(ServerSocketChannel.class);
        server.bind(address);
        server.configureBlocking(false);
        Selector selector = Selector.open();
        server.register(selector, SelectionKey.OP_ACCEPT);
        Thread thread = new Thread(() -> serve(selector));
        thread.setDaemon(true);
        thread.start();
        SocketChannel client = (SocketChannel) open(SocketChannel.class);
        client.connect(address);
        for (long count = 1;; count++) {
            client.write(ByteBuffer.wrap(bytes(count + "\n")));
            expect(readLine(client), count);
        }
    }

    private static String readLine(SocketChannel channel) throws Exception {
        ByteBuffer buffer = ByteBuffer.allocate(100);
        while (buffer.position() == 0 || buffer.get(buffer.position() - 1) != '\n') {
            if (channel.read(buffer) < 0) {
                throw new IllegalStateException("the end");
            }
        }
        return new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8);
    }

    private static void serve(Selector selector) {
        try {
            for (;;) {
                selector.select();
                Iterator<SelectionKey> keys = selector.selectedKeys().iterator();
                while (keys.hasNext()) {
                    SelectionKey key = keys.next();
                    keys.remove();
                    serve(selector, key);
                }
            }
        } catch (Exception e) {
            e.printStackTrace();
        }
    }

    private static void serve(Selector selector, SelectionKey key) throws Exception {
        if (key.isAcceptable()) {
            SocketChannel accepted = ((ServerSocketChannel) key.channel()).accept();
            accepted.configureBlocking(false);
            accepted.register(selector, SelectionKey.OP_READ);
            return;
        }
        SocketChannel channel = (SocketChannel) key.channel();
        ByteBuffer buffer = ByteBuffer.allocate(100);
        if (channel.read(buffer) < 0) {
            channel.close();
            return;
        }
        String request = new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8);
        channel.write(ByteBuffer.wrap(bytes(answer(request))));
    }

    // ---- Netty

    private static final class Server extends SimpleChannelInboundHandler<ByteBuf> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, ByteBuf in) {
            String request = in.toString(StandardCharsets.UTF_8);
            context.writeAndFlush(Unpooled.copiedBuffer(bytes(answer(request))));
        }
    }

    private static void netty(String path) throws Exception {
        DomainSocketAddress address = new DomainSocketAddress(path);
        EpollEventLoopGroup group = new EpollEventLoopGroup(2);
        new ServerBootstrap().group(group).channel(EpollServerDomainSocketChannel.class)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new Server());
                    }
                }).bind(address).sync();
        BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        Channel client = new Bootstrap().group(group).channel(EpollDomainSocketChannel.class)
                .handler(new SimpleChannelInboundHandler<ByteBuf>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext context, ByteBuf in) {
                        answers.add(in.toString(StandardCharsets.UTF_8));
                    }
                }).connect(address).sync().channel();
        for (long count = 1;; count++) {
            client.writeAndFlush(Unpooled.copiedBuffer(bytes(count + "\n")));
            expect(answers.take(), count);
        }
    }
}
