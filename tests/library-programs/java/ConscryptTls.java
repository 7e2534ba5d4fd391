// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Conscrypt: TLS between two engines, and ciphers, by BoringSSL, for tests/libraries. Prints 1, 2
// and so on, each after work whose result was right, and "wrong: REASON" otherwise.

import java.io.File;
import java.nio.ByteBuffer;
import java.security.KeyStore;
import java.security.Provider;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.conscrypt.Conscrypt;

public class ConscryptTls {
    private static final X509TrustManager ALL = new X509TrustManager() {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    };

    public static void main(String[] arguments) throws Exception {
        Provider provider = Conscrypt.newProvider();
        KeyStore keys = KeyStore.getInstance(new File(arguments[0]), "secret".toCharArray());
        KeyManagerFactory manager =
                KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        manager.init(keys, "secret".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS", provider);
        context.init(manager.getKeyManagers(), new TrustManager[] {ALL}, null);
        SSLEngine lastingServer = server(context), lastingClient = client(context);
        handshake(lastingServer, lastingClient);
        for (int n = 1; ; n++) {
            say(lastingClient, lastingServer, "lasting " + n);
            SSLEngine server = server(context), client = client(context);
            handshake(server, client);
            say(client, server, "new " + n);
            cipher(provider, n);
            System.out.println(n);
            Thread.sleep(20);
        }
    }

    private static SSLEngine server(SSLContext context) throws Exception {
        SSLEngine engine = context.createSSLEngine();
        engine.setUseClientMode(false);
        engine.beginHandshake();
        return engine;
    }

    private static SSLEngine client(SSLContext context) throws Exception {
        SSLEngine engine = context.createSSLEngine("localhost", 443);
        engine.setUseClientMode(true);
        engine.beginHandshake();
        return engine;
    }

    private static void handshake(SSLEngine one, SSLEngine other) throws Exception {
        for (int i = 0; i < 50 && !(done(one) && done(other)); i++) {
            move(other, one);
            move(one, other);
        }
        if (!done(one) || !done(other)) System.out.println("wrong: handshake");
    }

    private static boolean done(SSLEngine engine) {
        HandshakeStatus status = engine.getHandshakeStatus();
        return status == HandshakeStatus.NOT_HANDSHAKING || status == HandshakeStatus.FINISHED;
    }

    private static void move(SSLEngine from, SSLEngine to) throws Exception {
        ByteBuffer wire = ByteBuffer.allocate(100_000), plain = ByteBuffer.allocate(100_000);
        while (from.wrap(ByteBuffer.allocate(0), wire).bytesProduced() > 0) continue;
        wire.flip();
        while (wire.hasRemaining() && to.unwrap(wire, plain).bytesConsumed() > 0) continue;
    }

    private static void say(SSLEngine from, SSLEngine to, String text) throws Exception {
        ByteBuffer wire = ByteBuffer.allocate(100_000), plain = ByteBuffer.allocate(100_000);
        from.wrap(ByteBuffer.wrap(text.getBytes("UTF-8")), wire);
        wire.flip();
        while (wire.hasRemaining() && to.unwrap(wire, plain).bytesConsumed() > 0) continue;
        plain.flip();
        byte[] got = new byte[plain.remaining()];
        plain.get(got);
        String heard = new String(got, "UTF-8");
        if (!heard.equals(text)) System.out.println("wrong: " + heard);
    }

    private static void cipher(Provider provider, int n) throws Exception {
        byte[] text = ("text " + n).getBytes("UTF-8");
        SecretKeySpec key = new SecretKeySpec(new byte[16], "AES");
        byte[] number = ByteBuffer.allocate(12).putInt(n).array();
        GCMParameterSpec nonce = new GCMParameterSpec(128, number);
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding", provider);
        cipher.init(Cipher.ENCRYPT_MODE, key, nonce);
        byte[] secret = cipher.doFinal(text);
        cipher.init(Cipher.DECRYPT_MODE, key, nonce);
        if (!Arrays.equals(text, cipher.doFinal(secret))) System.out.println("wrong: cipher");
    }
}
