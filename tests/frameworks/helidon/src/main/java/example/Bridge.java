// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Helidon's core has resumable parts (its web server among them) and a service that notifies them;
// a separate module, helidon-integrations-crac, offers that service on top of org.crac. Maven
// Central does not have that module, so this is a replacement with the same calls of org.crac.

package example;

import io.helidon.common.resumable.Resumable;
import io.helidon.common.resumable.ResumableSupport;
import java.util.ArrayList;
import java.util.List;
import org.crac.CheckpointException;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;
import org.crac.RestoreException;
import org.crac.management.CRaCMXBean;

public final class Bridge implements ResumableSupport {
    private final List<Resource> kept = new ArrayList<>();

    @Override
    public void register(Resumable resumable) {
        Resource resource = new Adapter(resumable);
        kept.add(resource);
        Core.getGlobalContext().register(resource);
    }

    @Override
    public void checkpointResume() {
        try {
            Core.checkpointRestore();
        } catch (CheckpointException | RestoreException failed) {
            throw new IllegalStateException(failed);
        }
    }

    @Override
    public long uptimeSinceResume() {
        return CRaCMXBean.getCRaCMXBean().getUptimeSinceRestore();
    }

    @Override
    public long resumeTime() {
        return CRaCMXBean.getCRaCMXBean().getRestoreTime();
    }

    private record Adapter(Resumable resumable) implements Resource {
        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) {
            resumable.suspend();
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            resumable.resume();
        }
    }
}
