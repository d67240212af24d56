/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"
#include "bin/swb-pack/explain.h"

#define JSON_MAX_BYTES ((size_t)256 << 20)

static void put_file(struct swb_json *json, const struct swb_costs *costs,
                     const struct swb_file_cost *c)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "path", c->file->kind == SWB_FILE_REST ? NULL : swb_cost_name(c->file));
        swb_json_u64(json, "bytes", c->bytes);
        swb_json_u64(json, "blocks", c->fresh_blocks);
        swb_json_str(json, "how", swb_transform_to_string(swb_cost_transform(c)));
        if (costs->has_plain)
                swb_json_u64(json, "by_bytes", c->plain_bytes);
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
        swb_json_bool(&json, "exact", !costs->is_guessed);
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
