// SPDX-License-Identifier: LGPL-3.0-or-later

/**
 * The coordination API that {@code org.crac} looks for: resources are notified before the JVM
 * is frozen into an image and after it was restored from one.
 *
 * <h2>Guarantees of the global context</h2>
 * <ul>
 * <li>It holds its resources weakly: registering one does not keep it alive. From the moment it
 *   starts to notify until the end of the same checkpoint's {@code afterRestore}, it holds those
 *   it notifies strongly, so a resource that got the first notification also gets the second.</li>
 * <li>Resources are distinguished by identity; their {@code equals}, {@code hashCode} and
 *   {@code toString} are never called. Registering one again moves it to the end: it is still
 *   notified once.</li>
 * <li>{@code beforeCheckpoint} goes from the last registered resource to the first,
 *   {@code afterRestore} from the first to the last.</li>
 * <li>Each resource is notified even if others threw. What they threw are the
 *   {@linkplain java.lang.Throwable#getSuppressed() suppressed} exceptions of one
 *   {@link jdk.crac.CheckpointException} or {@link jdk.crac.RestoreException}. If a resource
 *   itself throws one of these two, as a nested context does, its suppressed exceptions are added
 *   one by one in its place.</li>
 * <li>A resource registered while a checkpoint notifies resources takes part from the next
 *   checkpoint on, and is not notified of this one. Registering never waits for a checkpoint,
 *   so neither a hook nor a thread that a hook waits for can deadlock by it.</li>
 * </ul>
 *
 * <h2>A checkpoint</h2>
 * If every {@code beforeCheckpoint} returned normally and the process can be frozen, it is. The
 * rest happens in the restored process: {@code afterRestore} of every resource, then the
 * requester's call returns. Before the process is examined there is a garbage collection
 * (unless the agent's option {@code gc} is false), and the cleaners and finalizers of unreachable
 * objects complete. Otherwise the checkpoint is cancelled, {@code afterRestore} runs on every
 * resource in the process, which continues, and the requester gets a {@code CheckpointException}
 * with all the reasons, those of {@code afterRestore} among them.
 */
package jdk.crac;
