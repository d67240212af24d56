/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * payload/manifest.h - the manifest's bytes as structs; for this folder only
 *
 * Spec: docs/spec/payload.md PF-15 to PF-39.
 * The bytes stay where they are. What is kept of them is the scalar fields (struct swb_manifest)
 * and where each partition's message lies; operations are parsed one at a time, as often as wanted.
 */
#include "payload/format.h"
#include "payload/wire.h"

struct swb_manifest_view {
        struct {
                const uint8_t *data; /* the PartitionUpdate message, borrowed */
                size_t n_bytes;
        } partitions[SWB_PARTITIONS_MAX];
};

/*
 * Reads all but the operations, which it only counts. Return: 0, FORMAT, LIMIT, UNSUPPORTED (minor
 * version, block size).
 */
int swb_manifest_parse(const uint8_t *data, size_t n_bytes, struct swb_manifest *ret,
                       struct swb_manifest_view *ret_view, struct swb_error *err) _warn_unused_;

/* One operation at a time, over all partitions. The memory is one operation's extents. */
struct swb_op_walk {
        const struct swb_manifest *manifest;  /* borrowed */
        const struct swb_manifest_view *view; /* borrowed */
        struct swb_wire wire;                 /* in partitions[partition] */
        size_t partition, number; /* of `operation`; number counts over all partitions */
        size_t n_done;            /* operations stepped over, the present one included */
        struct swb_operation operation;
        size_t cap_src, cap_dst;
};

void swb_op_walk_init(struct swb_op_walk *walk, const struct swb_manifest *manifest,
                      const struct swb_manifest_view *view);
void swb_op_walk_done(struct swb_op_walk *walk);
/* Back before the first operation; keeps the memory. */
void swb_op_walk_rewind(struct swb_op_walk *walk);
/* Parses the next one. Return: 1, 0 at the end, FORMAT, LIMIT, -ENOMEM. */
int swb_op_walk_next(struct swb_op_walk *walk, struct swb_error *err) _warn_unused_;

enum swb_manifest_strictness {
        SWB_MANIFEST_TO_APPLY,   /* operation types must be ones that this build can apply */
        SWB_MANIFEST_TO_INSPECT, /* types that the minor version allows */
};

/* Every operation once, by the rules PF-30 to PF-39, and what they add up to. */
int swb_manifest_check(const struct swb_manifest *manifest, const struct swb_manifest_view *view,
                       enum swb_manifest_strictness strictness,
                       struct swb_error *err) _warn_unused_;

/* Fills in up to max signatures of a Signatures message; they point into it. FORMAT. */
int swb_signatures_parse(const uint8_t *data, size_t n_bytes, struct swb_signature *signatures,
                         size_t max, size_t *ret_n, struct swb_error *err) _warn_unused_;
