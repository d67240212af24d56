/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/classes.h - what the files of an image are, and what lies where in them
 *
 * For reports only: a file is looked into when it is asked for, by its content first, by its name
 * where that says nothing. What is damaged or unknown is OTHER.
 */
#include "generator/scan/scan.h"

enum swb_class {
        SWB_CLASS_KERNEL,
        SWB_CLASS_MODULE, /* of the kernel, as it is or compressed */
        SWB_CLASS_PROGRAM,
        SWB_CLASS_INITRD,
        SWB_CLASS_IMAGE, /* a file system in a file or partition */
        SWB_CLASS_COMPRESSED,
        SWB_CLASS_TEXT,     /* scripts and configuration, too */
        SWB_CLASS_PACKAGES, /* what a package manager knows */
        SWB_CLASS_OTHER,
        SWB_CLASS_TABLES, /* of the file system: inodes, folders, free space */
        _SWB_CLASS_MAX,
        _SWB_CLASS_INVALID = -EINVAL,
};

/* "kernel", "modules", "programs" … "tables". */
const char *swb_class_to_string(enum swb_class class);

/* What of a program or module some bytes are. */
enum swb_lot {
        SWB_LOT_WHOLE, /* of files that have no sections, or are stored compressed */
        SWB_LOT_CODE,
        SWB_LOT_DATA,
        SWB_LOT_UNWIND,
        SWB_LOT_SYMBOLS,
        SWB_LOT_STRINGS,
        SWB_LOT_RELOCATIONS,
        SWB_LOT_TYPES, /* BTF */
        SWB_LOT_DEBUG,
        SWB_LOT_CHECKSUMS, /* of the kernel's symbols */
        SWB_LOT_BUILD_ID,
        SWB_LOT_SIGNATURE, /* of a module */
        SWB_LOT_HEADERS,   /* and what lies between sections */
        _SWB_LOT_MAX,
        _SWB_LOT_INVALID = -EINVAL,
};

/* "", "code" … "headers". */
const char *swb_lot_to_string(enum swb_lot lot);

struct swb_lot_region {
        uint64_t begin, end; /* bytes of the file's blocks, holes left out */
        enum swb_lot lot;
};

struct swb_sort {
        bool is_known;
        enum swb_class class;
        struct swb_lot_region *regions; /* in order, without gaps from 0 on; none: WHOLE */
        size_t n;
};

struct swb_classes {
        const struct swb_scan *scan;
        struct swb_sort *sorts; /* of each file */
        uint32_t *positions;    /* of each block in the list of its file's blocks */
};

/* `scan` is borrowed. Return: 0, -ENOMEM. */
int swb_classes_init(struct swb_classes *classes, const struct swb_scan *scan) _warn_unused_;
void swb_classes_done(struct swb_classes *classes);
/* Of the scan's file with this index; looks into it the first time. IO, NO_MEMORY. */
int swb_classes_look(struct swb_classes *classes, size_t file, const struct swb_sort **ret,
                     struct swb_error *err) _warn_unused_;

/* By the first bytes of a regular file (all it has, or 4096 at least) and its name. */
enum swb_class swb_class_of(const char *path, const uint8_t *head, size_t n_head) _warn_unused_;
