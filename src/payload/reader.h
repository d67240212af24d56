/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * payload/reader.h - a payload, front to back
 *
 * Place:  contract between build side and device; used by device/install, swb-pack, swb-server
 * Model:  no I/O, no crypto: the caller feeds bytes, the reader names what it found. Trust is the
 *         caller's: nothing of the manifest is parsed before swb_payload_reader_accept().
 * Holds:  manifest bytes (<= SWB_MANIFEST_MAX_BYTES), one operation's blob (<=
 *         SWB_OPERATION_DATA_MAX_BYTES) and one operation's extents, nothing that grows with the
 * partition. After an error the reader is stuck: every call but _free() returns the same code.
 *
 * Order of events:  METADATA, (accept), then per operation OPERATION, then SIGNATURES if signed,
 * END.
 */
#include "payload/format.h"

enum swb_payload_event {
        SWB_PAYLOAD_MORE = 0, /* feed again */
        SWB_PAYLOAD_METADATA =
                1, /* header, manifest and metadata signature are here: verify, accept */
        SWB_PAYLOAD_OPERATION = 2,  /* swb_payload_reader_operation() and its blob */
        SWB_PAYLOAD_SIGNATURES = 3, /* swb_payload_reader_signatures() */
        SWB_PAYLOAD_END = 4,
};

struct swb_payload_reader;

int swb_payload_reader_new(struct swb_payload_reader **ret, struct swb_error *err) _warn_unused_;
struct swb_payload_reader *swb_payload_reader_free(struct swb_payload_reader *reader);
SWB_DEFINE_CLEANUP(struct swb_payload_reader *, swb_payload_reader_free)

/* For programs that only look: operation types and features that this build can't apply, but the
 * minor version allows, do not fail accept. Call before accept. */
void swb_payload_reader_only_inspect(struct swb_payload_reader *reader);

/*
 * Consumes up to n_bytes (n_bytes may be 0: "what comes next?", e.g. operations without data).
 * Stops at an event, the rest must be fed again.
 * Return: an event >= 0, or FORMAT (-EBADMSG, the text names the byte or the operation), LIMIT
 * (-E2BIG), UNSUPPORTED (-EPROTONOSUPPORT: major or minor version, operation type).
 */
int swb_payload_reader_feed(struct swb_payload_reader *reader, const uint8_t *data, size_t n_bytes,
                            size_t *ret_used, struct swb_error *err) _warn_unused_;

/* The bytes that the metadata signature covers (header and manifest), after METADATA. Borrowed.
 * The metadata signature's bytes follow in the same memory, up to swb_payload_reader_blobs_start()
 * bytes in all: whoever stores those and feeds them again later is at METADATA once more. */
const uint8_t *swb_payload_reader_metadata(const struct swb_payload_reader *reader, size_t *ret_n);
/* Bytes from the payload's start to its first blob (metadata and metadata signature). */
uint64_t swb_payload_reader_blobs_start(const struct swb_payload_reader *reader);
/* Signatures of the metadata, after METADATA; 0 if there are none. At most max are filled in. */
int swb_payload_reader_metadata_signatures(struct swb_payload_reader *reader,
                                           struct swb_signature *signatures, size_t max,
                                           size_t *ret_n, struct swb_error *err) _warn_unused_;

/* Parses and checks the whole manifest (every operation once: types, extents inside their
 * partitions, blobs contiguous and in order). Errors as _feed(). */
int swb_payload_reader_accept(struct swb_payload_reader *reader,
                              struct swb_error *err) _warn_unused_;
/* Valid after accept, borrowed. */
const struct swb_manifest *swb_payload_reader_manifest(const struct swb_payload_reader *reader);

/*
 * Resume: after accept, go on at this operation (counted over all partitions); the next byte fed is
 * the first of its blob, at file offset swb_payload_reader_offset().
 */
int swb_payload_reader_seek(struct swb_payload_reader *reader, size_t operation,
                            struct swb_error *err) _warn_unused_;
/* Between operations: steps over the next one, as if it and its blob had been fed. INTERNAL
 * elsewhere, and when there is none. */
int swb_payload_reader_skip(struct swb_payload_reader *reader, struct swb_error *err) _warn_unused_;
/* File offset of the next byte to feed. */
uint64_t swb_payload_reader_offset(const struct swb_payload_reader *reader);

/* The current operation, its partition, its number (over all partitions) and its blob
 * (operation->data_length bytes; NULL if 0). Borrowed until the next feed. */
const struct swb_operation *swb_payload_reader_operation(const struct swb_payload_reader *reader,
                                                         size_t *ret_partition, size_t *ret_number,
                                                         const uint8_t **ret_blob);

/* Walks the operations without feeding blobs, after accept (inspect, plan). Starts at 0; returns 1
 * while there is one, 0 at the end. The operation is borrowed until the next call of any function.
 */
int swb_payload_reader_peek(struct swb_payload_reader *reader, size_t number,
                            const struct swb_operation **ret_operation, size_t *ret_partition,
                            struct swb_error *err) _warn_unused_;

/* The payload's signatures, after SIGNATURES. As for the metadata. */
int swb_payload_reader_signatures(struct swb_payload_reader *reader,
                                  struct swb_signature *signatures, size_t max, size_t *ret_n,
                                  struct swb_error *err) _warn_unused_;
