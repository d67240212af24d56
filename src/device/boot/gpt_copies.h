/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/boot/gpt_copies.h - the two copies of a partition table, as they lie on a medium
 */
#include "device/boot/gpt_table.h"
#include "device/boot/medium.h"

enum swb_gpt_which { SWB_GPT_PRIMARY, SWB_GPT_BACKUP, _SWB_GPT_COPIES };

const char *swb_gpt_which_to_string(enum swb_gpt_which which);

struct swb_gpt_copy {
        bool is_whole;
        bool has_fields; /* the header's, even if a checksum is wrong */
        struct swb_gpt_header header;
        uint8_t sector[SWB_GPT_SECTOR_MAX];
        uint8_t *array;         /* NULL: not read */
        struct swb_error error; /* why it could not be read, if so */
};

struct swb_gpt_copies {
        size_t sector_bytes;
        uint64_t n_sectors;
        struct swb_gpt_copy copies[_SWB_GPT_COPIES];
};

/* At least one of them is whole. BOOT: -EUCLEAN when none is, or the medium's error. */
int swb_gpt_copies_load(struct swb_medium *medium, struct swb_gpt_copies **ret,
                        struct swb_error *err) _warn_unused_;
struct swb_gpt_copies *swb_gpt_copies_free(struct swb_gpt_copies *copies);
SWB_DEFINE_CLEANUP(struct swb_gpt_copies *, swb_gpt_copies_free)

/* One copy anew; what is wrong with it stands in it. */
void swb_gpt_copy_load(struct swb_medium *medium, const struct swb_gpt_copies *table,
                       struct swb_gpt_copy *copy, uint64_t lba);
int swb_gpt_read_sectors(struct swb_medium *medium, const struct swb_gpt_copies *table, void *data,
                         size_t n_bytes, uint64_t lba, struct swb_error *err) _warn_unused_;

/* The copy that boot loaders take (BS-13). */
enum swb_gpt_which swb_gpt_truth(const struct swb_gpt_copies *table);
/* Both are whole, hold the same entries and name each other. */
bool swb_gpt_copies_agree(const struct swb_gpt_copies *table);
/* Whole, and its entries as many and in the same place: they can be compared. */
bool swb_gpt_copy_is_like(const struct swb_gpt_copy *copy, const struct swb_gpt_header *header);
