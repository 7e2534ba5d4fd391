// SPDX-License-Identifier: LGPL-3.0-or-later
//
// A class of an application or a library: implements org.crac's Resource, registers itself, and
// returns the class Core that it was linked to (for DropIn). Its hooks print its name.

import java.util.concurrent.Callable;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public final class UsesCrac implements Resource, Callable<Class<?>> {
    private final String name;

    public UsesCrac(String name) {
        this.name = name;
    }

    @Override
    public Class<?> call() {
        Core.getGlobalContext().register(this);
        return Core.class;
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        System.out.println("before " + name);
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        System.out.println("after " + name);
    }
}
