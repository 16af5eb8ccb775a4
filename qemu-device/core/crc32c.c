/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secmmu - CRC-32C over host memory.
 *
 * Lives here: the polynomial, with the CPU's instruction where it has one.
 * Not here: the job around it (jobs-sum.c).
 */
#include <string.h>

#include "internal.h"

#define POLYNOMIAL 0x82f63b78u          /* Castagnoli, reflected */

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        }
        table[i] = crc;
    }
}

uint32_t secmmu_crc32c_table(uint32_t crc, const void *buf, size_t len)
{
    const uint8_t *p = buf;

    pthread_once(&table_once, make_table);
    while (len--) {
        crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t crc_sse42(uint32_t crc, const void *buf, size_t len)
{
    const uint8_t *p = buf;
    uint64_t c = crc;

    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;

        memcpy(&word, p, 8);
        c = __builtin_ia32_crc32di(c, word);
    }
    crc = c;
    while (len--) {
        crc = __builtin_ia32_crc32qi(crc, *p++);
    }
    return crc;
}

uint32_t secmmu_crc32c_update(uint32_t crc, const void *buf, size_t len)
{
    if (__builtin_cpu_supports("sse4.2")) {
        return crc_sse42(crc, buf, len);
    }
    return secmmu_crc32c_table(crc, buf, len);
}
#else
uint32_t secmmu_crc32c_update(uint32_t crc, const void *buf, size_t len)
{
    return secmmu_crc32c_table(crc, buf, len);
}
#endif
