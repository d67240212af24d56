/* SPDX-License-Identifier: Apache-2.0 */
#include "server/import/import.h"

#include <stdarg.h>
#include <time.h>

#include "server/import/internal.h"
#include "server/store/audit.h"

#define LINE_MAX_BYTES 600

static const char *const arch_names[_SWB_NEBRASKA_ARCH_MAX] = {
        [SWB_NEBRASKA_ALL] = "all",
        [SWB_NEBRASKA_AMD64] = "amd64",
        [SWB_NEBRASKA_AARCH64] = "aarch64",
        [SWB_NEBRASKA_X86] = "x86",
};

void swb_import_say(const struct swb_import *import, const char *format, ...)
{
        char line[LINE_MAX_BYTES];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        import->options->say(import->options->userdata, line);
}

void swb_import_left_out(struct swb_import *import, const char *kind, const char *name,
                         const char *why)
{
        import->result.n_left_out++;
        swb_import_say(import, "  %s %s: left out: %s", kind, name, why);
}

int swb_import_done(struct swb_import *import, const char *kind, const char *name, const char *what,
                    const char *more, struct swb_error *err)
{
        char action[64], object[SWB_APPID_MAX + 64];
        struct swb_audit_entry entry = {.identity = import->options->identity,
                                        .action = action,
                                        .app = import->app.appid,
                                        .object = object};

        swb_import_say(import, "%s%s %s: %s%s", strcmp(kind, "app") == 0 ? "" : "  ", kind, name,
                       what ? what : "the same", what ? more : "");
        if (!what) {
                import->result.n_same++;
                return 0;
        }
        import->result.n_changes++;
        (void)snprintf(action, sizeof(action), "%s.import", kind);
        (void)snprintf(object, sizeof(object), "%ss/%s", kind, name);
        return swb_audit_put(import->db, &entry, import->now, err);
}

void swb_import_name(char *to, const char *from)
{
        size_t n = 0;

        for (; *from && n < SWB_NAME_MAX; from++) {
                bool plain = (*from >= '0' && *from <= '9') || (*from >= 'A' && *from <= 'Z') ||
                             (*from >= 'a' && *from <= 'z') || strchr("._-", *from);

                if (plain)
                        to[n++] = *from;
                else if (n > 0 && to[n - 1] != '-')
                        to[n++] = '-';
        }
        while (n > 0 && to[n - 1] == '-')
                n--;
        (void)snprintf(to + n, SWB_NAME_MAX + 1 - n, "%s", n == 0 ? "unnamed" : "");
}

bool swb_import_takes(const struct swb_import *import, const json_t *object)
{
        uint64_t arch = swb_nebraska_number(object, "arch");

        return strcmp(swb_nebraska_text(object, "application_id"), import->app_id) == 0 &&
               (arch == SWB_NEBRASKA_ALL || import->arch == 0 || arch == import->arch);
}

const json_t *swb_import_file(const struct swb_import *import, const json_t *package)
{
        return json_object_get(import->files, swb_nebraska_text(package, "id"));
}

/* Bits of the architectures that the app's objects in this map name. */
static unsigned arches_of(const struct swb_import *import, json_t *map)
{
        unsigned bits = 0;
        const char *id;
        json_t *object;

        json_object_foreach(map, id, object)
        {
                uint64_t arch = swb_nebraska_number(object, "arch");

                if (strcmp(swb_nebraska_text(object, "application_id"), import->app_id) == 0 &&
                    arch > 0 && arch < _SWB_NEBRASKA_ARCH_MAX)
                        bits |= 1u << arch;
        }
        return bits;
}

/* A release has one full payload, so an app has one architecture here. */
static int choose_arch(struct swb_import *import, struct swb_error *err)
{
        unsigned bits = arches_of(import, import->nebraska->channels) |
                        arches_of(import, import->nebraska->packages);
        const char *wanted = import->options->arch;
        char list[64] = "";

        import->arch = 0;
        for (unsigned i = 1; i < _SWB_NEBRASKA_ARCH_MAX; i++)
                if (bits & (1u << i)) {
                        size_t n = strlen(list);

                        (void)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
                                       arch_names[i]);
                        if (!wanted || strcmp(wanted, arch_names[i]) == 0)
                                import->arch = i;
                }
        if (!wanted && (bits & (bits - 1)) != 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "it has packages or channels for %s, and a release here has one "
                                "full payload: choose with --arch",
                                list);
        if (wanted && bits && import->arch == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "it has nothing for '%s', but for %s", wanted, list);
        return 0;
}

static const char *name_of_app(const struct swb_import *import, const json_t *app)
{
        const char *product = swb_nebraska_text(app, "product_id");

        return *product && !import->options->by_uuid ? product : import->app_id;
}

static int put_app(struct swb_import *import, const json_t *app, struct swb_error *err)
{
        const char *name = name_of_app(import, app), *what = NULL;
        struct swb_error absent = SWB_ERROR_INIT;
        int r;

        r = swb_app_find(import->db, name, &import->app, &absent);
        if (r == -ENOENT) {
                what = "create";
                r = swb_app_ensure(import->db, name, import->now, &import->app, err);
        } else if (r < 0) {
                return swb_fail(err, r, absent.fault, "%s", absent.text);
        }
        if (r >= 0 && import->app.hash_form != SWB_HASH_OMIT) {
                import->app.hash_form = SWB_HASH_OMIT;
                what = what ? what : "change";
                r = swb_app_update(import->db, &import->app, err);
        }
        return r < 0 ? r
                     : swb_import_done(import, "app", import->app.appid, what,
                                       ", answers without hash_sha256, as Nebraska's", err);
}

static int begin_app(struct swb_import *import, const char *id, struct swb_error *err)
{
        import->app_id = id;
        return choose_arch(import, err);
}

static int rows_of_app(struct swb_import *import, const json_t *app, struct swb_error *err)
{
        int r = put_app(import, app, err);

        if (r >= 0)
                r = swb_import_releases(import, err);
        json_decref(import->channel_names);
        import->channel_names = json_object();
        if (r >= 0 && !import->channel_names)
                r = swb_oom(err);
        if (r >= 0)
                r = swb_import_channels(import, err);
        return r < 0 ? r : swb_import_groups(import, err);
}

static int run(struct swb_import *import, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        const char *id;
        json_t *app;
        int r = 0;

        json_object_foreach(import->nebraska->apps, id, app)
        {
                r = begin_app(import, id, err);
                if (r >= 0)
                        r = swb_import_files(import, err);
                if (r < 0)
                        return swb_wrap(err, r, "application '%s'", swb_nebraska_text(app, "name"));
        }
        r = swb_transaction_begin(&t, import->db, err);
        if (r < 0)
                return r;
        json_object_foreach(import->nebraska->apps, id, app)
        {
                r = begin_app(import, id, err);
                if (r >= 0)
                        r = rows_of_app(import, app, err);
                if (r < 0)
                        return swb_wrap(err, r, "application '%s'", swb_nebraska_text(app, "name"));
        }
        return import->options->apply ? swb_transaction_commit_catalog(&t, err) : 0;
}

int swb_import_nebraska(struct swb_db *db, const struct swb_nebraska *nebraska,
                        const struct swb_import_options *options, struct swb_import_result *ret,
                        struct swb_error *err)
{
        struct swb_import import = {.options = options,
                                    .nebraska = nebraska,
                                    .db = db,
                                    .now = time(NULL),
                                    .files = json_object()};
        int r;

        if (!import.files)
                return swb_oom(err);
        if (json_object_size(nebraska->apps) == 0)
                r = swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                             "there is no application in it: packages and channels alone do not "
                             "say whose they are");
        else
                r = run(&import, err);
        json_decref(import.files);
        json_decref(import.channel_names);
        if (r >= 0)
                *ret = import.result;
        return r;
}
