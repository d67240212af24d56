/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The back end without a boot loader: KEY=value lines in a file. For tests, for trying on a
 * workstation, and for a boot loader of one's own that reads such a file.
 */
#include "base/kv.h"
#include "base/text.h"
#include "device/boot/ops.h"
#include "device/boot/variables.h"
#include "os/file.h"

#define FILE_MAX_BYTES 4096
#define FAIL_MARK ":fail="

struct fake {
        char *path;
        bool fail_read, fail_store, lie;
};

static void fake_close(void *state)
{
        struct fake *fake = state;

        if (!fake)
                return;
        free(fake->path);
        free(fake);
}

static void closep(struct fake **fake)
{
        fake_close(*fake);
}

static int take_failure(struct fake *fake, const char *what, struct swb_error *err)
{
        if (strcmp(what, "open") == 0)
                return swb_fail(err, -EIO, SWB_FAULT_BOOT, "%s: open fails as asked for",
                                fake->path);
        if (strcmp(what, "read") == 0)
                fake->fail_read = true;
        else if (strcmp(what, "store") == 0)
                fake->fail_store = true;
        else if (strcmp(what, "lie") == 0)
                fake->lie = true;
        else
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot place: fail='%s' is none of open, read, store, lie", what);
        return 0;
}

static int fake_open(const char *place, void **ret, struct swb_error *err)
{
        _cleanup_(closep) struct fake *fake = NULL;
        const char *mark = strstr(place, FAIL_MARK);
        int r = 0;

        fake = calloc(1, sizeof(*fake));
        if (!fake)
                return swb_oom(err);
        fake->path = strndup(place, mark ? (size_t)(mark - place) : strlen(place));
        if (!fake->path)
                return swb_oom(err);
        if (mark)
                r = take_failure(fake, mark + strlen(FAIL_MARK), err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(fake);
        return 0;
}

static const char *get(void *context, const char *name)
{
        return swb_kv_str(context, name, NULL);
}

static int fake_read(void *state, struct swb_boot_flags *ret, struct swb_error *err)
{
        struct fake *fake = state;
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(FILE_MAX_BYTES);
        _cleanup_(swb_kv_freep) struct swb_kv *kv = NULL;
        int r;

        if (fake->fail_read)
                return swb_fail(err, -EIO, SWB_FAULT_BOOT, "%s: read fails as asked for",
                                fake->path);
        if (access(fake->path, F_OK) < 0 && errno == ENOENT)
                return swb_fail(err, -ENODATA, SWB_FAULT_BOOT, "%s: holds no boot flags",
                                fake->path);
        r = swb_read_file(fake->path, &text, err);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_BOOT, "read %s: %s", fake->path, strerror(-r));
        r = swb_kv_parse(text.data, text.n_bytes, &kv);
        if (r < 0)
                return swb_fail(err, -EBADMSG, SWB_FAULT_BOOT, "%s: not lines of KEY=value",
                                fake->path);
        return swb_boot_variables_read(get, kv, fake->path, ret, err);
}

static int fake_store(void *state, const struct swb_boot_flags *flags, struct swb_error *err)
{
        struct fake *fake = state;
        _cleanup_(swb_buf_done) struct swb_buf text = SWB_BUF_INIT(FILE_MAX_BYTES);
        int r = 0;

        if (fake->fail_store)
                return swb_fail(err, -EIO, SWB_FAULT_BOOT, "%s: store fails as asked for",
                                fake->path);
        if (fake->lie)
                return 0;
        for (size_t i = 0; i < SWB_BOOT_VARIABLES && r >= 0; i++)
                r = swb_kv_put_u64(&text, swb_boot_variable_at(i)->name,
                                   swb_boot_variable_get(i, flags));
        if (r < 0)
                return swb_oom(err);
        r = swb_write_file_durable(fake->path, text.data, text.n_bytes, 0644, err);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_BOOT, "write %s: %s", fake->path, strerror(-r));
        return 0;
}

const struct swb_boot_ops swb_boot_fake = {
        .name = "fake",
        .open = fake_open,
        .close = fake_close,
        .read = fake_read,
        .store = fake_store,
};
