/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rows of renew.c: cached results of name resolution, which are only valid on the old machine.
 * Addresses that were found, names that were not found, and this host's own address are dropped,
 * and are looked up again when they are needed.
 *
 * This is done before the freeze, and so also in a process that continues after it: the first call
 * of Java code takes a millisecond in a restored process, because each of its pages has to be
 * fetched. The restored process only checks whether a name was looked up in between.
 *
 * Lookups that are in progress find their entry gone; they return their result to the threads that
 * wait for it, and do not cache it.
 */
#include "hotspot/renew/renew_row.h"

#include "base/cleanup.h"
#include "runtime/java.h"

enum { CACHE, EXPIRY, LOCAL_HOST, NEGATIVE };

static jmethodID map_clear, set_clear;
/* the counts of entries in a ConcurrentHashMap; NULL: fields not found */
static jfieldID base_count, more_counts;
static jfieldID old_map; /* InetAddress$Cache.cache; NULL: this JDK has no such class */

static jfieldID find_static(JNIEnv *env, jclass owner, const char *name, const char *signature)
{
    jfieldID id = (*env)->GetStaticFieldID(env, owner, name, signature);

    if (!id)
        (*env)->ExceptionClear(env);
    return id;
}

/* Older updates of JDK 8 have two caches, each with its own map; later ones have that of JDK 9. */
static bool prepare_old(JNIEnv *env, struct ckpt_renew_row *row)
{
    const char *signature = "Ljava/net/InetAddress$Cache;";
    jobject cache;

    row->ids[CACHE] = find_static(env, row->owner, "addressCache", signature);
    row->ids[NEGATIVE] = find_static(env, row->owner, "negativeCache", signature);
    if (!row->ids[CACHE] || !row->ids[NEGATIVE])
        return false;
    cache = (*env)->GetStaticObjectField(env, row->owner, row->ids[CACHE]);
    old_map = cache ? (*env)->GetFieldID(env, (*env)->GetObjectClass(env, cache), "cache",
                                         "Ljava/util/LinkedHashMap;")
                    : NULL;
    return old_map != NULL;
}

/* The monitor of the first old cache guards both. The JDK does not hold it while it waits. */
static bool clear_old(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jobject guard = (*env)->GetStaticObjectField(env, row->owner, row->ids[CACHE]);
    jobject negative = (*env)->GetStaticObjectField(env, row->owner, row->ids[NEGATIVE]);
    jobject caches[] = {guard, negative};

    if (!guard || !negative || (*env)->MonitorEnter(env, guard) < 0)
        return false;
    for (int i = 0; i < 2; i++) {
        jobject map = (*env)->GetObjectField(env, caches[i], old_map);

        if (map && !(*env)->ExceptionCheck(env))
            (*env)->CallVoidMethod(env, map, map_clear);
        if ((*env)->ExceptionCheck(env))
            break;
    }
    return (*env)->MonitorExit(env, guard) == 0;
}

/*
 * Whether the map's counts prove that it is empty, without a call of the map. They cannot prove it
 * once threads have used the map concurrently.
 */
static bool is_provably_empty(JNIEnv *env, jobject map)
{
    return more_counts && !(*env)->GetLongField(env, map, base_count) &&
           !(*env)->GetObjectField(env, map, more_counts);
}

static bool clear_new(JNIEnv *env, const struct ckpt_renew_row *row)
{
    jobject cache = (*env)->GetStaticObjectField(env, row->owner, row->ids[CACHE]);
    jobject expiry = (*env)->GetStaticObjectField(env, row->owner, row->ids[EXPIRY]);

    if (!cache || !expiry)
        return false;
    if (is_provably_empty(env, cache))
        return true;
    (*env)->CallVoidMethod(env, cache, map_clear);
    if (!(*env)->ExceptionCheck(env))
        (*env)->CallVoidMethod(env, expiry, set_clear);
    return true;
}

static bool renew_addresses(JNIEnv *env, const struct ckpt_renew_row *row)
{
    (*env)->SetStaticObjectField(env, row->owner, row->ids[LOCAL_HOST], NULL);
    return row->ids[EXPIRY] ? clear_new(env, row) : clear_old(env, row);
}

static void find_counts(JNIEnv *env)
{
    jclass map = (*env)->FindClass(env, "java/util/concurrent/ConcurrentHashMap");

    base_count = map ? (*env)->GetFieldID(env, map, "baseCount", "J") : NULL;
    more_counts = base_count
                      ? (*env)->GetFieldID(env, map, "counterCells",
                                           "[Ljava/util/concurrent/ConcurrentHashMap$CounterCell;")
                      : NULL;
    if (!more_counts)
        (*env)->ExceptionClear(env);
}

static bool find_addresses(JNIEnv *env, struct ckpt_renew_row *row)
{
    jclass map, set;
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "java/util/Map", NULL, NULL, &map},
        {CKPT_JAVA_METHOD, "clear", "()V", &map, &map_clear},
        {CKPT_JAVA_CLASS, "java/util/Set", NULL, NULL, &set},
        {CKPT_JAVA_METHOD, "clear", "()V", &set, &set_clear},
    };

    if (!ckpt_java_look_up(env, rows, CKPT_COUNT(rows)))
        return false;
    row->ids[LOCAL_HOST] =
        find_static(env, row->owner, "cachedLocalHost", "Ljava/net/InetAddress$CachedLocalHost;");
    if (!row->ids[LOCAL_HOST])
        row->ids[LOCAL_HOST] =
            find_static(env, row->owner, "cachedLocalHost", "Ljava/net/InetAddress;");
    row->ids[CACHE] = find_static(env, row->owner, "cache", "Ljava/util/concurrent/ConcurrentMap;");
    row->ids[EXPIRY] = find_static(env, row->owner, "expirySet", "Ljava/util/NavigableSet;");
    return row->ids[LOCAL_HOST] && ((row->ids[CACHE] && row->ids[EXPIRY]) || prepare_old(env, row));
}

static bool prepare_addresses(JNIEnv *env, struct ckpt_renew_row *row)
{
    if (!find_addresses(env, row))
        return false;
    find_counts(env);
    return renew_addresses(env, row);
}

struct ckpt_renew_row ckpt_renew_network_rows[] = {
    {.name = "the cache of host names",
     .class = "java.net.InetAddress",
     .prepare = prepare_addresses,
     .renew = renew_addresses},
};
const size_t ckpt_renew_network_count = CKPT_COUNT(ckpt_renew_network_rows);
