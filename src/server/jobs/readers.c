/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jobs/readers.h"

#include "base/text.h"
#include "server/store/names.h"

int swb_readers_load(struct swb_db *db, int64_t app, const char *version, struct swb_readers *ret,
                     struct swb_error *err)
{
        _cleanup_(swb_query_done) struct swb_query q = {0};
        int r;

        ret->n = 0;
        r = swb_query_begin(
                &q, db,
                "SELECT abilities, count(*) AS n FROM devices WHERE app = ?1 AND version = ?2"
                " GROUP BY abilities ORDER BY n DESC, abilities LIMIT ?3",
                SWB_VALUES(SWB_NUMBER(app), SWB_TEXT(version), SWB_NUMBER(SWB_READERS_MAX)), err);
        while (r >= 0 && (r = swb_query_step(&q, err)) > 0 && ret->n < SWB_READERS_MAX) {
                swb_copy_bounded(ret->kinds[ret->n].text, swb_query_text(&q, 0),
                                 SWB_ABILITIES_TEXT_MAX - 1);
                ret->kinds[ret->n].n_devices = (uint64_t)SWB_MAX(swb_query_i64(&q, 1), (int64_t)0);
                ret->n++;
        }
        return SWB_MIN(r, 0);
}

static bool can_apply_one(const struct swb_abilities *abilities,
                          const struct swb_readers_deltas *deltas)
{
        for (size_t i = 0; i < deltas->n; i++)
                if (swb_abilities_lack(abilities, &deltas->demands[i]) == SWB_LACK_NOTHING)
                        return true;
        return false;
}

uint64_t swb_readers_left(const struct swb_readers *readers, uint32_t minor,
                          const struct swb_readers_deltas *deltas)
{
        const struct swb_demands plain = {.minor = minor, .encoders = ""};
        uint64_t n = 0;

        for (size_t i = 0; i < readers->n; i++) {
                struct swb_abilities abilities;

                swb_abilities_parse(readers->kinds[i].text, &abilities);
                if (swb_abilities_lack(&abilities, &plain) == SWB_LACK_NOTHING &&
                    !can_apply_one(&abilities, deltas))
                        n += readers->kinds[i].n_devices;
        }
        return n;
}

uint64_t swb_readers_of_minor(const struct swb_readers *readers, uint32_t minor)
{
        return swb_readers_left(readers, minor, &(struct swb_readers_deltas){.n = 0});
}
