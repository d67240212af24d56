/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/explain/costs.h - which file of the new image takes how many bytes of a payload
 *
 * A difference of type SWDIFF counts for the files that it makes by what each of them takes of it
 * (explain/shares.h), the data of other operations by their share of its blocks. The sum over all
 * files is the sum over all operations.
 */
#include "generator/explain/account.h"
#include "generator/explain/blob.h"
#include "generator/explain/runs.h"
#include "open/closed.h"

/* How a file's bytes came to be what they are. */
enum swb_transform {
        SWB_TRANSFORM_COPIED,    /* or zeros: no data */
        SWB_TRANSFORM_PACKED,    /* without anything old */
        SWB_TRANSFORM_BYTES,     /* a difference, byte by byte */
        SWB_TRANSFORM_PREDICTED, /* with predicted addresses */
        SWB_TRANSFORM_OPENED,    /* between what was compressed */
        SWB_TRANSFORM_OPENED_PREDICTED,
        SWB_TRANSFORM_NESTED, /* opened, and what was compressed in that, too */
        _SWB_TRANSFORM_MAX,
        _SWB_TRANSFORM_INVALID = -EINVAL,
};

/* "copied" … "nested". */
const char *swb_transform_to_string(enum swb_transform transform);

/* What making a file asks of a device's processor, beside writing it. */
enum swb_cpu {
        SWB_CPU_NONE,   /* copies */
        SWB_CPU_LIGHT,  /* decoding, and prediction */
        SWB_CPU_MEDIUM, /* and a quick encoder */
        SWB_CPU_HEAVY,  /* and a slow one */
        _SWB_CPU_MAX,
        _SWB_CPU_INVALID = -EINVAL,
};

/* "none" … "heavy". */
const char *swb_cpu_to_string(enum swb_cpu cpu);

/* The same made in another way: bytes of data. Only where it was tried. */
struct swb_runners_up {
        uint64_t by_bytes; /* neither opened nor predicted */
        uint64_t opened;   /* opened, but not predicted; 0: nothing is opened */
        uint64_t packed;   /* without anything old */
};

struct swb_file_cost {
        const struct swb_file *file; /* of the scan, borrowed */
        enum swb_class class;        /* known where it takes any bytes */
        uint64_t blocks;             /* written, by any operation */
        uint64_t fresh_blocks;       /* those of operations with data */
        uint64_t bytes;
        uint64_t by[_SWB_TRANSFORM_MAX]; /* of the bytes */
        struct swb_runners_up tried;
        uint64_t memory_bytes, scratch_bytes;     /* of the operation that takes most for it */
        double work_ns;                           /* about, see swb_device_cost_work() */
        double fields, right, n_stored, n_opened; /* as in struct swb_share */
        unsigned encoders, depth;
        struct swb_closed closed; /* swb_costs_find_closed() */
};

struct swb_costs {
        struct swb_file_cost *items; /* owned; the dearest first, then by path */
        size_t n;                    /* files that some operation writes */
        uint64_t bytes;
        /* What swb_costs_count() found beside. */
        struct swb_device_cost device;
        struct swb_share_kinds kinds;
        struct swb_account *account; /* owned; NULL: of an estimate */
        uint64_t other_bytes;        /* data of other partitions */
        uint64_t own_bytes;          /* the payload's own: header, list of operations, signatures */
        bool is_guessed;             /* without the old image, and there are predictions */
        bool has_tried;
};

void swb_costs_done(struct swb_costs *costs);

/* While counting, one item a file of the scan. Return: 0, -ENOMEM. */
int swb_costs_init(struct swb_costs *costs, const struct swb_scan *scan) _warn_unused_;
/* `bytes` of data that write these extents; 0: copied from elsewhere, or zeros. */
void swb_costs_add(struct swb_costs *costs, const struct swb_scan *scan,
                   const struct swb_extent *extents, size_t n_extents, uint64_t bytes);
/* Ends the counting: sorts, adds up, and drops files that nothing writes. */
void swb_costs_end(struct swb_costs *costs);

struct swb_costs_input {
        struct swb_payload_file *file;
        size_t partition;
        const struct swb_image *old; /* NULL: not at hand */
        const struct swb_scan *scan; /* of the new image */
        const struct swb_open_scratch *scratch;
        bool try_others; /* needs `old` */
};

/* One partition of a payload, against the scan of its new image. Return: 0, NO_MEMORY, FORMAT (not
 * made from this old image), and what the reader says. */
int swb_costs_count(const struct swb_costs_input *input, struct swb_costs *ret,
                    struct swb_error *err) _warn_unused_;
/* One operation of type SWDIFF. For costs.c. */
int swb_costs_add_swdiff(const struct swb_costs_input *input, const struct swb_operation *op,
                         struct swb_classes *classes, struct swb_costs *costs,
                         struct swb_error *err) _warn_unused_;
/* What an operation takes of a device goes to the files that it makes. For costs.c, swdiff.c. */
void swb_costs_add_device(struct swb_costs *costs, const struct swb_runs *runs,
                          const struct swb_device_cost *device);

/* Asks of the dearest files that were not opened why they stay packed, if they do. IO, NO_MEMORY.
 */
int swb_costs_find_closed(struct swb_costs *costs, const struct swb_image *new,
                          struct swb_error *err) _warn_unused_;

/* What made most of the file's bytes. */
enum swb_transform swb_cost_transform(const struct swb_file_cost *cost);
enum swb_cpu swb_cost_cpu(const struct swb_file_cost *cost);

/* A path for people: the first name, or what the rest of an image is called. */
const char *swb_cost_name(const struct swb_file *file);

/* Appends an SVG tree map: a rectangle a file, its area the file's bytes, the files of a class in
 * one frame. 0, -ENOMEM, -E2BIG. */
int swb_costs_svg(const struct swb_costs *costs, const char *title,
                  struct swb_buf *buf) _warn_unused_;
