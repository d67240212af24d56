/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a payload, or what pretends to be one.
 * Checks: every operation that the reader lets pass is applied, and what devices make themselves is
 * made, without harm. Hashes are not compared, for no changed input would get past them.
 */
#include "fuzz.h"

#include <sys/mman.h>

#include "device/install/apply.h"
#include "device/install/tree.h"
#include "payload/reader.h"

#define PARTITION_MAX_BYTES ((uint64_t)2 << 20)

struct device {
        struct swb_apply apply;
        struct swb_slot slots[SWB_PARTITIONS_MAX];
        size_t n_slots;
        uint64_t budget; /* bytes */
};

/* Bytes that are the same each time, and that no decoder takes for nothing. */
static void fill(int fd, uint64_t n_bytes)
{
        uint8_t block[SWB_BLOCK_BYTES];
        uint32_t value = 1;

        for (uint64_t at = 0; at < n_bytes; at += sizeof(block)) {
                for (size_t i = 0; i < sizeof(block); i++) {
                        value = value * 1664525 + 1013904223;
                        block[i] = (uint8_t)(value >> 24);
                }
                swb_assert(pwrite(fd, block, sizeof(block), (off_t)at) == sizeof(block));
        }
}

static int make_file(uint64_t n_bytes)
{
        int fd = memfd_create("fuzz-apply", MFD_CLOEXEC);

        swb_assert(fd >= 0 && ftruncate(fd, (off_t)n_bytes) == 0);
        return fd;
}

/* false: larger than is of use here. */
static bool make_slots(struct device *device, const struct swb_manifest *manifest)
{
        for (size_t i = 0; i < manifest->n_partitions; i++) {
                const struct swb_partition *p = &manifest->partitions[i];
                struct swb_slot *slot = &device->slots[i];

                if (p->new_bytes > PARTITION_MAX_BYTES || p->old_bytes > PARTITION_MAX_BYTES)
                        return false;
                *slot = (struct swb_slot){.partition = p->name,
                                          .target = "target",
                                          .source = "source",
                                          .fd = make_file(PARTITION_MAX_BYTES),
                                          .direct_fd = -EBADF,
                                          .source_fd = make_file(PARTITION_MAX_BYTES),
                                          .target_bytes = PARTITION_MAX_BYTES,
                                          .new_bytes = p->new_bytes,
                                          .source_bytes = PARTITION_MAX_BYTES,
                                          .old_bytes = p->old_bytes};
                fill(slot->source_fd, p->old_bytes);
                device->n_slots++;
        }
        return true;
}

/* What an operation writes is what the manifest says, to the byte at most. */
static int on_step(void *context, uint64_t n_bytes, struct swb_error *err)
{
        struct device *device = context;

        (void)err;
        swb_assert(n_bytes <= device->budget);
        device->budget -= n_bytes;
        return 0;
}

static int on_tree(void *context, uint64_t n_bytes, struct swb_error *err)
{
        (void)context;
        (void)n_bytes;
        (void)err;
        return 0;
}

static void apply(struct device *device, const struct swb_payload_reader *reader)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_operation operation;
        size_t partition, number;
        const uint8_t *blob;
        int r;

        operation = *swb_payload_reader_operation(reader, &partition, &number, &blob);
        operation.has_src_hash = false;
        device->budget = swb_extents_blocks(operation.dst, operation.n_dst) * SWB_BLOCK_BYTES;
        r = swb_apply_operation(&device->apply, &operation, blob, &device->slots[partition], &err);
        swb_assert(r == 0 ? device->budget == 0 : r == err.code && *err.text);
}

static void make_trees(struct device *device, const struct swb_manifest *manifest)
{
        const struct swb_step step = {on_tree, NULL};

        for (size_t i = 0; i < manifest->n_partitions; i++) {
                struct swb_error err = SWB_ERROR_INIT;
                int r = swb_tree_make(&device->slots[i], &manifest->partitions[i], &step, &err);

                swb_assert(r == 0 || (r == err.code && *err.text));
        }
}

static void install(struct device *device, struct swb_payload_reader *reader, const uint8_t *data,
                    size_t n)
{
        size_t used;
        int event;

        do {
                event = swb_payload_reader_feed(reader, data, n, &used, NULL);
                if (event < 0)
                        return;
                data += used;
                n -= used;
                if (event == SWB_PAYLOAD_METADATA &&
                    (swb_payload_reader_accept(reader, NULL) < 0 ||
                     !make_slots(device, swb_payload_reader_manifest(reader))))
                        return;
                if (event == SWB_PAYLOAD_OPERATION)
                        apply(device, reader);
        } while (event != SWB_PAYLOAD_END && (n > 0 || event != SWB_PAYLOAD_MORE));
        if (event == SWB_PAYLOAD_END)
                make_trees(device, swb_payload_reader_manifest(reader));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = NULL;
        struct device device = {.n_slots = 0};

        if (swb_payload_reader_new(&reader, NULL) < 0 ||
            swb_apply_init(&device.apply, (struct swb_step){on_step, &device}, NULL) < 0)
                abort();
        install(&device, reader, data, n_bytes);
        for (size_t i = 0; i < device.n_slots; i++) {
                swb_close(device.slots[i].fd);
                swb_close(device.slots[i].source_fd);
        }
        swb_apply_done(&device.apply);
        return 0;
}
