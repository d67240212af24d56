/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * payload/test_payload.h - a small signed delta payload, for the tests of this folder
 *
 * Two partitions: "root" of 20 blocks, "boot" of 2. Tests spoil single fields before writing.
 */
#include "base/buf.h"
#include "payload/writer.h"

#define TEST_ROOT_OPS 5
#define TEST_BOOT_OPS 1
#define TEST_OPS (TEST_ROOT_OPS + TEST_BOOT_OPS)

struct test_payload {
        struct swb_manifest manifest;
        struct swb_operation root[TEST_ROOT_OPS], boot[TEST_BOOT_OPS];
        struct swb_extent extents[12];
        uint8_t blobs[20000];
        size_t n_blobs;
        uint8_t signature[64]; /* of metadata and payload: only a pattern */
};

/* A delta of this minor version, offsets and signatures set. */
void test_payload_init(struct test_payload *payload, uint32_t minor);
/* The same without sources, as a full payload of minor version 0. */
void test_payload_init_full(struct test_payload *payload);
/* Header and manifest only, by the writer under test. */
int test_payload_write_manifest(const struct test_payload *payload, struct swb_buf *buf,
                                struct swb_error *err) _warn_unused_;
/* The whole file; the test fails if the writer does. */
struct swb_buf test_payload_write(const struct test_payload *payload);
