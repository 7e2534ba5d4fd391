// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A TLS server and its client in one program, which make a handshake before the checkpoint and
// after it. Prints "ready", and at the end "ticket VALUE", the key with which the server now
// encrypts session tickets, and "resumed true|false", whether it resumes a session from before the
// checkpoint.
//
//     Tickets KEYSTORE
//
// Needs --add-opens java.base/sun.security.ssl=ALL-UNNAMED.

import java.io.FileInputStream;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.security.Key;
import java.security.KeyStore;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.TrustManagerFactory;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Tickets {
    private static final CountDownLatch BACK = new CountDownLatch(1);
    private static final Resource HOOK = new Resource() {
        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            // nothing to do
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            BACK.countDown();
        }
    };
    private final SSLContext server;
    private final SSLContext client;

    private Tickets(String path) throws Exception {
        char[] password = "password".toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream stream = new FileInputStream(path)) {
            store.load(stream, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, password);
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store);
        server = SSLContext.getInstance("TLS");
        server.init(keys.getKeyManagers(), null, null);
        client = SSLContext.getInstance("TLS");
        client.init(null, trust.getTrustManagers(), null);
    }

    private static void step(SSLEngine engine, ByteBuffer out, ByteBuffer in) throws Exception {
        ByteBuffer none = ByteBuffer.allocate(0);
        ByteBuffer plain = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize());
        in.flip();
        while (in.hasRemaining()) {
            int left = in.remaining();
            engine.unwrap(in, plain);
            for (Runnable task = engine.getDelegatedTask(); task != null;
                 task = engine.getDelegatedTask()) {
                task.run();
            }
            if (in.remaining() == left
                && engine.getHandshakeStatus() != HandshakeStatus.NEED_UNWRAP) {
                break;
            }
        }
        in.compact();
        do {
            engine.wrap(none, out);
        } while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP);
    }

    /** TLS 1.3; the server's ticket is in its last message. */
    private long shakeHands() throws Exception {
        SSLEngine one = client.createSSLEngine("server", 443);
        SSLEngine other = server.createSSLEngine();
        one.setUseClientMode(true);
        other.setUseClientMode(false);
        ByteBuffer there = ByteBuffer.allocate(100000);
        ByteBuffer back = ByteBuffer.allocate(100000);
        one.beginHandshake();
        other.beginHandshake();
        for (int i = 0; i < 20; i++) {
            step(one, there, back);
            step(other, back, there);
        }
        return one.getSession().getCreationTime();
    }

    private static Object get(Object object, String name) throws Exception {
        Field field = object.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(object);
    }

    private String key() throws Exception {
        Object sessions = server.getServerSessionContext();
        Object key = ((Map<?, ?>) get(sessions, "keyHashMap")).get(get(sessions, "currentKeyID"));
        return Arrays.toString(((Key) get(key, "key")).getEncoded()).replace(" ", "");
    }

    public static void main(String[] arguments) throws Exception {
        Core.getGlobalContext().register(HOOK);
        Tickets tickets = new Tickets(arguments[0]);
        long first = tickets.shakeHands();
        tickets.key();
        System.out.println("ready");
        BACK.await();
        long second = tickets.shakeHands();
        System.out.print("ticket " + tickets.key() + "\nresumed " + (first == second) + "\ndone\n");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
