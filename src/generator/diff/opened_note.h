/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/diff/opened_note.h - says that a packed image could not be compared opened
 */
#include "generator/diff/operations.h"
#include "generator/plan/closed_list.h"
#include "generator/scan/image.h"

#define SWB_NOTE_MAX 320

/* The format of a packed file system that begins the image, "squashfs" or "erofs"; NULL: none of
 * these, or not to be read. */
const char *swb_packed_image_format(const struct swb_image *image);

/* Are so many bytes of operations large for an image of this format (NULL: of none)? */
bool swb_is_large_delta(const struct swb_image *image, const char *format, uint64_t n_bytes);

/*
 * Of a delta's partition: fills in what the user should know if the image is packed, stayed so (it
 * is in the list, or nothing in it was opened), and the operations are large for it; and why.
 * Otherwise leaves `note` alone.
 */
void swb_opened_note(const struct swb_rules *rules, const char *partition,
                     const struct swb_image *image, const struct swb_operation_list *operations,
                     bool is_opened, const struct swb_closed_list *closed,
                     char note[static SWB_NOTE_MAX]);
