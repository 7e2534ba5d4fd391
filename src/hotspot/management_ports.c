/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See management_ports.h. Runs on Java threads, while all threads run.
 *
 * RMI has a table of all exported objects. Those of JMX are known by their classes, and each leads
 * to its transport, which has the socket that accepts the connections. The names are private ones
 * of the JDK (tested with 17 and 25); if one is missing, no port is found, and a connected
 * client prevents a checkpoint.
 */
#include "hotspot/management_ports.h"

#include <stdbool.h>

#include "base/cleanup.h"
#include "runtime/java.h"

struct names {
    jclass table, target, transport, socket, map, collection, server, connection, registry;
    jfieldID lock, objects, exported, listener;
    jmethodID implementation, port, values, array;
};

static bool find_names(JNIEnv *env, struct names *to)
{
    const struct ckpt_java_row rows[] = {
        {CKPT_JAVA_CLASS, "sun/rmi/transport/Target", NULL, NULL, &to->target},
        {CKPT_JAVA_CLASS, "sun/rmi/transport/tcp/TCPTransport", NULL, NULL, &to->transport},
        {CKPT_JAVA_CLASS, "java/net/ServerSocket", NULL, NULL, &to->socket},
        {CKPT_JAVA_CLASS, "java/util/Map", NULL, NULL, &to->map},
        {CKPT_JAVA_CLASS, "java/util/Collection", NULL, NULL, &to->collection},
        {CKPT_JAVA_STATIC_FIELD, "tableLock", "Ljava/lang/Object;", &to->table, &to->lock},
        {CKPT_JAVA_STATIC_FIELD, "objTable", "Ljava/util/Map;", &to->table, &to->objects},
        {CKPT_JAVA_FIELD, "exportedTransport", "Lsun/rmi/transport/Transport;", &to->target,
         &to->exported},
        {CKPT_JAVA_FIELD, "server", "Ljava/net/ServerSocket;", &to->transport, &to->listener},
        {CKPT_JAVA_METHOD, "getImpl", "()Ljava/rmi/Remote;", &to->target, &to->implementation},
        {CKPT_JAVA_METHOD, "getLocalPort", "()I", &to->socket, &to->port},
        {CKPT_JAVA_METHOD, "values", "()Ljava/util/Collection;", &to->map, &to->values},
        {CKPT_JAVA_METHOD, "toArray", "()[Ljava/lang/Object;", &to->collection, &to->array},
    };

    return ckpt_java_look_up(env, rows, CKPT_COUNT(rows));
}

/* The exported objects. RMI changes its table only with the lock held. */
static jobjectArray list_targets(JNIEnv *env, const struct names *names)
{
    jobject lock = (*env)->GetStaticObjectField(env, names->table, names->lock);
    jobject objects = (*env)->GetStaticObjectField(env, names->table, names->objects);
    jobject values, targets = NULL;

    if (!lock || !objects || (*env)->MonitorEnter(env, lock) != JNI_OK)
        return NULL;
    values = (*env)->CallObjectMethod(env, objects, names->values);
    if (values && !(*env)->ExceptionCheck(env))
        targets = (*env)->CallObjectMethod(env, values, names->array);
    if (ckpt_java_clear(env))
        targets = NULL;
    (*env)->MonitorExit(env, lock);
    return targets;
}

/* The port of an exported object; 0: it has none now. */
static uint16_t port_of(JNIEnv *env, const struct names *names, jobject target)
{
    jobject transport = (*env)->GetObjectField(env, target, names->exported);
    jobject listener = transport && (*env)->IsInstanceOf(env, transport, names->transport)
                           ? (*env)->GetObjectField(env, transport, names->listener)
                           : NULL;
    jint port = listener ? (*env)->CallIntMethod(env, listener, names->port) : 0;

    return ckpt_java_clear(env) || port < 0 ? 0 : (uint16_t)port;
}

struct ports {
    uint16_t *list;
    size_t count, room;
    bool has_server;
};

static void add(struct ports *ports, uint16_t port)
{
    for (size_t i = 0; i < ports->count; i++)
        if (ports->list[i] == port)
            return;
    if (port && ports->count < ports->room)
        ports->list[ports->count++] = port;
}

static bool is_a(JNIEnv *env, jobject object, jclass class)
{
    return object && class && (*env)->IsInstanceOf(env, object, class);
}

static void see_target(JNIEnv *env, const struct names *names, jobject target, struct ports *ports)
{
    jobject object = (*env)->CallObjectMethod(env, target, names->implementation);
    bool is_server;

    if (ckpt_java_clear(env))
        return;
    is_server = is_a(env, object, names->server);
    ports->has_server |= is_server;
    if (is_server || is_a(env, object, names->connection) || is_a(env, object, names->registry))
        add(ports, port_of(env, names, target));
}

static void see_targets(JNIEnv *env, const struct names *names, struct ports *ports)
{
    jobjectArray targets = list_targets(env, names);
    jsize count = targets ? (*env)->GetArrayLength(env, targets) : 0;

    for (jsize i = 0; i < count; i++) {
        if ((*env)->PushLocalFrame(env, 8) < 0)
            break;
        see_target(env, names, (*env)->GetObjectArrayElement(env, targets, i), ports);
        (*env)->PopLocalFrame(env, NULL);
    }
    ckpt_java_clear(env);
}

size_t ckpt_management_ports(JNIEnv *env, uint16_t *ret, size_t room)
{
    struct names names = {.table = ckpt_java_load(env, "sun.rmi.transport.ObjectTable")};
    struct ports ports = {.list = ret, .room = room};

    /* Not initialised: RMI is not used. Looking up its fields would initialise it. */
    if (!names.table || !ckpt_java_is_initialised(names.table) ||
        (*env)->PushLocalFrame(env, 32) < 0)
        goto end;
    names.server = ckpt_java_load(env, "javax.management.remote.rmi.RMIServer");
    names.connection = ckpt_java_load(env, "javax.management.remote.rmi.RMIConnection");
    names.registry = ckpt_java_load(env, "sun.rmi.registry.RegistryImpl");
    if (find_names(env, &names))
        see_targets(env, &names, &ports);
    (*env)->PopLocalFrame(env, NULL);
    (*env)->DeleteGlobalRef(env, names.server);
    (*env)->DeleteGlobalRef(env, names.connection);
    (*env)->DeleteGlobalRef(env, names.registry);
end:
    (*env)->DeleteGlobalRef(env, names.table);
    return ports.has_server ? ports.count : 0;
}
