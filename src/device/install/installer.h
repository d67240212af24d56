/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/installer.h - a payload into slots, while its bytes arrive
 *
 * Used by swb-install on the device and, the same code, by swb-pack to verify and apply.
 * Blocking, single job. Order of trust: metadata signature before the manifest is parsed; each
 * operation's hash before it is decoded; the source's hash before it is used for more than plain
 * copying to the target; payload signature; every target read back from the medium and compared
 * with the manifest's hash. Only after swb_installer_finish() returned 0 may boot flags be set (by
 * the caller; this code knows no boot loader).
 * Memory: below 64 MiB of address space in swb-install, whatever the payload's size, and what
 * open_memory_bytes is above its default.
 * After an error the installer is stuck: feed and finish return the same code again.
 */
#include "base/ranges.h"
#include "os/hash.h"
#include "os/keyring.h"
#include "payload/format.h"

struct swb_install_slot {
        const char *partition; /* name in the manifest */
        const char *target;    /* path of file or block device, written */
        const char *source;    /* path of the running slot, read; NULL: full payloads only */
        bool source_optional;  /* one that can't be opened matters to deltas only */
};

struct swb_install_progress {
        const char *stage;                                /* "metadata", "apply", "readback" */
        uint64_t payload_bytes_done, payload_bytes_total; /* total 0: not known yet */
        uint64_t operations_done, operations_total;
        uint64_t stage_bytes_done, stage_bytes_total; /* of the read-back */
        unsigned percent;                             /* of the whole install, never goes back */
};

/* Everything that is pointed to is borrowed for the installer's life. */
struct swb_install_config {
        const struct swb_install_slot *slots;
        size_t n_slots;
        const struct swb_keyring *keys; /* NULL: signatures are not checked (swb-pack only) */
        const char *state_dir;          /* for checkpoints; NULL: no resume */
        /* Targets that are plain files on a build host: made and sized as needed, not synced, and
         * read back through the cache. */
        bool plain_files;
        /* Other threads help to decode, hash, write, sync, store checkpoints and read back while
         * operations go on (crew.h). Faster, and takes a second core; checkpoints promise the same.
         * Not for plain files. */
        bool overlap;
        /* What is made may take so much memory, where an operation leaves it, while it waits to be
         * written. */
        uint64_t write_ahead_bytes;
        /* What the answer to the check promised; empty or 0: not compared. */
        const uint8_t *payload_hash; /* SHA-256 of the whole file; NULL also means: no resume */
        uint64_t payload_bytes;
        /* What opening and closing contents may take, the former at most SWB_OPEN_MEMORY_MAX; 0:
         * SWB_OPEN_MEMORY_BYTES and SWB_OPEN_SCRATCH_BYTES. */
        uint64_t open_memory_bytes, open_scratch_bytes;
        /* The caller can get any range of the payload, and asks swb_installer_wants() which. */
        bool pieces;
        const char *expect_version; /* partitions that carry a version must have this (DOWNGRADE) */
        int64_t min_timestamp;      /* manifest's max_timestamp must not be older (DOWNGRADE) */
        uint64_t checkpoint_bytes;  /* payload bytes between checkpoints, 0 = default 512 KiB */
        /* All three may be NULL. */
        void (*progress)(void *context, const struct swb_install_progress *progress);
        /* Something went wrong that the install survives, e.g. a checkpoint that can't be used. */
        void (*notice)(void *context, const char *text);
        /* Asked often; once true, the running call writes a checkpoint and fails with CANCELLED. */
        bool (*cancelled)(void *context);
        void *context;
};

struct swb_installer;

/*
 * Opens the slots (block devices exclusively) and loads a checkpoint that belongs to this payload
 * and these targets, if any. A checkpoint that is damaged or of something else is no error: the
 * install starts from 0, with a notice.
 * CONFIG or BUSY for slots that can't be used, SOURCE never: sources are judged by the manifest.
 */
int swb_installer_new(const struct swb_install_config *config, struct swb_installer **ret,
                      struct swb_error *err) _warn_unused_;
struct swb_installer *swb_installer_free(struct swb_installer *installer);
SWB_DEFINE_CLEANUP(struct swb_installer *, swb_installer_free)

/* Offset in the payload of the first byte to feed: 0, or where a checkpoint left off. Equals the
 * payload's size when only the read-back is left. */
uint64_t swb_installer_offset(const struct swb_installer *installer);

/* All bytes of the payload are there: finish. */
bool swb_installer_is_fed(const struct swb_installer *installer);

/*
 * With config.pieces: does this payload come by ranges? Known as soon as the metadata is there (or
 * was resumed). From then on what is fed is not the payload's next bytes, but the ranges that
 * _wants() gave, one behind the other. false: front to back, as without config.pieces.
 */
bool swb_installer_is_by_pieces(const struct swb_installer *installer);
/* The next ranges to be got, at most max; *ret_n 0: that was all. Begins with a search of the slots
 * and takes its time. */
int swb_installer_wants(struct swb_installer *installer, struct swb_range *ranges, size_t max,
                        size_t *ret_n, struct swb_error *err) _warn_unused_;

/* Hands over the next bytes; all are consumed. Of a payload that comes by pieces, what follows the
 * metadata in the same call is dropped. */
int swb_installer_feed(struct swb_installer *installer, const uint8_t *data, size_t n_bytes,
                       struct swb_error *err) _warn_unused_;

/*
 * No more bytes: checks the end, syncs, reads back. FORMAT with code -ENODATA when bytes are
 * missing; what was applied is then kept by a checkpoint. READBACK throws the checkpoint away.
 * After success the checkpoint stays, marked complete: a cut before the boot flags are set costs
 * another read-back, not another download. The next payload replaces it.
 */
int swb_installer_finish(struct swb_installer *installer, struct swb_error *err) _warn_unused_;

/* The caller stops before the end: what was applied is made durable with a last checkpoint. */
int swb_installer_suspend(struct swb_installer *installer, struct swb_error *err) _warn_unused_;

/* After the metadata was accepted, else NULL. Borrowed. */
const struct swb_manifest *swb_installer_manifest(const struct swb_installer *installer);
