/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/install/pieces.h - a payload of which only the lacking pieces are fetched
 *
 * Spec: docs/spec/payload.md, PF-90 to PF-93. Private to this folder.
 * In three steps, each of which may be cut: look for the pieces in both slots; make those that are
 * there (verified by their hashes), and note the others in the file `pieces` of the state folder;
 * then ask for those by ranges of the payload, in the order of operations, and apply them as they
 * come. A cut in the first two costs that they are done again, but what was made is found in its
 * place; afterwards the checkpoint counts as in any other install.
 */
#include "base/ranges.h"
#include "device/install/job.h"

struct swb_pieces {
        uint8_t *fetch; /* a bit per operation */
        uint64_t n_operations;
        uint64_t asked; /* operations up to here were asked for, or need not be */
};

/* Searches, makes what can be made, notes the rest. */
int swb_pieces_begin(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
/* The notes of an install that was cut. NOT_FOUND, FORMAT: there are none that fit. */
int swb_pieces_load(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
struct swb_pieces *swb_pieces_free(struct swb_pieces *pieces);

bool swb_pieces_is_fetched(const struct swb_pieces *pieces, uint64_t operation);
/* Steps over operations that are made already, up to the next one to be fetched. Return: 1 there is
 * one, 0 there is none. */
int swb_pieces_advance(struct swb_installer *installer, struct swb_error *err) _warn_unused_;
/* As swb_installer_wants(). */
int swb_pieces_ask(struct swb_installer *installer, struct swb_range *ranges, size_t max,
                   size_t *ret_n, struct swb_error *err) _warn_unused_;
