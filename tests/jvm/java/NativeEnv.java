// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Changes the environment by native code, as native libraries do: sets NATIVE and CHANGED, removes
// REMOVED, after Java has made its copy. Asks for a checkpoint, and then prints what Java and the C
// library see: "java KEY=VALUE", "c KEY=VALUE". Needs JDK 22 for the foreign function interface, so
// it is run as a source file and not compiled with the others.

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.crac.Core;

public final class NativeEnv {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final AddressLayout TEXT = ValueLayout.ADDRESS;

    private NativeEnv() {
    }

    private static MethodHandle function(String name, FunctionDescriptor type) {
        return LINKER.downcallHandle(LINKER.defaultLookup().find(name).get(), type);
    }

    public static void main(String[] args) throws Throwable {
        MethodHandle set = function("setenv",
                FunctionDescriptor.of(ValueLayout.JAVA_INT, TEXT, TEXT, ValueLayout.JAVA_INT));
        MethodHandle unset = function("unsetenv",
                FunctionDescriptor.of(ValueLayout.JAVA_INT, TEXT));
        MethodHandle get = function("getenv", FunctionDescriptor.of(TEXT, TEXT));
        Arena arena = Arena.global();

        System.getenv("PATH"); // Java's copy is made
        for (String key : new String[] {"NATIVE", "CHANGED"}) {
            int done = (int) set.invokeExact(arena.allocateFrom(key), arena.allocateFrom("2"), 1);
        }
        int done = (int) unset.invokeExact(arena.allocateFrom("REMOVED"));
        Core.checkpointRestore();
        for (String key : new String[] {"NATIVE", "CHANGED", "REMOVED"}) {
            MemorySegment text = (MemorySegment) get.invokeExact(arena.allocateFrom(key));
            System.out.println("java " + key + "=" + System.getenv(key));
            System.out.println("c " + key + "="
                    + (text.address() == 0 ? null : text.reinterpret(100).getString(0)));
        }
    }
}
