/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Rows of renew.c: what names meant on the old machine.  Addresses that were found, names that were
 * not, and this host's own address are forgotten; each is looked up again when it is asked for.
 *
 * That is done before the freeze, in the process that goes on too if there is one: a call of Java
 * code that was not used before takes a millisecond in a restored process, where every page of it
 * has to be fetched.  There it is only seen whether somebody has looked up a name in between.
 *
 * Look-ups that were on their way are not in the way: they find their entry gone and give their
 * result to whoever waits, without keeping it.
 */
#include "hotspot/renew/renew_row.h"

#include "base/cleanup.h"

enum { CACHE, EXPIRY, LOCAL_HOST, NEGATIVE };

static jmethodID map_clear, set_clear;
static jfieldID base_count, more_counts; /* of ConcurrentHashMap; NULL: unknown */
static jfieldID old_map; /* InetAddress$Cache.cache; NULL where there is no such class */

static jfieldID find_static(JNIEnv *env, jclass owner, const char *name, const char *signature)
{
    jfieldID id = (*env)->GetStaticFieldID(env, owner, name, signature);

    if (!id)
        (*env)->ExceptionClear(env);
    return id;
}

/* JDK 8 had two caches, each with a map of its own, before it took over the one of JDK 9. */
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

/* Both old caches are guarded by the monitor of the first; nobody holds it while waiting. */
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

/* Whether it is, without calling it: as long as the map was used by one thread at a time. */
static bool is_surely_empty(JNIEnv *env, jobject map)
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
    if (is_surely_empty(env, cache))
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
    jclass map = (*env)->FindClass(env, "java/util/Map");
    jclass set = map ? (*env)->FindClass(env, "java/util/Set") : NULL;

    map_clear = set ? (*env)->GetMethodID(env, map, "clear", "()V") : NULL;
    set_clear = map_clear ? (*env)->GetMethodID(env, set, "clear", "()V") : NULL;
    if (!set_clear)
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
