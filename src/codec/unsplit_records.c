/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/unsplit_parts.h"

/* So much of a table is turned around at once: what its columns take of the cache is bounded. */
#define AT_ONCE_BYTES ((size_t)16 << 10)
_Static_assert(AT_ONCE_BYTES <= SWB_SPLIT_ROOM_BYTES, "the output need not have so much room");

struct layout {
        uint32_t n_fields;
        uint8_t fields[SWB_SPLIT_FIELDS_MAX]; /* width, and SWB_SPLIT_DELTA */
        size_t n_record;
};

static unsigned width_of(uint8_t field)
{
        return field & (SWB_SPLIT_DELTA - 1);
}

static int take_layout(struct swb_unsplit *u, struct layout *layout)
{
        int r = swb_unsplit_number(&u->sources[0], &layout->n_fields);

        if (r == 0 && (layout->n_fields == 0 || layout->n_fields > SWB_SPLIT_FIELDS_MAX))
                return -EBADMSG;
        layout->n_record = 0;
        for (uint32_t i = 0; i < layout->n_fields && r == 0; i++) {
                unsigned width;

                r = swb_unsplit_byte(&u->sources[0], &layout->fields[i]);
                if (r < 0)
                        break;
                width = width_of(layout->fields[i]);
                if (width != 1 && width != 2 && width != 4 && width != 8)
                        return -EBADMSG;
                layout->n_record += width;
        }
        return r;
}

/* Of a region: byte c of record i is at columns[c * count + i]. */
struct table {
        const uint8_t *columns;
        size_t count, n_record;
};

/* One field of n records from record `first` on. *sum: of those before; NULL: no difference.
 * `width` is a constant wherever this is called. */
static inline __attribute__((always_inline)) void make_field(const struct table *table,
                                                             size_t first, size_t n, unsigned width,
                                                             uint64_t *sum, uint8_t *out)
{
        const uint8_t *column = table->columns + first;
        uint64_t total = sum ? *sum : 0;

        for (size_t i = 0; i < n; i++, column++, out += table->n_record) {
                uint64_t value = 0;

#pragma GCC unroll 8
                for (unsigned k = 0; k < width; k++)
                        value |= (uint64_t)column[k * table->count] << 8 * k;
                if (sum)
                        value = total += value;
#pragma GCC unroll 8
                for (unsigned k = 0; k < width; k++)
                        out[k] = (uint8_t)(value >> 8 * k);
        }
        if (sum)
                *sum = total;
}

static void make_field_of(const struct table *table, size_t first, size_t n, unsigned width,
                          uint64_t *sum, uint8_t *out)
{
        if (width == 8)
                make_field(table, first, n, 8, sum, out);
        else if (width == 4)
                make_field(table, first, n, 4, sum, out);
        else if (width == 2)
                make_field(table, first, n, 2, sum, out);
        else
                make_field(table, first, n, 1, sum, out);
}

/* As many records at once as the buffer takes. */
static int make_table(struct swb_unsplit *u, struct table table, const struct layout *layout)
{
        uint64_t sums[SWB_SPLIT_FIELDS_MAX] = {0};
        const uint8_t *const columns = table.columns;
        size_t n;

        for (size_t done = 0; done < table.count; done += n) {
                size_t offset = 0;
                int r = swb_unsplit_room(u, AT_ONCE_BYTES);

                if (r < 0)
                        return r;
                n = SWB_MIN(table.count - done, AT_ONCE_BYTES / table.n_record);
                for (uint32_t i = 0; i < layout->n_fields; i++) {
                        unsigned width = width_of(layout->fields[i]);
                        bool is_delta = layout->fields[i] & SWB_SPLIT_DELTA;

                        table.columns = columns + offset * table.count;
                        make_field_of(&table, done, n, width, is_delta ? &sums[i] : NULL,
                                      u->out + u->n_out + offset);
                        offset += width;
                }
                u->n_out += n * table.n_record;
        }
        return 0;
}

int swb_unsplit_records(struct swb_unsplit *u, const struct swb_unsplit_region *region)
{
        struct layout layout;
        struct table table;
        int r = take_layout(u, &layout);

        if (r < 0)
                return r;
        if (region->n > SWB_SPLIT_RECORDS_MAX)
                return -E2BIG;
        if (region->n % layout.n_record != 0)
                return -EBADMSG;
        table = (struct table){.columns = swb_unsplit_take(&u->sources[region->stream], region->n),
                               .count = region->n / layout.n_record,
                               .n_record = layout.n_record};
        return table.columns ? make_table(u, table, &layout) : -EBADMSG;
}
