// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Memory with a guard page in it (MADV_GUARD_INSTALL, Linux 6.13), which newer C libraries put
// below thread stacks: reading it ends the process. Needs JDK 22 for the foreign function
// interface. Prints "ready", then repeatedly what it finds: "before=1 guard=true after=3".

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

public final class Guard {
    private static final long PAGE = 4096;
    private static final int GUARD_INSTALL = 102;
    private static final int POPULATE_READ = 22;

    public static void main(String[] arguments) throws Throwable {
        Linker linker = Linker.nativeLinker();
        MethodHandle madvise = linker.downcallHandle(
                linker.defaultLookup().find("madvise").orElseThrow(),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        // Large enough for its own mapping.
        MemorySegment memory = Arena.global().allocate(64 * PAGE, PAGE);
        memory.fill((byte) 1);
        MemorySegment guard = memory.asSlice(PAGE, PAGE);
        memory.set(ValueLayout.JAVA_BYTE, 2 * PAGE, (byte) 3);
        if ((int) madvise.invokeExact(guard, PAGE, GUARD_INSTALL) != 0) {
            System.out.println("no guard pages here");
            return;
        }
        System.out.println("ready");
        for (;;) {
            boolean guarded = (int) madvise.invokeExact(guard, PAGE, POPULATE_READ) != 0;
            System.out.println("before=" + memory.get(ValueLayout.JAVA_BYTE, 0)
                    + " guard=" + guarded
                    + " after=" + memory.get(ValueLayout.JAVA_BYTE, 2 * PAGE));
            Thread.sleep(20);
        }
    }
}
