/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/swd2_watch.h"

int swb_swd2_watch_part(struct swb_swd2_watch *watch, const struct swb_swd2_part *part)
{
        watch->now = (struct swb_swd2_taken){.part = watch->n_parts++, .model = part->model};
        return watch->part(watch->context, part);
}

void swb_swd2_watch_piece(struct swb_swd2_watch *watch, const struct swb_stream *streams,
                          size_t n_streams, uint64_t n_target)
{
        for (size_t i = 0; i < n_streams; i++) {
                const struct swb_stream *s = &streams[i];
                uint64_t position = s->n_bytes - s->left - (s->n - s->at);

                watch->now.bytes[i] = position - watch->before[i];
                watch->before[i] = position;
        }
        watch->now.target = watch->at;
        watch->now.n_target = n_target;
        watch->taken(watch->context, &watch->now);
        watch->now = (struct swb_swd2_taken){.part = watch->now.part, .model = watch->now.model};
}

void swb_swd2_watch_bytes(struct swb_swd2_watch *watch, size_t stream, const uint8_t *data,
                          size_t n)
{
        for (size_t i = 0; i < n; i++)
                watch->now.zeros[stream] += data[i] == 0;
        if (watch->bytes)
                watch->bytes(watch->context, stream, data, n);
}

void swb_swd2_watch_field(struct swb_swd2_watch *watch, uint8_t kind, uint64_t correction)
{
        watch->now.fields[kind]++;
        watch->now.right[kind] += correction == 0;
        watch->now.zeros[SWB_SWD2_CORRECTIONS + kind] += correction == 0;
}

void swb_swd2_watch_entries(struct swb_swd2_watch *watch, const struct swb_copy *copies, size_t n,
                            uint64_t n_target)
{
        for (size_t i = 0; i < n; i++) {
                const struct swb_copy *copy = &copies[i];
                uint64_t end = i + 1 < n ? copy[1].new : n_target;
                struct swb_swd2_taken taken = {.part = watch->now.part,
                                               .model = watch->now.model,
                                               .target = watch->at + copy->new,
                                               .n_target = copy->n_bytes};

                taken.bytes[SWB_SWD2_DIFFERENCES] = copy->n_bytes;
                watch->taken(watch->context, &taken);
                taken.target += copy->n_bytes;
                taken.n_target = end - copy->new - copy->n_bytes;
                taken.bytes[SWB_SWD2_DIFFERENCES] = 0;
                taken.bytes[SWB_SWD2_NEW_BYTES] = taken.n_target;
                watch->taken(watch->context, &taken);
        }
        watch->at += n_target;
}

int swb_swd2_table_read(const uint8_t *patch, size_t n_patch, struct swb_swd2_table *ret)
{
        struct swb_cursor c = SWB_CURSOR(patch, n_patch);
        const uint8_t *head = swb_cursor_take(&c, SWB_STREAM_TABLE_HEAD_BYTES), *entry;

        *ret = (struct swb_swd2_table){0};
        if (!head || memcmp(head, SWB_SWD2_MAGIC, 4) != 0 || head[4] > SWB_SWD2_STREAMS_MAX)
                return -EBADMSG;
        ret->n_streams = head[4];
        ret->window_bytes = head[5] * SWB_SWD2_UNIT_BYTES;
        ret->needs_bytes = swb_patch_needs(patch, n_patch);
        for (size_t i = 0; i < ret->n_streams; i++) {
                enum swb_codec codec;

                entry = swb_cursor_take(&c, SWB_STREAM_TABLE_ENTRY_BYTES);
                if (!entry)
                        return -EBADMSG;
                ret->packed[i] = swb_get_le32(entry + 1);
                ret->bytes[i] = swb_get_le32(entry + 5);
                if (swb_stream_codec(entry[0], &codec) < 0)
                        return -EBADMSG;
                ret->decoders_bytes +=
                        swb_swd2_decoder_bytes(codec, ret->bytes[i], ret->window_bytes);
        }
        ret->n_head = c.pos;
        return 0;
}
