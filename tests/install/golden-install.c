/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden-install [--key=PUBLIC.pem]... --folder=DIR PAYLOAD [NAME=OLD]...
 *
 * Installs a payload with the device's code into files DIR/NAME, in pieces of a few bytes. A
 * refusal is "refused FAULT: text" and status 1. There is a slot for each partition that the
 * payload has: it is read twice for that, the first time by the reader alone, whose verdict does
 * not count.
 */
#include "base/text.h"
#include "device/install/installer.h"
#include "os/file.h"
#include "payload/reader.h"

#define FILE_MAX_BYTES ((size_t)64 << 20)
#define PIECE_BYTES ((size_t)777)

struct golden {
        struct swb_keyring *keys;
        const char *folder;
        struct swb_buf file;
        char **olds; /* "NAME=OLD" */
        size_t n_olds;
        char targets[SWB_PARTITIONS_MAX][512];
        struct swb_manifest manifest;
        struct swb_install_slot slots[SWB_PARTITIONS_MAX];
};

static const char *find_old(const struct golden *g, const char *name)
{
        size_t n = strlen(name);

        for (size_t i = 0; i < g->n_olds; i++)
                if (strncmp(g->olds[i], name, n) == 0 && g->olds[i][n] == '=')
                        return g->olds[i] + n + 1;
        return NULL;
}

static int read_manifest(struct golden *g, struct swb_error *err)
{
        _cleanup_(swb_payload_reader_freep) struct swb_payload_reader *reader = NULL;
        size_t used;
        int r;

        r = swb_payload_reader_new(&reader, err);
        if (r >= 0)
                r = swb_payload_reader_feed(reader, g->file.data, g->file.n_bytes, &used, err);
        if (r == SWB_PAYLOAD_MORE)
                return swb_fail(err, -EBADMSG, SWB_FAULT_FORMAT, "cut");
        if (r >= 0)
                r = swb_payload_reader_accept(reader, err);
        if (r >= 0)
                g->manifest = *swb_payload_reader_manifest(reader);
        return r;
}

static void make_slots(struct golden *g)
{
        for (size_t i = 0; i < g->manifest.n_partitions; i++) {
                const char *name = g->manifest.partitions[i].name;

                (void)snprintf(g->targets[i], sizeof(g->targets[i]), "%s/%s", g->folder, name);
                g->slots[i] = (struct swb_install_slot){name, g->targets[i], find_old(g, name)};
        }
}

static int install(struct golden *g, struct swb_error *err)
{
        _cleanup_(swb_installer_freep) struct swb_installer *installer = NULL;
        struct swb_install_config config = {.slots = g->slots,
                                            .n_slots = g->manifest.n_partitions,
                                            .keys = g->keys,
                                            .plain_files = true};
        size_t at = 0;
        int r;

        make_slots(g);
        r = swb_installer_new(&config, &installer, err);
        while (r >= 0 && at < g->file.n_bytes) {
                size_t n = SWB_MIN(PIECE_BYTES, g->file.n_bytes - at);

                r = swb_installer_feed(installer, g->file.data + at, n, err);
                at += n;
        }
        return r < 0 ? r : swb_installer_finish(installer, err);
}

static int run(struct golden *g, int argc, char **argv, struct swb_error *err)
{
        int at = 1, r = 0;

        for (; r >= 0 && at < argc && swb_starts_with(argv[at], "--"); at++) {
                if (swb_starts_with(argv[at], "--folder="))
                        g->folder = strchr(argv[at], '=') + 1;
                else if (!g->keys)
                        r = swb_keyring_new(&g->keys, err);
                if (r >= 0 && swb_starts_with(argv[at], "--key="))
                        r = swb_keyring_add_file(g->keys, strchr(argv[at], '=') + 1, err);
        }
        swb_assert(at < argc && g->folder);
        g->olds = argv + at + 1;
        g->n_olds = (size_t)(argc - at - 1);
        g->file.max_bytes = FILE_MAX_BYTES;
        if (r >= 0)
                r = swb_read_file(argv[at], &g->file, err);
        if (r >= 0 && read_manifest(g, NULL) < 0)
                g->manifest = (struct swb_manifest){.n_partitions = 1, .partitions = {{"root"}}};
        return r < 0 ? r : install(g, err);
}

int main(int argc, char **argv)
{
        struct golden *g = calloc(1, sizeof(*g));
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        swb_assert(g);
        r = run(g, argc, argv, &err);
        if (r < 0)
                (void)printf("refused %s: %s\n", swb_fault_to_string(err.fault), err.text);
        swb_keyring_free(g->keys);
        swb_buf_done(&g->file);
        free(g);
        return r < 0 ? 1 : 0;
}
