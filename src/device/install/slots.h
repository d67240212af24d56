/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/slots.h - the targets that are written and the sources that are read
 *
 * No target is ever also a source or another target: compared by device and inode, or by device
 * number, not by path. Block devices are opened exclusively, which a mounted one refuses; files
 * are locked.
 */
#include "device/install/front.h"
#include "device/install/installer.h"

struct swb_slot {
        const char *partition, *target, *source; /* borrowed; source may be NULL */
        int fd;                                  /* the target, read and write */
        int direct_fd; /* the target past the page cache, -EBADF where the system can't */
        bool is_block_device;
        uint64_t target_bytes;
        uint64_t new_bytes; /* the image's size, which operations keep to; set by _fit() */
        int source_fd;      /* -EBADF without a source */
        int source_error;   /* errno: why an optional one could not be opened */
        bool source_optional;
        uint64_t source_bytes;
        uint64_t old_bytes;  /* of the image that is needed; what lies behind it reads as zeros */
        bool source_trusted; /* the whole source was compared with the manifest */
        bool dirty;          /* written since the last sync */
        struct swb_front front; /* kept only where somebody reads behind it */
};

struct swb_slots {
        struct swb_slot slots[SWB_PARTITIONS_MAX];
        size_t n;
};

/* `create`: a target that is not there is made. After failure _done() is still needed. */
int swb_slots_open(struct swb_slots *slots, const struct swb_install_slot *config, size_t n,
                   bool create, struct swb_error *err) _warn_unused_;
void swb_slots_done(struct swb_slots *slots);

/* NULL when there is none of that name. */
struct swb_slot *swb_slots_find(struct swb_slots *slots, const char *partition);

/* Is there room for the partition (NO_SPACE), and a source if it needs one (SOURCE)? `resize`: a
 * regular file gets exactly the partition's size. */
int swb_slot_fit(struct swb_slot *slot, const struct swb_partition *partition, bool resize,
                 struct swb_error *err) _warn_unused_;

/*
 * For deltas whose operations carry no hash of their source: compares the whole source with the
 * manifest, once. SOURCE when it differs; 0 when there is nothing to compare.
 */
int swb_slot_check_source(struct swb_slot *slot, const struct swb_partition *partition,
                          struct swb_error *err) _warn_unused_;
/* The SOURCE failure of that. */
int swb_slot_fail_source(const struct swb_slot *slot, struct swb_error *err) _warn_unused_;

/* All that was written is on the medium, and no longer in the page cache. The first does not look
 * at `dirty`, and changes nothing: other threads may write the slot meanwhile. */
int swb_slot_sync(const struct swb_slot *slot, struct swb_error *err) _warn_unused_;
int swb_slots_sync(struct swb_slots *slots, struct swb_error *err) _warn_unused_;

/* Digest over names, paths and sizes: a checkpoint is good for exactly these targets. */
void swb_slots_digest(const struct swb_slots *slots, uint8_t *ret_digest);
