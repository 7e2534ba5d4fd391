// SPDX-License-Identifier: LGPL-3.0-or-later
//
// The means by which native libraries notice that their process is a copy: memory that the kernel
// wipes in a copy (BoringSSL, AWS-LC), and OpenSSL's generator, which only checks the process ID.
//
//     Native LIBCRYPTO|-
//
// Prints "ready", and after the restore "wiped true|false", "pid NUMBER" and "openssl VALUE".
// From JDK 22 on.

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.concurrent.CountDownLatch;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class Native {
    private static final long PAGE = 4096;
    private static final int WIPE_ON_FORK = 18;
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
    private static final Linker LINKER = Linker.nativeLinker();

    private static MethodHandle find(SymbolLookup library, String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(library.find(name).orElseThrow(), type);
    }

    /** A page for a flag, as libraries make it. */
    private static MemorySegment flag() throws Throwable {
        MethodHandle mmap = find(LINKER.defaultLookup(), "mmap", FunctionDescriptor.of(
            ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
        MethodHandle madvise = find(LINKER.defaultLookup(), "madvise", FunctionDescriptor.of(
            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT));
        MemorySegment page = (MemorySegment) mmap.invokeExact(0L, PAGE, 3, 0x22, -1, 0L);
        if ((int) madvise.invokeExact(page, PAGE, WIPE_ON_FORK) != 0) {
            throw new IllegalStateException("madvise");
        }
        page = page.reinterpret(PAGE);
        page.set(ValueLayout.JAVA_INT, 0, 1);
        return page;
    }

    public static void main(String[] arguments) throws Throwable {
        Core.getGlobalContext().register(HOOK);
        MemorySegment flag = flag();
        MemorySegment bytes = Arena.global().allocate(16);
        MethodHandle random = null;
        if (!arguments[0].equals("-")) {
            random = find(SymbolLookup.libraryLookup(Path.of(arguments[0]), Arena.global()),
                "RAND_bytes", FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
            int ignored = (int) random.invokeExact(bytes, 16);
        }
        System.out.println("ready");
        BACK.await();
        String text = "wiped " + (flag.get(ValueLayout.JAVA_INT, 0) == 0) + "\n";
        text += "pid " + ProcessHandle.current().pid() + "\n";
        if (random != null) {
            int ignored = (int) random.invokeExact(bytes, 16);
            byte[] drawn = bytes.toArray(ValueLayout.JAVA_BYTE);
            text += "openssl " + HexFormat.of().formatHex(drawn) + "\n";
        }
        System.out.print(text + "done\n");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
