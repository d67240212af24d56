/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/pack/assemble.h - manifest, data and signatures become a payload
 */
#include "generator/diff/make.h"
#include "generator/pack/output.h"
#include "generator/sign/signatures.h"
#include "os/hash.h"

/* What came out, for the JSON manifest and the report. */
struct swb_payload_facts {
        uint64_t n_bytes;          /* of the file */
        uint64_t n_metadata_bytes; /* header and manifest */
        uint8_t file_hash[SWB_SHA256_BYTES];
        uint8_t metadata_hash[SWB_SHA256_BYTES]; /* what the metadata signatures sign */
        uint8_t payload_hash[SWB_SHA256_BYTES];  /* what the payload signatures sign */
};

struct swb_assembly {
        const struct swb_rules *rules;
        struct swb_manifest *manifest;         /* n_operations and signature fields are filled in */
        struct swb_operation_list *operations; /* one list a partition; sorted, data offsets set */
        const struct swb_spool *spool;
        const struct swb_signing *signing;
};

/* Writes the whole payload. Return: 0; LIMIT when the manifest or the data are too large; IO,
 * NO_SPACE. */
int swb_assemble(struct swb_assembly *assembly, const struct swb_output *output,
                 struct swb_payload_facts *ret, struct swb_error *err) _warn_unused_;
