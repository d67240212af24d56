/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/apply.h - one operation into its slot
 *
 * The blob was compared with its hash before. Operations read the source and write the target,
 * never the other way round, so one that was cut off is simply applied again. With a outbox what
 * was applied need not be written yet. Memory: one buffer of SWB_IO_BYTES, 8 bytes for each source
 * extent, and a decoder of at most SWB_DECODER_MEMORY_BYTES, which is kept for the next operation
 * of its kind; a sorted operation's streams and one decoder, two with a thread beside where there
 * is the memory; SWB_APPLY_OPEN_BYTES while a content is opened.
 */
#include "codec/codec.h"
#include "device/install/beside.h"
#include "device/install/slots.h"
#include "device/install/writer.h"
#include "open/wrapper.h"

struct swb_apply {
        uint8_t *buffer;             /* SWB_IO_BYTES, page-aligned */
        bool plain_zeros;            /* zeros are written, not punched */
        bool write_behind;           /* as in struct swb_extent_target */
        struct swb_outbox *outbox;   /* there, too. Borrowed. */
        struct swb_step step;        /* called for all bytes of the destination, holes too */
        struct swb_decoder *decoder; /* of the last compressed operation, or NULL */
        enum swb_codec codec;        /* that decoder's */
        struct swb_buf work;         /* of the last operation that was decoded in memory */
        struct swb_beside *beside;   /* decodes with us; NULL: nobody. Borrowed. */
        /* For differences between opened contents; NULL: none. Borrowed. */
        const struct swb_open_scratch *scratch;
        uint64_t open_memory_bytes; /* SWB_APPLY_OPEN_BYTES unless the device gives more */
};

/* What opening and closing take, beside the inner difference's decoders. */
#define SWB_APPLY_OPEN_BYTES SWB_OPEN_MEMORY_BYTES

int swb_apply_init(struct swb_apply *apply, struct swb_step step,
                   struct swb_error *err) _warn_unused_;
void swb_apply_done(struct swb_apply *apply);

/*
 * FORMAT: the blob does not decode to exactly the destination; LIMIT: it wants too much memory;
 * SOURCE: the source is not the one that the delta was made from; or an error of the slot or of
 * step.
 */
int swb_apply_operation(struct swb_apply *apply, const struct swb_operation *operation,
                        const uint8_t *blob, struct swb_slot *slot,
                        struct swb_error *err) _warn_unused_;
