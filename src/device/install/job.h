/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/job.h - the installer from within: its state, and the parts that share it
 *
 * installer.c joins the stages; accept.c judges the metadata, operation.c does one operation,
 * journal.c says when and what to store, resume.c goes on from there, complete.c what comes behind
 * the last operation, progress.c what to tell. Private to this folder.
 */
#include "device/install/apply.h"
#include "device/install/checkpoint.h"
#include "device/install/crew.h"
#include "device/install/installer.h"
#include "device/install/scratch.h"
#include "device/install/slots.h"
#include "device/install/verify.h"
#include "payload/reader.h"

struct swb_install_position {
        uint64_t operation; /* next one */
        uint64_t offset;
        uint64_t written; /* bytes of the targets */
        /* Both without an operation's data that has not come in whole: */
        struct swb_sha256 file_sha; /* whole payload */
        struct swb_sha256
                signed_sha; /* without the metadata signature and what follows the blobs */
};

struct swb_installer {
        struct swb_install_config config;
        struct swb_slots slots;
        struct swb_slot *by_partition[SWB_PARTITIONS_MAX]; /* into slots, in the manifest's order */
        struct swb_apply apply;
        struct swb_scratch_file scratch;
        struct swb_payload_reader *reader;
        const struct swb_manifest *manifest; /* NULL until it was accepted */
        struct swb_payload_totals totals;

        struct swb_install_position now;  /* includes an operation that is half done */
        struct swb_install_position safe; /* after the last whole operation */
        bool is_verified;                 /* the payload's signature */
        bool ended;                       /* all bytes are there */
        bool complete;                    /* and all was applied, verified and synced */

        struct swb_checkpoint
                checkpoint;          /* as stored last; whose it is, is filled from the start */
        bool resumable;              /* there is a folder, and a name to store one under */
        uint64_t checkpoint_written; /* safe.written at that time */
        uint64_t checkpoint_msec;    /* CLOCK_BOOTTIME */
        uint64_t stored_msec;        /* with a crew: when one was stored, and not only synced */

        struct swb_crew crew; /* none until it is needed */
        bool overlap;         /* while it can be had */

        /* A payload of which only the lacking pieces are fetched: to be begun, then begun. */
        bool pieces_due;
        struct swb_pieces *pieces;
        uint64_t searched, to_search; /* bytes of the slots */

        struct swb_install_progress progress;
        struct swb_error stuck; /* code 0: not */
};

/* CANCELLED when the caller wants us to stop. */
int swb_job_check_cancelled(const struct swb_installer *installer,
                            struct swb_error *err) _warn_unused_;

/* accept.c: METADATA event, fed or from the cache: nothing is parsed before the signature holds. */
int swb_job_accept(struct swb_installer *installer, struct swb_error *err) _warn_unused_;

/* Are only the lacking pieces of this payload to be fetched? After accept. */
bool swb_job_is_by_pieces(const struct swb_installer *installer);

/* operation.c */

/* The step of applying; an operation that is cancelled half-way is applied again as a whole. */
int swb_job_on_written(void *context, uint64_t n_bytes, struct swb_error *err) _warn_unused_;
/* The reader's current one is verified, hashed and applied; then it is safe. */
int swb_job_on_operation(struct swb_installer *installer, struct swb_error *err) _warn_unused_;

/* complete.c */

/* All operations are applied: what is left to be checked and made, and the last checkpoint. */
int swb_job_complete(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
int swb_job_read_back(struct swb_installer *installer, struct swb_error *err) _warn_unused_;

/* progress.c */
void swb_job_report(struct swb_installer *installer, const char *stage);
/* Something went wrong that the install survives. */
void swb_job_notice(const struct swb_installer *installer, const char *what,
                    const struct swb_error *err);

/* resume.c */

/* Drops the reader; everything that belongs to one walk through a payload is as before its first
 * byte. */
int swb_job_start_anew(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
/* Goes on where a checkpoint left off; without a good one it stays at the start. */
int swb_job_resume(struct swb_installer *installer, struct swb_error *err) _warn_unused_;

/* journal.c */

/* CLOCK_BOOTTIME */
uint64_t swb_job_msec(void);
/* Before the first byte of a target is written: what is stored of another install is now untrue. */
int swb_job_begin(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
/*
 * Syncs what was written, then says so. A checkpoint that can't be stored does not stop the
 * install: the older one is still true, for operations may be applied twice.
 */
int swb_job_store(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
/* If they are wanted and not there. Late, when the process has given up what it does not need: they
 * inherit that. */
void swb_job_start_crew(struct swb_installer *installer);
/* Whenever one is due, after an operation. With a crew: hands it over, unless that is still at the
 * one before and not far behind. */
int swb_job_store_if_due(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
/* All is stored when it returns; the read-back may go on meanwhile. */
int swb_job_store_last(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
/* Nothing is under way any more. */
int swb_job_settle(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
/* The next attempt starts anew; `plain_zeros`: and does not trust this medium with holes. */
void swb_job_forget(struct swb_installer *installer, bool plain_zeros);
