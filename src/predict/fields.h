/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * predict/fields.h - where a file's addresses are: three bytes for each, or less where many of a
 * kind lie together
 *
 * Spec: docs/design/delta.md, PA-20 to PA-24.
 */
#include <stdint.h>

#include "base/cleanup.h"

/* The numbers are the format's: corrections of a kind make one stream. Those above 31 share one. */
enum swb_field_kind {
        SWB_FIELD_BRANCH = 0,    /* x86-64: distance of a call or long jump */
        SWB_FIELD_CONDITION = 1, /* x86-64: distance of a conditional jump */
        SWB_FIELD_RIP = 2,       /* x86-64: distance to data */
        SWB_FIELD_ABSOLUTE = 3,  /* 4 bytes of an address */
        SWB_FIELD_POINTER = 4,
        SWB_FIELD_RELA_OFFSET = 5,
        SWB_FIELD_RELA_SYMBOL = 6,
        SWB_FIELD_RELA_ADDEND = 7,
        SWB_FIELD_NAME = 8, /* position in a table of strings */
        SWB_FIELD_SYMBOL_VALUE = 9,
        SWB_FIELD_SYMBOL_SIZE = 10,
        SWB_FIELD_HEADER_4 = 11, /* known from the hints alone */
        SWB_FIELD_SEQUENCE = 12, /* the kernel's symbols in the order of their names */
        SWB_FIELD_UNWIND_PLACE = 13,
        SWB_FIELD_UNWIND_RANGE = 14,
        SWB_FIELD_UNWIND_PARENT = 15,
        SWB_FIELD_UNWIND_DATA = 16,
        SWB_FIELD_UNWIND_INDEX = 17,
        SWB_FIELD_TABLE = 18, /* entry of a switch's table of jumps */
        SWB_FIELD_ORC = 19,
        SWB_FIELD_KERNEL_RELOCATION = 20,
        SWB_FIELD_DISTANCE = 21, /* from a record to what it speaks of */
        SWB_FIELD_TYPE_NAME = 22,
        SWB_FIELD_TYPE_ID = 23,
        SWB_FIELD_CHECKSUM = 24,
        SWB_FIELD_SYMBOL_TABLE = 25, /* the kernel's list of its own symbols */
        SWB_FIELD_RELR = 26,
        SWB_FIELD_ARM_BRANCH = 27,
        SWB_FIELD_ARM_PAGE = 28,
        SWB_FIELD_ARM_LOW = 29,
        SWB_FIELD_ARM_NEAR = 30, /* conditional branches and the like */
        SWB_FIELD_TOKEN = 31,    /* a byte of a symbol's name */
        SWB_FIELD_HEADER_8 = 32, /* goes with HEADER_4 */
        _SWB_FIELD_MAX,
};

struct swb_field_block;

struct swb_fields {
        struct swb_field_block *blocks; /* of 64 KiB of the file each */
        size_t n_blocks;
        uint64_t end;      /* of the last field */
        size_t n_memory;   /* bytes allocated */
        size_t n_peak;     /* the most of them that there were; set at the close */
        size_t max_memory; /* and how many may be */
        uint16_t *filling; /* the block that grows */
        uint8_t *filling_kinds;
        size_t n_filling, filling_number;
        int error; /* sticky: -ENOMEM, -E2BIG */
};

uint8_t swb_field_width(enum swb_field_kind kind);
/* The number of the stream of corrections. */
uint8_t swb_field_stream(enum swb_field_kind kind);
/* A stable name for tables. */
const char *swb_field_name(enum swb_field_kind kind);

/* For a file of n_bytes. 0, -ENOMEM, -E2BIG. */
int swb_fields_init(struct swb_fields *fields, uint64_t n_bytes, size_t max_memory) _warn_unused_;
void swb_fields_done(struct swb_fields *fields);

/* Fields come in ascending order; one that begins before the last one's end is left out. */
void swb_fields_add(struct swb_fields *fields, uint64_t offset, enum swb_field_kind kind);
/* Behind the last one. 0 or what went wrong since. */
int swb_fields_close(struct swb_fields *fields) _warn_unused_;

/* The first field at or behind begin that ends at or before end. `ret_index` is a start for a
 * search that goes on behind it. */
bool swb_fields_next(const struct swb_fields *fields, uint64_t begin, uint64_t end,
                     uint64_t *ret_offset, enum swb_field_kind *ret_kind, uint32_t *index);
