/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "bin/swb-pack/commands.h"
#include "bin/swb-pack/install.h"
#include "bin/swb-pack/payload.h"
#include "generator/pack/output.h"

static struct swb_opt_list public_keys, partitions;
static uint64_t n_required = 1;
static const char *scratch_folder, *progress_form = "auto";

const struct swb_opt swb_verify_options[] = {
        {0, "public-key", SWB_OPT_LIST, &public_keys, "FILE|DIR", false,
         "key that must have signed it, one of these (several; needed if it is signed)"},
        {0, "required-signatures", SWB_OPT_U64, &n_required, "N", false,
         "so many different ones of these keys must have signed (default 1)"},
        {0, "partition", SWB_OPT_LIST, &partitions, "NAME=OLD", false,
         "old image of a partition (several): with all of them the payload is applied too"},
        {0, "scratch", SWB_OPT_STRING, &scratch_folder, "DIR", false,
         "where to apply it to (default: the payload's folder)"},
        {0, "progress", SWB_OPT_STRING, &progress_form, "FORM", false,
         "auto (default), plain, json or none"},
        {0},
};

/* A script that forgets the key must not take a signed payload for a checked one. */
static int check_key_use(struct swb_payload_file *file, const struct swb_keyring *keys,
                         struct swb_error *err)
{
        struct swb_signature signatures[SWB_KEYS_MAX];
        size_t n;
        int r = swb_payload_reader_metadata_signatures(file->reader, signatures, SWB_KEYS_MAX, &n,
                                                       err);

        if (r == 0 && n > 0 && !keys)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s' is signed: give --public-key to verify it", file->path);
        return r;
}

static int apply(const struct swb_payload_file *file, const struct swb_keyring *keys,
                 const struct swb_images *images, struct swb_progress_view *view,
                 struct swb_error *err)
{
        const struct swb_manifest *manifest = swb_payload_reader_manifest(file->reader);
        _cleanup_(swb_scratch_done) struct swb_scratch scratch = SWB_SCRATCH_INIT;
        _cleanup_free_ char *folder =
                scratch_folder ? strdup(scratch_folder) : swb_folder_of(file->path);
        struct swb_install_slot slots[SWB_PARTITIONS_MAX];
        int r = folder ? swb_scratch_make(&scratch, folder, manifest, err) : swb_oom(err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < scratch.n; i++)
                slots[i] = (struct swb_install_slot){
                        .partition = manifest->partitions[i].name,
                        .target = scratch.paths[i],
                        .source = swb_images_old(images, manifest->partitions[i].name)};
        return swb_install_file(file->fd, file->path, slots, scratch.n, keys, view, err);
}

static void report_keys(const struct swb_keyring *keys, const struct swb_key_votes *votes)
{
        const char *mark = "";

        (void)printf("signatures: good, %s ", votes->n == 1 ? "key" : "keys");
        for (size_t i = 0; i < swb_keyring_count(keys); i++)
                if (votes->by_key[i]) {
                        (void)printf("%s%s", mark, swb_keyring_id(keys, i));
                        mark = ", ";
                }
        (void)printf("\n");
}

static void report(const struct swb_payload_check *check, const struct swb_keyring *keys,
                   bool is_applied)
{
        if (keys)
                report_keys(keys, &check->votes);
        else
                (void)printf("signatures: none\n");
        (void)printf("operations: %" PRIu64 ", data of %" PRIu64 " compared with its hash\n",
                     check->n_operations, check->n_hashed);
        (void)printf("result: %s\n", is_applied ? "applied, every target has its hash"
                                                : "not applied (--partition gives the old images)");
}

static int verify(const char *path, const struct swb_keyring *keys, const struct swb_images *images,
                  struct swb_progress_view *view, struct swb_error *err)
{
        _cleanup_(swb_payload_file_freep) struct swb_payload_file *file = NULL;
        const struct swb_manifest *manifest;
        struct swb_payload_check check;
        bool complete;
        int r = swb_payload_file_open(path, SWB_PAYLOAD_APPLY, keys, &file, err);

        if (r < 0)
                return r;
        manifest = swb_payload_reader_manifest(file->reader);
        complete = swb_images_complete(manifest, images);
        r = check_key_use(file, keys, err);
        if (r == 0)
                r = swb_check_images(manifest, images, err);
        if (r == 0)
                r = swb_payload_file_check(file, keys, &check, err);
        if (r == 0 && complete)
                r = apply(file, keys, images, view, err);
        swb_progress_view_end(view);
        if (r < 0)
                return r;
        report(&check, keys, complete);
        return 0;
}

int swb_cmd_verify(int n_args _unused_, char **args, struct swb_error *err)
{
        _cleanup_(swb_images_done) struct swb_images images = {.n = 0};
        _cleanup_(swb_keyring_freep) struct swb_keyring *keys = NULL;
        struct swb_progress_view view;
        int r = swb_progress_view_init(&view, progress_form, err);

        if (r == 0)
                r = swb_images_parse(&images, &partitions, SWB_IMAGES_OLD, err);
        if (r == 0)
                r = swb_load_keys(&public_keys, n_required, &keys, err);
        return r < 0 ? r : verify(args[0], keys, &images, &view, err);
}
