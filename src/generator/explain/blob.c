/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/blob.h"

#include "base/endian.h"
#include "open/wrapper.h"
#include "os/file.h"

#define MAGIC_BYTES 4u

static int read_at(const struct swb_payload_file *file, const struct swb_operation *op,
                   uint64_t offset, uint8_t *data, size_t n, struct swb_error *err)
{
        return swb_pread(file->fd, file->path, data, n,
                         swb_payload_reader_blobs_start(file->reader) + op->data_offset + offset,
                         err);
}

int swb_blob_read(const struct swb_payload_file *file, const struct swb_operation *op,
                  uint8_t **ret, struct swb_error *err)
{
        _cleanup_free_ uint8_t *data = malloc((size_t)op->data_length + 1);
        int r;

        if (!data)
                return swb_oom(err);
        r = read_at(file, op, 0, data, (size_t)op->data_length, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(data);
        return 0;
}

const char *swb_format_to_string(enum swb_format format)
{
        static const char *const names[_SWB_FORMAT_MAX] = {
                [SWB_FORMAT_NONE] = "",
                [SWB_FORMAT_SWD1] = "SWD1",
                [SWB_FORMAT_SWD2] = "SWD2",
                [SWB_FORMAT_SWO1_SWD1] = "SWO1+SWD1",
                [SWB_FORMAT_SWO1_SWD2] = "SWO1+SWD2",
                [SWB_FORMAT_OTHER] = "unknown",
        };

        swb_assert(format >= 0 && format < _SWB_FORMAT_MAX);
        return names[format];
}

static enum swb_format by_magic(const uint8_t *magic, bool opened)
{
        if (memcmp(magic, "SWD1", MAGIC_BYTES) == 0)
                return opened ? SWB_FORMAT_SWO1_SWD1 : SWB_FORMAT_SWD1;
        if (memcmp(magic, "SWD2", MAGIC_BYTES) == 0 || memcmp(magic, "SWDN", MAGIC_BYTES) == 0)
                return opened ? SWB_FORMAT_SWO1_SWD2 : SWB_FORMAT_SWD2;
        return SWB_FORMAT_OTHER;
}

int swb_format_of(const struct swb_payload_file *file, const struct swb_operation *op,
                  enum swb_format *ret, struct swb_error *err)
{
        uint8_t head[SWB_OPEN_HEADER_BYTES];
        uint64_t at = 0;
        int r;

        *ret = op->type == SWB_OP_SWDIFF ? SWB_FORMAT_OTHER : SWB_FORMAT_NONE;
        if (*ret == SWB_FORMAT_NONE || op->data_length < sizeof(head))
                return 0;
        r = read_at(file, op, 0, head, sizeof(head), err);
        if (r < 0)
                return r;
        if (!swb_open_is_wrapped(head, sizeof(head))) {
                *ret = by_magic(head, false);
                return 0;
        }
        for (unsigned i = 0; i < SWB_OPEN_LAYERS_MAX && swb_open_is_wrapped(head, sizeof(head));
             i++) {
                at += sizeof(head) + swb_get_le32(head + 8);
                if (at + sizeof(head) > op->data_length)
                        return 0;
                r = read_at(file, op, at, head, sizeof(head), err);
                if (r < 0)
                        return r;
        }
        *ret = by_magic(head, true);
        return 0;
}

int swb_formats_count(struct swb_payload_file *file, size_t partition,
                      struct swb_format_tally tallies[static _SWB_FORMAT_MAX],
                      struct swb_error *err)
{
        memset(tallies, 0, _SWB_FORMAT_MAX * sizeof(*tallies));
        for (size_t number = 0;; number++) {
                const struct swb_operation *op;
                enum swb_format format;
                size_t of;
                int r = swb_payload_reader_peek(file->reader, number, &op, &of, err);

                if (r == 0)
                        return 0;
                if (r > 0 && partition != SIZE_MAX && of != partition)
                        continue;
                if (r > 0)
                        r = swb_format_of(file, op, &format, err);
                if (r < 0)
                        return swb_wrap(err, r, "operation %zu", number);
                tallies[format].count++;
                tallies[format].bytes += op->data_length;
        }
}
