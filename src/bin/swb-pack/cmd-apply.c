/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <sys/stat.h>

#include "bin/swb-pack/commands.h"
#include "bin/swb-pack/install.h"
#include "bin/swb-pack/payload.h"
#include "generator/pack/output.h"

static struct swb_opt_list public_keys, partitions;
static uint64_t n_required = 1;
static const char *progress_form = "auto";

const struct swb_opt swb_apply_options[] = {
        {0, "partition", SWB_OPT_LIST, &partitions, "NAME=[OLD:]NEW", false,
         "images of a partition (several)"},
        {0, "public-key", SWB_OPT_LIST, &public_keys, "FILE|DIR", false,
         "key that must have signed it, one of these (several; default: signatures don't matter)"},
        {0, "required-signatures", SWB_OPT_U64, &n_required, "N", false,
         "so many different ones of these keys must have signed (default 1)"},
        {0, "progress", SWB_OPT_STRING, &progress_form, "FORM", false,
         "auto (default), plain, json or none"},
        {0},
};

/* Where each partition goes: a file that appears at the end, or a block device that is there. */
struct targets {
        struct swb_output *outputs[SWB_PARTITIONS_MAX]; /* NULL: block device */
        char paths[SWB_PARTITIONS_MAX][64];
        struct swb_install_slot slots[SWB_PARTITIONS_MAX];
        size_t n;
};

static void targets_done(struct targets *targets)
{
        for (size_t i = 0; i < targets->n; i++)
                targets->outputs[i] = swb_output_free(targets->outputs[i]);
}

static int open_target(struct targets *targets, const char *path, uint64_t n_bytes,
                       struct swb_error *err)
{
        size_t i = targets->n;
        struct stat st;
        int r;

        targets->outputs[i] = NULL;
        targets->n++;
        targets->slots[i].target = path;
        if (stat(path, &st) == 0 && S_ISBLK(st.st_mode))
                return 0;
        r = swb_output_new(path, &targets->outputs[i], err);
        if (r < 0)
                return r;
        if (ftruncate(swb_output_fd(targets->outputs[i]), (off_t)n_bytes) < 0)
                return swb_fail_errno(err, errno, "make '%s' with %" PRIu64 " bytes", path,
                                      n_bytes);
        targets->slots[i].target = swb_output_current_path(targets->outputs[i], targets->paths[i]);
        return 0;
}

static const char *new_path_of(const struct swb_images *images, const char *partition)
{
        for (size_t i = 0; i < images->n; i++)
                if (strcmp(images->items[i].name, partition) == 0)
                        return images->items[i].new_path;
        return NULL;
}

static bool is_same_file(const char *a, const char *b)
{
        struct stat x, y;

        if (stat(a, &x) < 0 || stat(b, &y) < 0)
                return false;
        if (S_ISBLK(x.st_mode) && S_ISBLK(y.st_mode))
                return x.st_rdev == y.st_rdev;
        return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int open_targets(struct targets *targets, const struct swb_manifest *manifest,
                        const struct swb_images *images, struct swb_error *err)
{
        for (size_t i = 0; i < manifest->n_partitions; i++) {
                const struct swb_partition *p = &manifest->partitions[i];
                const char *old_path = swb_images_old(images, p->name);
                const char *new_path = new_path_of(images, p->name);
                int r;

                if (!new_path)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "the payload also has partition '%s': give its images with "
                                        "--partition",
                                        p->name);
                if (p->has_old && !old_path)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "a delta: the old image of partition '%s' is needed",
                                        p->name);
                if (old_path && is_same_file(old_path, new_path))
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "'%s' can't be both the old and the new image", new_path);
                targets->slots[targets->n] =
                        (struct swb_install_slot){.partition = p->name, .source = old_path};
                r = open_target(targets, new_path, p->new_bytes, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int apply(const char *path, const struct swb_keyring *keys, const struct swb_images *images,
                 struct swb_progress_view *view, struct swb_error *err)
{
        _cleanup_(swb_payload_file_freep) struct swb_payload_file *file = NULL;
        _cleanup_(targets_done) struct targets targets = {.n = 0};
        const struct swb_manifest *manifest;
        int r = swb_payload_file_open(path, SWB_PAYLOAD_APPLY, keys, &file, err);

        if (r < 0)
                return r;
        manifest = swb_payload_reader_manifest(file->reader);
        r = swb_check_images(manifest, images, err);
        if (r == 0)
                r = open_targets(&targets, manifest, images, err);
        if (r == 0)
                r = swb_install_file(file->fd, path, targets.slots, targets.n, keys, view, err);
        for (size_t i = 0; i < targets.n && r == 0; i++)
                if (targets.outputs[i])
                        r = swb_output_commit(targets.outputs[i], err);
        swb_progress_view_end(view);
        return r;
}

/* Names an image given as an argument after the payload's one partition. */
static int take_arguments(struct swb_images *images, const char *payload, int n_args, char **args,
                          char *name, struct swb_error *err)
{
        _cleanup_(swb_payload_file_freep) struct swb_payload_file *file = NULL;
        const struct swb_manifest *manifest;
        int r = swb_images_add(images, n_args == 2 ? args[0] : NULL, args[n_args - 1], err);

        if (r == 0)
                r = swb_payload_file_open(payload, SWB_PAYLOAD_LOOK, NULL, &file, err);
        if (r < 0)
                return r;
        manifest = swb_payload_reader_manifest(file->reader);
        if (manifest->n_partitions > 1)
                return swb_fail(
                        err, -EINVAL, SWB_FAULT_USAGE,
                        "the payload has %zu partitions: name their images with --partition",
                        manifest->n_partitions);
        (void)snprintf(name, SWB_PARTITION_NAME_MAX + 1, "%s", manifest->partitions[0].name);
        images->items[0].name = name;
        return 0;
}

int swb_cmd_apply(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(swb_images_done) struct swb_images images = {.n = 0};
        _cleanup_(swb_keyring_freep) struct swb_keyring *keys = NULL;
        char name[SWB_PARTITION_NAME_MAX + 1];
        struct swb_progress_view view;
        int r = swb_progress_view_init(&view, progress_form, err);

        if (r == 0)
                r = swb_images_parse(&images, &partitions, SWB_IMAGES_ANY_NEW, err);
        if (r == 0 && n_args > 1)
                r = take_arguments(&images, args[0], n_args - 1, args + 1, name, err);
        if (r == 0 && images.n == 0)
                r = swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "the image to make is missing");
        if (r == 0)
                r = swb_load_keys(&public_keys, n_required, &keys, err);
        return r < 0 ? r : apply(args[0], keys, &images, &view, err);
}
