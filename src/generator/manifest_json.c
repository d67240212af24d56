/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/manifest_json.h"

#include <jansson.h>

#include "base/text.h"

#define SCHEMA 1             /* docs/spec/manifest.md */
#define PROPERTIES_VERSION 2 /* of the layout that Chromium OS calls payload properties */
#define TYPES_MAX (SWB_OP_LAST + 1)
#define CLOSED_MAX ((size_t)64)

/* Sets a member and owns the value also when that fails; a failed allocation is seen at the end. */
static void set(json_t *object, const char *name, json_t *value, bool *failed)
{
        if (json_object_set_new(object, name, value) < 0)
                *failed = true;
}

static json_t *hex(const uint8_t *digest)
{
        char text[SWB_SHA256_HEX];

        swb_hex_encode(digest, SWB_SHA256_BYTES, text);
        return json_string(text);
}

static json_t *base64(const void *data, size_t n_bytes)
{
        _cleanup_free_ char *text = malloc(SWB_BASE64_SIZE(n_bytes));

        if (!text)
                return NULL;
        swb_base64_encode(data, n_bytes, text);
        return json_string(text);
}

static json_t *number(uint64_t value)
{
        return json_integer((json_int_t)value);
}

struct tally {
        uint64_t count, bytes, blocks;
};

static void count_operations(const struct swb_operation_list *list, struct tally *tallies)
{
        for (size_t i = 0; i < list->n; i++) {
                const struct swb_operation *op = &list->items[i];
                struct tally *t = &tallies[op->type];

                t->count++;
                t->bytes += op->data_length;
                t->blocks += swb_extents_blocks(op->dst, op->n_dst);
        }
}

static json_t *operations(const struct swb_operation_list *lists, size_t n, bool *failed)
{
        struct tally tallies[TYPES_MAX] = {{0}};
        json_t *object = json_object();

        for (size_t i = 0; i < n; i++)
                count_operations(&lists[i], tallies);
        for (uint32_t type = 0; type < TYPES_MAX; type++) {
                json_t *entry;

                if (tallies[type].count == 0)
                        continue;
                entry = json_object();
                set(entry, "count", number(tallies[type].count), failed);
                set(entry, "bytes", number(tallies[type].bytes), failed);
                set(entry, "blocks", number(tallies[type].blocks), failed);
                set(object, swb_op_to_string(type), entry, failed);
        }
        return object;
}

static json_t *side(uint64_t n_bytes, const uint8_t *hash, bool *failed)
{
        json_t *object = json_object();

        set(object, "size", number(n_bytes), failed);
        set(object, "sha256", hex(hash), failed);
        return object;
}

static json_t *verity(const struct swb_verity_description *d, bool by_device, bool fec_by_device,
                      bool *failed)
{
        json_t *object = json_object();
        char salt[SWB_VERITY_SALT_TEXT];

        swb_verity_salt_text(&d->verity, salt);
        set(object, "root_hash", hex(d->root), failed);
        set(object, "salt", json_string(salt), failed);
        set(object, "algorithm", json_string("sha256"), failed);
        set(object, "data_blocks", number(d->verity.data_blocks), failed);
        set(object, "superblock", number(d->superblock), failed);
        set(object, "hash_start", number(d->verity.tree_start), failed);
        set(object, "made_by_device", json_boolean(by_device), failed);
        if (d->fec_roots > 0) {
                set(object, "fec_roots", number(d->fec_roots), failed);
                set(object, "fec_start", number(d->fec_start), failed);
                set(object, "fec_made_by_device", json_boolean(fec_by_device), failed);
        }
        return object;
}

static json_t *closed_content(const struct swb_closed_content *content, bool *failed)
{
        const struct swb_closed *closed = &content->closed;
        json_t *object = json_object();

        json_t *path = json_string(content->path);

        set(object, "path", path ? path : json_string("(not UTF-8)"), failed);
        set(object, "reason", json_string(swb_closed_why_to_string(closed->why)), failed);
        if (closed->packing != SWB_PACKING_PLAIN)
                set(object, "packing", json_string(swb_closed_packing(closed->packing)), failed);
        if (closed->why == SWB_CLOSED_ENCODER_MEMORY && closed->memory_bytes > 0)
                set(object, "memory", number(closed->memory_bytes), failed);
        set(object, "stored", number(content->blocks.n_blocks * SWB_BLOCK_BYTES), failed);
        set(object, "delta", number(content->n_delta), failed);
        return object;
}

/* The dearest. */
static json_t *closed_contents(const struct swb_closed_list *list, bool *failed)
{
        json_t *array = json_array();

        for (size_t i = 0; i < SWB_MIN(list->n, CLOSED_MAX); i++)
                if (json_array_append_new(array, closed_content(&list->items[i], failed)) < 0)
                        *failed = true;
        return array;
}

static json_t *partitions(const struct swb_manifest_facts *facts, bool *failed)
{
        json_t *array = json_array();

        for (size_t i = 0; i < facts->manifest->n_partitions; i++) {
                const struct swb_partition *p = &facts->manifest->partitions[i];
                json_t *object = json_object();

                set(object, "name", json_string(p->name), failed);
                set(object, "target", side(p->new_bytes, p->new_hash, failed), failed);
                if (p->has_old)
                        set(object, "source", side(p->old_bytes, p->old_hash, failed), failed);
                if (facts->verity)
                        set(object, "verity",
                            verity(&facts->verity[i], p->has_tree, p->has_fec, failed), failed);
                set(object, "operations", operations(&facts->operations[i], 1, failed), failed);
                if (facts->closed[i].n > 0)
                        set(object, "closed", closed_contents(&facts->closed[i], failed), failed);
                if (json_array_append_new(array, object) < 0)
                        *failed = true;
        }
        return array;
}

static json_t *key_ids(const char *const *ids, size_t n, bool *failed)
{
        json_t *array = json_array();

        for (size_t i = 0; i < n; i++)
                if (json_array_append_new(array, json_string(ids[i])) < 0)
                        *failed = true;
        return array;
}

static int set_signatures(json_t *root, const struct swb_manifest_facts *facts, bool *failed,
                          struct swb_error *err)
{
        const struct swb_signing *signing = facts->signing;
        bool is_signed = signing->n > 0 && !swb_signing_is_room(signing);
        uint8_t signature[SWB_SIGNATURE_BYTES_MAX] = {0};
        const char *ids[SWB_SIGNATURES_MAX] = {NULL};
        _cleanup_free_ char *pem = NULL;
        size_t n = 0;
        int r;

        if (is_signed) {
                r = swb_signing_first(signing, facts->payload->metadata_hash, signature, &n, err);
                if (r == 0)
                        r = swb_signer_public_pem(signing->signers[0], &pem, err);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < signing->n; i++)
                        ids[i] = swb_signer_id(signing->signers[i]);
        }
        set(root, "metadata_signature", base64(signature, n), failed);
        set(root, "public_key", base64(pem, pem ? strlen(pem) : 0), failed);
        set(root, "signing_keys", key_ids(ids, is_signed ? signing->n : 0, failed), failed);
        return 0;
}

static void set_identity(json_t *root, const struct swb_manifest_facts *facts, bool *failed)
{
        set(root, "version", number(PROPERTIES_VERSION), failed);
        set(root, "schema", number(SCHEMA), failed);
        set(root, "appid", json_string(facts->app_id), failed);
        set(root, "target_version", json_string(facts->target_version), failed);
        set(root, "is_delta", json_boolean(facts->manifest->partitions[0].has_old), failed);
        set(root, "source_version", json_string(facts->source_version), failed);
        set(root, "size", number(facts->payload->n_bytes), failed);
        set(root, "metadata_size", number(facts->payload->n_metadata_bytes), failed);
        /* base64 in spite of its name: that is what the readers expect */
        set(root, "sha256_hex", base64(facts->payload->file_hash, SWB_SHA256_BYTES), failed);
}

/* What a device must have and give to apply it. */
static void set_opened(json_t *root, const struct swb_needs *needs, bool *failed)
{
        json_t *opened = *needs->encoders ? json_object() : NULL;

        if (*needs->encoders == '\0')
                return;
        set(opened, "encoders", json_string(needs->encoders), failed);
        set(opened, "memory", number(needs->memory_bytes), failed);
        set(opened, "scratch", number(needs->scratch_bytes), failed);
        set(root, "opened", opened, failed);
}

static void set_content(json_t *root, const struct swb_manifest_facts *facts, bool *failed)
{
        const struct swb_manifest *m = facts->manifest;

        set(root, "metadata_sha256", hex(facts->payload->metadata_hash), failed);
        set(root, "payload_sha256", hex(facts->payload->payload_hash), failed);
        set(root, "profile", json_string(swb_profile_to_string(facts->profile)), failed);
        set(root, "minor_version", number(m->minor), failed);
        set(root, "block_size", number(m->block_size), failed);
        if (m->max_timestamp)
                set(root, "max_timestamp", json_integer(m->max_timestamp), failed);
        set(root, "tool", json_string("swb-pack " SWB_VERSION), failed);
        if (facts->time >= 0)
                set(root, "time", json_integer(facts->time), failed);
        set_opened(root, &m->needs, failed);
        set(root, "operations", operations(facts->operations, m->n_partitions, failed), failed);
        set(root, "partitions", partitions(facts, failed), failed);
}

static int dump(const json_t *root, struct swb_buf *buf, struct swb_error *err)
{
        char *text = json_dumps(root, JSON_INDENT(2));
        int r;

        if (!text)
                return swb_oom(err);
        r = swb_buf_printf(buf, "%s\n", text);
        free(text);
        return r < 0 ? swb_fail_errno(err, r, "write the JSON manifest") : 0;
}

int swb_manifest_json_write(const struct swb_manifest_facts *facts, struct swb_buf *buf,
                            struct swb_error *err)
{
        json_t *root = json_object();
        bool failed = !root;
        int r;

        set_identity(root, facts, &failed);
        r = set_signatures(root, facts, &failed, err);
        if (r == 0) {
                set_content(root, facts, &failed);
                r = failed ? swb_fail(
                                     err, -ENOMEM, SWB_FAULT_NO_MEMORY,
                                     "make the JSON manifest: out of memory, or a name that is not "
                                     "UTF-8")
                           : dump(root, buf, err);
        }
        json_decref(root);
        return r;
}

static int update(json_t *root, const struct swb_manifest_signed *facts, struct swb_buf *buf,
                  struct swb_error *err)
{
        bool failed = false;

        if (!json_is_string(json_object_get(root, "sha256_hex")) ||
            !json_is_string(json_object_get(root, "metadata_signature")))
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "not a payload's JSON manifest");
        set(root, "sha256_hex", base64(facts->file_hash, SWB_SHA256_BYTES), &failed);
        set(root, "metadata_signature",
            base64(facts->metadata_signature, facts->n_metadata_signature), &failed);
        set(root, "public_key", base64(facts->public_key_pem, strlen(facts->public_key_pem)),
            &failed);
        set(root, "signing_keys", key_ids(facts->key_ids, facts->n_keys, &failed), &failed);
        return failed ? swb_oom(err) : dump(root, buf, err);
}

int swb_manifest_json_sign(const void *text, size_t n_bytes,
                           const struct swb_manifest_signed *facts, struct swb_buf *buf,
                           struct swb_error *err)
{
        json_error_t error;
        json_t *root = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &error);
        int r;

        if (!root)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "JSON manifest, line %d: %s",
                                error.line, error.text);
        r = update(root, facts, buf, err);
        json_decref(root);
        return r;
}
