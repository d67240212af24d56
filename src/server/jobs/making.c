/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/making.h"

#include <sys/stat.h>

#include "server/jobs/pack.h"

#define ARGS_MAX 32

struct arguments {
        const char *list[ARGS_MAX];
        char *owned[ARGS_MAX];
        size_t n;
};

static void arguments_done(struct arguments *arguments)
{
        for (size_t i = 0; i < arguments->n; i++)
                free(arguments->owned[i]);
}

static bool add(struct arguments *arguments, const char *name, const char *value)
{
        char *text = NULL;

        if (arguments->n + 1 >= ARGS_MAX || asprintf(&text, "%s%s", name, value) < 0)
                return false;
        arguments->owned[arguments->n] = text;
        arguments->list[arguments->n++] = text;
        return true;
}

static bool add_kind(struct arguments *a, enum swb_delta_kind kind)
{
        switch (kind) {
        case SWB_DELTA_OPENED:
                return add(a, "--minor=", "1004");
        case SWB_DELTA_CLOSED:
                return add(a, "--minor=", "1004") && add(a, "--encoders=", "none");
        case SWB_DELTA_PLAIN:
        default:
                return add(a, "--minor=", "1003");
        }
}

static bool make_arguments(const struct swb_making *making, struct arguments *a)
{
        bool is_delta = making->source_version != NULL;
        bool ok = add(a, making->pack_program, "") && add(a, is_delta ? "delta" : "full", "") &&
                  add(a, "--output=", making->output) && add(a, "--app-id=", making->appid) &&
                  add(a, "--target-version=", making->version) && add(a, "--progress=json", "") &&
                  add(a, "--jobs=1", "");

        for (size_t i = 0; ok && i < making->n_keys; i++)
                ok = add(a, "--key=", making->keys[i]);
        if (ok && is_delta)
                ok = add(a, "--source-version=", making->source_version) &&
                     add_kind(a, making->kind) && add(a, making->old_image, "");
        return ok && add(a, making->image, "");
}

int swb_make_payload(const struct swb_making *making, uint64_t *ret_bytes, int64_t *ret_cpu_msec,
                     struct swb_error *err)
{
        _cleanup_(arguments_done) struct arguments a = {0};
        const struct swb_pack_run run = {.argv = a.list,
                                         .cpu_seconds_max = making->cpu_seconds_max,
                                         .progress = making->progress,
                                         .userdata = making->userdata};
        struct stat st;
        int r;

        *ret_cpu_msec = 0;
        if (!make_arguments(making, &a))
                return swb_oom(err);
        r = swb_pack_run(&run, ret_cpu_msec, err);
        if (r < 0)
                return r;
        if (stat(making->output, &st) < 0)
                return swb_fail_errno(err, errno, "look at '%s'", making->output);
        *ret_bytes = (uint64_t)st.st_size;
        return 0;
}

void swb_remove_made(const char *output)
{
        _cleanup_free_ char *manifest = NULL;

        (void)unlink(output);
        if (asprintf(&manifest, "%s.json", output) < 0)
                manifest = NULL;
        else
                (void)unlink(manifest);
}
