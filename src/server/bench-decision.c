/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-decision - what one decision costs, and that the size of the fleet does not matter
 *
 * For rollouts with 1,000, 100,000 and 1,000,000 members: processor time to rebuild the exact
 * counts from the database, as a server does when it starts, and of one decision: hear what a
 * device says, and choose its answer, for members and for devices whose turn has not come.
 */
#include <inttypes.h>

#include "os/file.h"
#include "server/catalog/catalog.h"
#include "server/rollout/live.h"
#include "server/select/select.h"
#include "server/test-folder.h"

#define N_DECISIONS 2000000
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static struct swb_error err;

static double cpu_seconds(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* can't fail for this clock */
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int r)
{
        if (r >= 0)
                return;
        (void)fprintf(stderr, "bench-decision: %s\n", err.text);
        abort();
}

static void fill(struct swb_db *db, int n_members)
{
        static const struct swb_stage stage = {.share_ppm = SWB_ALL_DEVICES_PPM / 2, .need = 1};
        struct swb_rollout_row row = {.setup = {.name = "r",
                                                .channel = "stable",
                                                .version = "2.0",
                                                .salt = "salt",
                                                .plan = {.stages = {stage},
                                                         .n_stages = 1,
                                                         .min_sample = 100,
                                                         .max_failure_ppm = 500000,
                                                         .silent_seconds = 86400,
                                                         .overdue_seconds = 864000}}};
        struct swb_payload payload = {.sha256 = ZEROS, .sha1 = "aa", .size = 1, .name = "f"};
        struct swb_release release = {.version = "2.0"};
        struct swb_app app;
        char sql[640];

        must(swb_app_ensure(db, "{app}", 1, &app, &err));
        must(swb_release_put(db, app.id, 1, &release, &err));
        must(swb_payload_put(db, release.id, 1, &payload, &err));
        row.setup.app = app.id;
        row.setup.release = release.id;
        must(swb_rollout_create(db, &row, (int64_t)time(NULL), &err));
        (void)snprintf(
                sql, sizeof(sql),
                "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                " INSERT INTO rollout_members (rollout, machineid, stage, state, has_slot,"
                " hardware_class, reason, granted_at, heard_at)"
                " SELECT %" PRId64 ", 'm' || i, 0, 4, 0, 'hw', '', %lld, %lld FROM n",
                n_members - 1, row.setup.id, (long long)time(NULL), (long long)time(NULL));
        must(swb_db_exec(db, sql, &err));
}

static double decide(struct swb_catalog *catalog, struct swb_rollouts *rollouts,
                     const char *version, int first, int n_devices)
{
        double before = cpu_seconds();
        int64_t now = (int64_t)time(NULL);

        for (int i = 0; i < N_DECISIONS; i++) {
                char name[24];
                struct swb_omaha_app app = {.appid = "app",
                                            .version = version,
                                            .track = "stable",
                                            .board = "",
                                            .hardware_class = "hw",
                                            .has_update_check = true,
                                            .update_check = {.targetversionprefix = ""}};
                struct swb_decision decision = {0};

                (void)snprintf(name, sizeof(name), "m%d", first + i % n_devices);
                swb_rollouts_hear(rollouts, catalog->apps[0].id,
                                  &(struct swb_rollout_word){.machineid = name,
                                                             .version = version,
                                                             .is_check = true,
                                                             .now = now});
                swb_select(&(struct swb_select_query){.catalog = catalog,
                                                      .rollouts = rollouts,
                                                      .app = &app,
                                                      .machineid = name,
                                                      .now = now},
                           &decision);
        }
        return (cpu_seconds() - before) / N_DECISIONS * 1e6;
}

static void measure(int n_members)
{
        _cleanup_(swb_rollouts_freep) struct swb_rollouts *rollouts = NULL;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;
        _cleanup_(swb_db_freep) struct swb_db *db = NULL;
        void *folder = NULL;
        double before, rebuild, member, stranger;

        must(make_folder(&folder));
        must(swb_db_open(folder, SWB_DB_CREATE, &db, &err));
        fill(db, n_members);
        before = cpu_seconds();
        must(swb_rollouts_new(&rollouts, &err));
        must(swb_rollouts_refresh(rollouts, db, (int64_t)time(NULL), &err));
        must(swb_catalog_load(db, &catalog, &err));
        rebuild = cpu_seconds() - before;
        member = decide(catalog, rollouts, "2.0", 0, n_members);
        /* Half of them is in the stage's share: what admits is in the number, too. */
        stranger = decide(catalog, rollouts, "1.0", 2000000, 100000);
        (void)printf("| %9d | %5.2f | %5.2f | %5.2f |\n", n_members, rebuild, member, stranger);
        (void)fflush(stdout);
        db = swb_db_free(db);
        must(remove_folder(&folder));
}

int main(void)
{
        (void)printf("| members | rebuild, CPU s | decision for a member, us | for others, us |\n"
                     "|---|--:|--:|--:|\n");
        measure(1000);
        measure(100000);
        measure(1000000);
        return 0;
}
