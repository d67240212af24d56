/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"
#include "bin/swb-pack/explain.h"

#define JSON_MAX_BYTES ((size_t)256 << 20)

static void put_file_device(struct swb_json *json, const struct swb_file_cost *c)
{
        swb_json_str(json, "cpu", swb_cpu_to_string(swb_cost_cpu(c)));
        if (c->memory_bytes == 0)
                return;
        swb_json_u64(json, "memory", c->memory_bytes);
        swb_json_u64(json, "scratch", c->scratch_bytes);
}

static void put_file(struct swb_json *json, const struct swb_costs *costs,
                     const struct swb_file_cost *c)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "path", c->file->kind == SWB_FILE_REST ? NULL : swb_cost_name(c->file));
        swb_json_u64(json, "bytes", c->bytes);
        swb_json_u64(json, "blocks", c->fresh_blocks);
        swb_json_str(json, "how", swb_transform_to_string(swb_cost_transform(c)));
        if (c->bytes > 0)
                swb_json_str(json, "class", swb_class_to_string(c->class));
        if (costs->has_tried) {
                swb_json_u64(json, "by_bytes", c->tried.by_bytes);
                if (c->tried.opened > 0)
                        swb_json_u64(json, "opened_by_bytes", c->tried.opened);
                swb_json_u64(json, "packed", c->tried.packed);
        }
        put_file_device(json, c);
        if (c->closed.why != SWB_CLOSED_NOT)
                swb_json_str(json, "closed", swb_closed_why_to_string(c->closed.why));
        if (c->fields >= 1) {
                swb_json_u64(json, "fields", (uint64_t)(c->fields + 0.5));
                swb_json_u64(json, "fields_right", (uint64_t)(c->right + 0.5));
        }
        if (c->n_opened > 0) {
                swb_json_u64(json, "stored", (uint64_t)(c->n_stored + 0.5));
                swb_json_u64(json, "opened", (uint64_t)(c->n_opened + 0.5));
                swb_json_u64(json, "depth", c->depth);
                swb_json_open_array(json, "encoders");
                for (int i = SWB_ENCODER_NONE + 1; i < _SWB_ENCODER_MAX; i++)
                        if (c->encoders & 1u << i)
                                swb_json_str(json, NULL,
                                             swb_encoder_to_string((enum swb_encoder_id)i));
                swb_json_close_array(json);
        }
        swb_json_close_object(json);
}

static void put_fields(struct swb_json *json, const struct swb_share_kinds *kinds)
{
        swb_json_open_object(json, "fields");
        for (unsigned i = 0; i < SWB_FIELD_KINDS_MAX; i++) {
                if (kinds->fields[i] == 0)
                        continue;
                swb_json_open_object(json, swb_predictor_kind((uint8_t)i));
                swb_json_u64(json, "count", kinds->fields[i]);
                swb_json_u64(json, "right", kinds->right[i]);
                swb_json_close_object(json);
        }
        swb_json_close_object(json);
}

/* Each stream that has any; corrections by kind. */
static void put_streams(struct swb_json *json, const struct swb_account *account,
                        enum swb_class class, enum swb_lot lot)
{
        uint64_t corrections = swb_account_of_group(account, class, lot, SWB_GROUP_CORRECTIONS);

        swb_json_open_object(json, "streams");
        for (unsigned i = 0; i < SWB_ACCOUNT_STREAMS; i++) {
                uint64_t bytes = swb_account_of_stream(account, class, lot, i);

                if (bytes > 0 && !swb_account_stream_kind(i))
                        swb_json_u64(json, swb_account_stream_name(i), bytes);
        }
        if (corrections > 0)
                swb_json_open_object(json, "corrections");
        for (unsigned i = 0; i < SWB_ACCOUNT_STREAMS; i++) {
                uint64_t bytes = swb_account_of_stream(account, class, lot, i);

                if (bytes > 0 && swb_account_stream_kind(i))
                        swb_json_u64(json, swb_account_stream_kind(i), bytes);
        }
        if (corrections > 0)
                swb_json_close_object(json);
        swb_json_close_object(json);
}

static void put_lots(struct swb_json *json, const struct swb_account *account, enum swb_class class)
{
        swb_json_open_array(json, "lots");
        for (int lot = SWB_LOT_WHOLE + 1; lot < _SWB_LOT_MAX; lot++) {
                uint64_t bytes = swb_account_sum(account, class, (enum swb_lot)lot);

                if (bytes == 0)
                        continue;
                swb_json_open_object(json, NULL);
                swb_json_str(json, "lot", swb_lot_to_string((enum swb_lot)lot));
                swb_json_u64(json, "bytes", bytes);
                put_streams(json, account, class, (enum swb_lot)lot);
                swb_json_close_object(json);
        }
        swb_json_close_array(json);
}

static void put_account(struct swb_json *json, const struct swb_account *account)
{
        swb_json_open_array(json, "account");
        for (int class = 0; class < _SWB_CLASS_MAX; class ++) {
                if (account->files[class] == 0)
                        continue;
                swb_json_open_object(json, NULL);
                swb_json_str(json, "class", swb_class_to_string((enum swb_class) class));
                swb_json_u64(json, "files", account->files[class]);
                swb_json_u64(json, "bytes",
                             swb_account_sum(account, (enum swb_class) class, _SWB_LOT_MAX));
                put_streams(json, account, (enum swb_class) class, _SWB_LOT_MAX);
                put_lots(json, account, (enum swb_class) class);
                swb_json_close_object(json);
        }
        swb_json_close_array(json);
}

static void put_device(struct swb_json *json, const struct swb_costs *costs)
{
        const struct swb_device_cost *d = &costs->device;
        uint64_t unpacked = 0;

        for (size_t i = 0; i < _SWB_PACKING_MAX; i++)
                unpacked += d->unpacked[i];
        swb_json_open_object(json, "device");
        swb_json_u64(json, "memory", d->total_bytes);
        swb_json_u64(json, "small_windows", d->n_small_windows);
        swb_json_u64(json, "opened_first", d->n_opened_first);
        swb_json_u64(json, "decoders", d->decoder_bytes);
        swb_json_u64(json, "predictor", d->predictor_bytes);
        swb_json_u64(json, "entries", d->entry_bytes);
        swb_json_u64(json, "opening", d->opening_bytes);
        swb_json_u64(json, "scratch", d->scratch_bytes);
        swb_json_u64(json, "decoded", d->decoded);
        swb_json_u64(json, "predicted", d->fields);
        swb_json_u64(json, "opened", unpacked);
        swb_json_open_object(json, "encoded");
        for (int i = SWB_ENCODER_NONE + 1; i < _SWB_ENCODER_MAX; i++)
                if (d->encoded[i] > 0)
                        swb_json_u64(json, swb_encoder_to_string((enum swb_encoder_id)i),
                                     d->encoded[i]);
        swb_json_close_object(json);
        swb_json_close_object(json);
}

int swb_explain_json(const struct swb_costs *costs, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(JSON_MAX_BYTES);
        struct swb_json json = SWB_JSON(&text, true);
        int r;

        swb_json_open_object(&json, NULL);
        swb_json_u64(&json, "bytes", costs->bytes);
        swb_json_u64(&json, "own_bytes", costs->own_bytes);
        swb_json_u64(&json, "other_bytes", costs->other_bytes);
        swb_json_bool(&json, "exact", !costs->is_guessed);
        put_account(&json, costs->account);
        put_fields(&json, &costs->kinds);
        put_device(&json, costs);
        swb_json_open_array(&json, "files");
        for (size_t i = 0; i < costs->n; i++)
                put_file(&json, costs, &costs->items[i]);
        swb_json_close_array(&json);
        swb_json_close_object(&json);
        r = swb_json_end(&json);
        if (r < 0)
                return swb_fail_errno(err, r, "make the JSON text");
        (void)fwrite(text.data, 1, text.n_bytes, stdout);
        return 0;
}
