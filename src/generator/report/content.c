/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/report/content.h"

#include <string.h>

#define UNPACK "store it unpacked: the payload is compressed anyway"

static const struct {
        struct swb_packed packed;
        size_t offset;
        const char *magic;
        size_t n_magic;
} table[] = {
        {{"gzip", UNPACK ", or at least make it with 'gzip -n'"}, 0, "\x1f\x8b\x08", 3},
        {{"xz", UNPACK}, 0, "\xfd\x37zXZ\0", 6},
        {{"zstd", UNPACK}, 0, "\x28\xb5\x2f\xfd", 4},
        {{"lz4", UNPACK}, 0, "\x04\x22\x4d\x18", 4},
        {{"lz4", UNPACK}, 0, "\x02\x21\x4c\x18", 4},
        {{"bzip2", UNPACK}, 0, "BZh", 3},
        {{"zip", "make it with 'zip -0 -X': stored, and no extra times"}, 0, "PK\x03\x04", 4},
        {{"squashfs", "build it with -comp none, or ship its files in the image itself"},
         0,
         "hsqs",
         4},
        {{"Linux kernel with compressed payload",
          "opened where its encoder is known; else only fewer kernel updates help"},
         0x202,
         "HdrS",
         4},
        {{"EFI program of a compressed kernel",
          "its difference is large; CONFIG_EFI_ZBOOT off ships the plain image"},
         4,
         "zimg",
         4},
};

const struct swb_packed *swb_packed_find(const uint8_t *head, size_t n_head)
{
        for (size_t i = 0; i < SWB_ELEMENTS(table); i++)
                if (table[i].offset + table[i].n_magic <= n_head &&
                    memcmp(head + table[i].offset, table[i].magic, table[i].n_magic) == 0)
                        return &table[i].packed;
        return NULL;
}
