/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See processors.h. HotSpot counts processors each time that it is asked: by the affinity mask,
 * which is the process's own, and by the CPU quota of the cgroup whose path it found at its start.
 * In a container that path is the same everywhere. Where it is another group now, the quota is read
 * here, and passed to HotSpot in its flag ActiveProcessorCount, which it reads each time as well.
 * From then on the number is fixed until the next restore.
 *
 * What HotSpot and the JDK compute from the number only once does not follow: the threads of the
 * collector and of the JIT, the choice of the collector, and constants of classes.
 */
#include "hotspot/processors.h"

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/raw.h"
#include "hotspot/pool_parallelism.h"
#include "hotspot/vmstructs.h"
#include "probe/cgroup.h"
#include "runtime/generation.h"
#include "runtime/java.h"

#define CPUS_MAX 65536
#define GROUPS_SIZE 4096

static bool counts_alike; /* at the first freeze HotSpot's number was the one that is found here */
static char first_groups[GROUPS_SIZE]; /* the cgroups at the first freeze */
static int32_t pinned; /* what an earlier restore has set ActiveProcessorCount to; 0: it did not */
static int32_t before; /* the number that the JVM saw at the freeze */

/* What the number depends on, as far as that is read quickly. */
struct basis {
    int32_t affine;
    char quotas[2][64]; /* of a container, whose group is mounted as the root */
};
static struct basis basis_before;

/* Processors in the affinity mask of this process; 0: not known. */
static int32_t count_affine(void)
{
    size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
    ckpt_auto_free cpu_set_t *set = calloc(1, size);

    if (!set || sched_getaffinity(0, size, set) < 0)
        return 0;
    return CPU_COUNT_S(size, set);
}

/* The number by HotSpot's rule, with the cgroup that this process is in now. */
static int32_t count_here(void)
{
    int32_t affine = count_affine();
    uint32_t quota = ckpt_probe_cgroup_processors();

    return quota < (uint32_t)affine ? (int32_t)quota : affine;
}

/* What Runtime.availableProcessors() returns; 0: an exception. */
static int32_t count_of_jvm(JNIEnv *env)
{
    jclass class;
    jmethodID get, count;
    jobject runtime;
    int32_t result = 0;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/lang/Runtime", NULL, NULL, &class},
        {CKPT_JAVA_STATIC_METHOD, "getRuntime", "()Ljava/lang/Runtime;", &class, &get},
        {CKPT_JAVA_METHOD, "availableProcessors", "()I", &class, &count},
    };

    if ((*env)->PushLocalFrame(env, 8) < 0)
        return 0;
    if (ckpt_java_look_up(env, rows, CKPT_COUNT(rows))) {
        runtime = (*env)->CallStaticObjectMethod(env, class, get);
        if (!(*env)->ExceptionCheck(env) && runtime)
            result = (*env)->CallIntMethod(env, runtime, count);
    }
    if (ckpt_java_clear(env))
        result = 0;
    (*env)->PopLocalFrame(env, NULL);
    return result;
}

/* The names of this process's cgroups; "" if they cannot be read. */
static void read_groups(char groups[GROUPS_SIZE])
{
    if (ckpt_raw_read_file("/proc/self/cgroup", groups, GROUPS_SIZE) < 0)
        groups[0] = '\0';
}

static void read_basis(struct basis *to)
{
    static const char *const paths[] = {"/sys/fs/cgroup/cpu.max",
                                        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"};

    *to = (struct basis){.affine = count_affine()};
    for (size_t i = 0; i < CKPT_COUNT(paths); i++)
        if (ckpt_raw_read_file(paths[i], to->quotas[i], sizeof to->quotas[i]) < 0)
            to->quotas[i][0] = '\0';
}

void ckpt_processors_prepare(JNIEnv *env)
{
    before = count_of_jvm(env);
    read_basis(&basis_before);
    if (!ckpt_is_restored()) {
        counts_alike = before && before == count_here();
        read_groups(first_groups);
    }
    ckpt_pools_prepare(env, before);
}

/*
 * Whether HotSpot's own count is right. The quotas are read only if the names of the groups differ,
 * because finding the groups' folders takes a third of a millisecond.
 */
static bool is_right(JNIEnv *env, int32_t *ret_here)
{
    char groups[GROUPS_SIZE];

    read_groups(groups);
    if (strcmp(groups, first_groups) == 0)
        return true;
    *ret_here = count_here();
    return !*ret_here || count_of_jvm(env) == *ret_here;
}

/* Correct HotSpot's count by the flag, unless the user has set that. */
static void correct_count(JNIEnv *env)
{
    int32_t *flag = ckpt_vm_flag("ActiveProcessorCount");
    int32_t here;

    if (!flag || !ckpt_vm_flag_is_set("UseContainerSupport"))
        return;
    if (pinned && *flag == pinned)
        *flag = -1; /* its default, with which HotSpot counts */
    pinned = 0;
    if (counts_alike && *flag <= 0 && !is_right(env, &here))
        *flag = pinned = here;
}

/*
 * HotSpot keeps a number for 20 ms, and may have got it just before the freeze. So it is not asked
 * whether there are as many processors as then.
 */
static bool has_changed(void)
{
    struct basis now;

    read_basis(&now);
    return now.affine != basis_before.affine ||
           strcmp(now.quotas[0], basis_before.quotas[0]) != 0 ||
           strcmp(now.quotas[1], basis_before.quotas[1]) != 0;
}

void ckpt_processors_apply(JNIEnv *env)
{
    int32_t after;

    correct_count(env);
    after = count_of_jvm(env);
    if (after == before && counts_alike && has_changed())
        after = count_here();
    if (before && after && after != before)
        ckpt_pools_resize(env, after);
}
