/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * May run while threads are parked: raw system calls only, no libc except memcpy() and the like.
 *
 * Parses internet addresses, because libc's inet_pton() must not be called here.
 */
#include "engine/ip_address.h"

#include "base/raw.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool ipv4(const char **text, uint8_t *ret)
{
    for (int i = 0; i < 4; i++) {
        const char *begin = *text;
        uint64_t part = ckpt_raw_number(text, 10);

        if (*text == begin || *text - begin > 3 || part > 255 || (i < 3 && *(*text)++ != '.'))
            return false;
        ret[i] = (uint8_t)part;
    }
    return true;
}

/*
 * Parse one group of an IPv6 address, or an IPv4 address in place of the last two groups; *used
 * counts the bytes of @ip.
 */
static bool ipv6_group(const char **text, uint8_t *ip, unsigned *used)
{
    const char *begin = *text;
    unsigned part = 0;

    for (int digit; (digit = hex_digit(**text)) >= 0; (*text)++)
        part = part << 4 | (unsigned)digit;
    if (*text == begin || *text - begin > 4)
        return false;
    if (**text == '.') {
        *text = begin;
        if (*used > 12 || !ipv4(text, ip + *used))
            return false;
        *used += 4;
        return true;
    }
    ip[(*used)++] = (uint8_t)(part >> 8);
    ip[(*used)++] = (uint8_t)part;
    return true;
}

static bool ipv6(const char **text, uint8_t ret[16])
{
    uint8_t ip[16] = {0};
    unsigned used = 0, gap = 17;

    if ((*text)[0] == ':' && (*text)[1] != ':')
        return false;
    while (used < 16) {
        if ((*text)[0] == ':' && (*text)[1] == ':') {
            if (gap != 17)
                return false;
            gap = used;
            *text += 2;
            if (!**text || **text == ']')
                break;
        } else if (used && *(*text)++ != ':') {
            return false;
        }
        if (!ipv6_group(text, ip, &used))
            return false;
        if (**text != ':')
            break;
    }
    if (gap == 17 ? used != 16 : used > 14)
        return false;
    if (gap != 17) {
        __builtin_memmove(ip + gap + (16 - used), ip + gap, used - gap);
        __builtin_memset(ip + gap, 0, 16 - used);
    }
    __builtin_memcpy(ret, ip, 16);
    return true;
}

bool ckpt_ip_parse(const char *text, uint8_t ret_ip[16])
{
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff};
    const char *at = text;
    bool bracket = *text == '[';

    if (!bracket && ipv4(&at, ip + 12) && !*at) {
        __builtin_memcpy(ret_ip, ip, 16);
        return true;
    }
    at = text + bracket;
    return ipv6(&at, ret_ip) && (!bracket || *at++ == ']') && !*at;
}
