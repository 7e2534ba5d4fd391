/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * See vmstructs.h. The tables are constant data of libjvm, which also exports their layout.
 */
#include "hotspot/vmstructs.h"

#include <string.h>

#include "hotspot/libjvm.h"

static struct {
    const char *structs, *types;
    uint64_t type_name, field_name, is_static, offset, address, stride;
    uint64_t t_name, t_size, t_stride;
} vm;

static uint64_t number(const char *name)
{
    const uint64_t *at = ckpt_libjvm_symbol(name);

    return at ? *at : 0;
}

bool ckpt_vm_open(void)
{
    const char *const *structs = ckpt_libjvm_symbol("gHotSpotVMStructs");
    const char *const *types = ckpt_libjvm_symbol("gHotSpotVMTypes");

    vm.structs = structs ? *structs : NULL;
    vm.types = types ? *types : NULL;
    vm.type_name = number("gHotSpotVMStructEntryTypeNameOffset");
    vm.field_name = number("gHotSpotVMStructEntryFieldNameOffset");
    vm.is_static = number("gHotSpotVMStructEntryIsStaticOffset");
    vm.offset = number("gHotSpotVMStructEntryOffsetOffset");
    vm.address = number("gHotSpotVMStructEntryAddressOffset");
    vm.stride = number("gHotSpotVMStructEntryArrayStride");
    vm.t_name = number("gHotSpotVMTypeEntryTypeNameOffset");
    vm.t_size = number("gHotSpotVMTypeEntrySizeOffset");
    vm.t_stride = number("gHotSpotVMTypeEntryArrayStride");
    return vm.structs && vm.stride && vm.types && vm.t_stride;
}

#define at(type, pointer) (*(type const *)(pointer))

static const char *find(const char *type, const char *field)
{
    if (!vm.structs)
        return NULL;
    for (const char *entry = vm.structs; at(char *, entry + vm.type_name); entry += vm.stride)
        if (strcmp(at(char *, entry + vm.type_name), type) == 0 &&
            strcmp(at(char *, entry + vm.field_name), field) == 0)
            return entry;
    return NULL;
}

int64_t ckpt_vm_offset(const char *type, const char *field)
{
    const char *entry = find(type, field);

    return entry && !at(int32_t, entry + vm.is_static) ? (int64_t)at(uint64_t, entry + vm.offset)
                                                       : -1;
}

void *ckpt_vm_static(const char *type, const char *field)
{
    const char *entry = find(type, field);

    return entry && at(int32_t, entry + vm.is_static) ? at(void *, entry + vm.address) : NULL;
}

static bool look_up(const struct ckpt_vm_row *row)
{
    const size_t count = sizeof row->names / sizeof row->names[0];
    void *address = NULL;
    int64_t offset = -1;

    for (size_t i = 0; i < count && row->names[i].type && !address && offset < 0; i++)
        if (row->offset)
            offset = ckpt_vm_offset(row->names[i].type, row->names[i].field);
        else
            address = ckpt_vm_static(row->names[i].type, row->names[i].field);
    if (row->offset)
        *row->offset = offset;
    else
        *(void **)row->address = address;
    return address || offset >= 0;
}

bool ckpt_vm_look_up(const struct ckpt_vm_row *rows, size_t count)
{
    bool all = true;

    for (size_t i = 0; i < count; i++)
        all &= look_up(&rows[i]);
    return all;
}

size_t ckpt_vm_size(const char *type)
{
    if (!vm.types)
        return 0;
    for (const char *entry = vm.types; at(char *, entry + vm.t_name); entry += vm.t_stride)
        if (strcmp(at(char *, entry + vm.t_name), type) == 0)
            return at(uint64_t, entry + vm.t_size);
    return 0;
}

void *ckpt_vm_flag(const char *name)
{
    /* the name from JDK 11 on, and the name before */
    static const char *const types[] = {"JVMFlag", "Flag"};

    for (int i = 0; i < 2; i++) {
        char *const *flags = ckpt_vm_static(types[i], "flags");
        const size_t *count = ckpt_vm_static(types[i], "numFlags");
        int64_t name_at = ckpt_vm_offset(types[i], "_name");
        int64_t value_at = ckpt_vm_offset(types[i], "_addr");
        size_t size = ckpt_vm_size(types[i]);

        if (!flags || !count || name_at < 0 || value_at < 0 || !size)
            continue;
        for (size_t j = 0; j < *count; j++) {
            const char *flag = *flags + j * size;
            const char *this_name = at(char *, flag + name_at);

            if (this_name && strcmp(this_name, name) == 0)
                return at(void *, flag + value_at);
        }
    }
    return NULL;
}

bool ckpt_vm_flag_is_set(const char *name)
{
    const bool *flag = ckpt_vm_flag(name);

    return flag && *flag;
}
