/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/record.h"

#include "base/text.h"
#include "device/engine/state.h"

static int put_text(struct swb_buf *buf, const char *key, const char *value)
{
        return *value ? swb_kv_put(buf, key, value) : 0;
}

static int put_number(struct swb_buf *buf, const char *key, uint64_t value)
{
        return value ? swb_kv_put_u64(buf, key, value) : 0;
}

static int put_sha256(struct swb_buf *buf, const char *key, const uint8_t *digest)
{
        char hex[SWB_SHA256_HEX];

        swb_hex_encode(digest, SWB_SHA256_BYTES, hex);
        return swb_kv_put(buf, key, hex);
}

static int put_field(struct swb_buf *buf, const struct swb_field *field, const void *member)
{
        switch (field->type) {
        case SWB_FIELD_TEXT:
                return put_text(buf, field->key, member);
        case SWB_FIELD_NUMBER:
                return put_number(buf, field->key, *(const uint64_t *)member);
        case SWB_FIELD_UNSIGNED:
                return put_number(buf, field->key, *(const unsigned *)member);
        case SWB_FIELD_FLAG:
                return put_number(buf, field->key, *(const bool *)member);
        case SWB_FIELD_CODE:
                return swb_kv_put_i64(buf, field->key, *(const int *)member);
        case SWB_FIELD_FAULT:
                return put_text(buf, field->key,
                                swb_fault_to_string(*(const enum swb_fault *)member));
        case SWB_FIELD_SLOT:
                return put_text(buf, field->key,
                                swb_slot_to_string(*(const enum swb_slot *)member));
        case SWB_FIELD_PHASE:
                return put_text(buf, field->key,
                                swb_phase_to_string(*(const enum swb_phase *)member));
        case SWB_FIELD_SHA256:
                return put_sha256(buf, field->key, member);
        default:
                swb_assert(false);
                return -EINVAL;
        }
}

int swb_record_put(struct swb_buf *buf, const struct swb_field *fields, const void *record)
{
        int r = 0;

        for (const struct swb_field *field = fields; r >= 0 && field->key; field++)
                r = put_field(buf, field, (const char *)record + field->offset);
        return r;
}

static bool get_text(const struct swb_kv *kv, const struct swb_field *field, char *member)
{
        const char *value = swb_kv_str(kv, field->key, "");

        if (strlen(value) >= field->n_bytes)
                return false;
        memcpy(member, value, strlen(value) + 1);
        return true;
}

static bool get_number(const struct swb_kv *kv, const char *key, uint64_t max, uint64_t *ret)
{
        int r;

        *ret = 0;
        r = swb_kv_u64(kv, key, ret);
        return (r >= 0 || r == -ENOENT) && *ret <= max;
}

static bool get_code(const struct swb_kv *kv, const char *key, int *ret)
{
        int64_t code = 0;

        if (swb_kv_i64(kv, key, &code) < 0 || code < INT32_MIN || code > INT32_MAX)
                return false;
        *ret = (int)code;
        return true;
}

/* The named kinds: a member keeps what it held when the name is not known. */
static bool get_named(const struct swb_field *field, const char *name, void *member)
{
        enum swb_fault fault = swb_fault_from_string(name);
        enum swb_slot slot = swb_slot_from_string(name);
        enum swb_phase phase = swb_phase_from_string(name);

        if (field->type == SWB_FIELD_FAULT && fault != _SWB_FAULT_INVALID)
                *(enum swb_fault *)member = fault;
        else if (field->type == SWB_FIELD_SLOT && slot != _SWB_SLOT_INVALID)
                *(enum swb_slot *)member = slot;
        else if (field->type == SWB_FIELD_PHASE && phase != _SWB_PHASE_INVALID)
                *(enum swb_phase *)member = phase;
        else
                return false;
        return true;
}

static bool get_field(const struct swb_kv *kv, const struct swb_field *field, void *member)
{
        const char *text = swb_kv_str(kv, field->key, "");
        uint64_t number;
        bool is_good;

        switch (field->type) {
        case SWB_FIELD_TEXT:
                return get_text(kv, field, member);
        case SWB_FIELD_NUMBER:
                return get_number(kv, field->key, UINT64_MAX, member);
        case SWB_FIELD_UNSIGNED:
                is_good = get_number(kv, field->key, UINT32_MAX, &number);
                *(unsigned *)member = is_good ? (unsigned)number : 0;
                return is_good;
        case SWB_FIELD_FLAG:
                is_good = get_number(kv, field->key, UINT64_MAX, &number);
                *(bool *)member = number != 0;
                return is_good;
        case SWB_FIELD_CODE:
                return get_code(kv, field->key, member);
        case SWB_FIELD_FAULT:
        case SWB_FIELD_SLOT:
        case SWB_FIELD_PHASE:
                return get_named(field, text, member);
        case SWB_FIELD_SHA256:
                return swb_hex_decode(text, member, SWB_SHA256_BYTES) >= 0;
        default:
                swb_assert(false);
                return false;
        }
}

const char *swb_record_get(const struct swb_kv *kv, const struct swb_field *fields, void *record)
{
        const char *wrong = NULL;

        for (const struct swb_field *field = fields; field->key; field++)
                if (!get_field(kv, field, (char *)record + field->offset))
                        wrong = field->key;
        return wrong;
}
