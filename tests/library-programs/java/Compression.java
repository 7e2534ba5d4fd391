// SPDX-License-Identifier: LGPL-3.0-or-later
//
// zstd-jni, snappy-java and lz4-java: native code that compresses, for tests/libraries. Prints 1, 2
// and so on, each after work whose result was right, and "wrong: REASON" otherwise.

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdDecompressCtx;
import java.util.Arrays;
import java.util.Random;
import net.jpountz.lz4.LZ4Factory;
import org.xerial.snappy.Snappy;

public class Compression {
    public static void main(String[] arguments) throws Exception {
        ZstdCompressCtx zstd = new ZstdCompressCtx();
        ZstdDecompressCtx unzstd = new ZstdDecompressCtx();
        LZ4Factory lz4 = LZ4Factory.nativeInstance();
        for (int n = 1; ; n++) {
            byte[] bytes = new byte[100_000];
            Random random = new Random(n);
            for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) random.nextInt(9);
            check("zstd", bytes, unzstd.decompress(zstd.compress(bytes), bytes.length));
            check("zstd once", bytes, Zstd.decompress(Zstd.compress(bytes), bytes.length));
            check("snappy", bytes, Snappy.uncompress(Snappy.compress(bytes)));
            byte[] small = lz4.fastCompressor().compress(bytes);
            check("lz4", bytes, lz4.fastDecompressor().decompress(small, bytes.length));
            System.out.println(n);
            Thread.sleep(20);
        }
    }

    private static void check(String what, byte[] bytes, byte[] again) {
        if (!Arrays.equals(bytes, again)) System.out.println("wrong: " + what);
    }
}
