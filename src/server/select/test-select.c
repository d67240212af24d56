/* SPDX-License-Identifier: Apache-2.0 */
/* The decision as a table: one catalog, many devices. */
#include "base/test.h"
#include "server/select/explain.h"
#include "server/select/select.h"

#define PAYLOAD(source, name)                                                                      \
        {                                                                                          \
                .source_version = (source), .sha256 = (name), .demands = {.encoders = "" }         \
        }
#define ASKING(source, name, version, names, memory)                                               \
        {                                                                                          \
                .source_version = (source), .sha256 = (name), .demands = {                         \
                        .minor = (version),                                                        \
                        .encoders = (names),                                                       \
                        .memory_bytes = (memory) << 20                                             \
                }                                                                                  \
        }

static struct swb_catalog_payload payloads_30[] = {
        PAYLOAD("", "full-30"),
        PAYLOAD("2.0", "20-to-30"),
};
static struct swb_catalog_payload payloads_20[] = {PAYLOAD("", "full-20")};
static struct swb_catalog_payload payloads_delta_only[] = {PAYLOAD("3.0", "30-to-31")};
/* Best first, as the catalog has them. */
static struct swb_catalog_payload payloads_several[] = {
        ASKING("", "new", 1005, "", 0),
        ASKING("", "own", 1003, "", 0),
        ASKING("", "all", 0, "", 0),
        ASKING("1.0", "opened", 1004, "gzip zstd-1.5.4", 3),
        ASKING("1.0", "closed", 1004, "", 0),
        ASKING("1.0", "old", 1003, "", 0),
        ASKING("1.5", "only", 1004, "gzip", 1),
};
static struct swb_catalog_payload payloads_hard[] = {ASKING("", "hard", 1004, "", 0)};

static struct swb_catalog_release releases[] = {
        {.id = 1, .version = "2.0", .payloads = payloads_20, .n_payloads = 1},
        {.id = 2, .version = "3.0", .payloads = payloads_30, .n_payloads = 2},
        {.id = 3, .version = "3.1", .payloads = payloads_delta_only, .n_payloads = 1},
        {.id = 4, .version = "1.4.7", .payloads = payloads_20, .n_payloads = 1},
        {.id = 5, .version = "9.0", .payloads = payloads_several, .n_payloads = 7},
        {.id = 6, .version = "8.0", .payloads = payloads_hard, .n_payloads = 1},
};

/* Has carried 3.1, which was withdrawn. */
static const struct swb_catalog_release *carried[] = {&releases[2], &releases[1], &releases[0],
                                                      &releases[3]};

static struct swb_catalog_channel channels[] = {
        {.name = "beta", .release = &releases[2]},
        {.name = "empty"},
        {.name = "hard", .release = &releases[5]},
        {.name = "old", .release = &releases[0]},
        {.name = "several", .release = &releases[4]},
        {.name = "stable", .release = &releases[1], .carried = carried, .n_carried = 4},
};

static const char *machines[] = {"canary-1", "canary-2"};

static const char *tagged[] = {"t1", "t2"};

static struct swb_catalog_group groups[] = {
        {.name = "canaries",
         .channel = "beta",
         .hardware_class = "",
         .board = "",
         .track = "",
         .pin = "",
         .versions = "",
         .tag = "",
         .has_machines = true,
         .machines = machines,
         .n_machines = 2},
        {.name = "frozen",
         .channel = "",
         .hardware_class = "",
         .board = "broken",
         .track = "",
         .pin = "",
         .versions = "",
         .tag = ""},
        {.name = "nobody",
         .channel = "old",
         .hardware_class = "",
         .board = "",
         .track = "",
         .pin = "",
         .versions = "",
         .tag = "",
         .has_machines = true},
        {.name = "lab",
         .channel = "old",
         .hardware_class = "hw2",
         .board = "b2",
         .track = "lab",
         .pin = "",
         .versions = "",
         .tag = ""},
        {.name = "lost",
         .channel = "gone",
         .hardware_class = "hw9",
         .board = "",
         .track = "",
         .pin = "",
         .versions = "",
         .tag = ""},
        {.name = "tagged and early",
         .channel = "old",
         .hardware_class = "",
         .board = "",
         .track = "",
         .pin = "",
         .versions = "0.1..0.4,0.9",
         .tag = "t",
         .tagged = tagged,
         .n_tagged = 2},
};

static struct swb_catalog_app apps[] = {
        {.id = 1,
         .appid = "app",
         .default_channel = "stable",
         .releases = releases,
         .n_releases = 6,
         .channels = channels,
         .n_channels = 6,
         .groups = groups,
         .n_groups = 6},
        {.id = 2, .appid = "bare", .default_channel = "stable"},
};

static const struct swb_catalog catalog = {.apps = apps, .n_apps = 2};

static const struct {
        const char *what;
        const char *appid, *version, *track, *machineid, *board, *hardware_class, *prefix;
        bool delta, rollback, same, disabled;
        enum swb_select_outcome outcome;
        const char *payload; /* of an update */
        bool is_rollback;
} cases[] = {
        {"unknown app", .appid = "other", .outcome = SWB_SELECT_UNKNOWN_APP},
        {"another form of the id", .appid = "{APP}", .payload = "full-30"},
        {"an app without anything", .appid = "bare", .outcome = SWB_SELECT_UNKNOWN_CHANNEL},
        {"no track is the default channel", .payload = "full-30"},
        {"named channel", .track = "old", .payload = "full-20"},
        {"Chrome OS form", .track = "old-channel", .payload = "full-20"},
        {"unknown channel", .track = "nightly", .outcome = SWB_SELECT_UNKNOWN_CHANNEL},
        {"only a suffix", .track = "-channel", .outcome = SWB_SELECT_UNKNOWN_CHANNEL},
        {"channel without release", .track = "empty", .outcome = SWB_SELECT_EMPTY_CHANNEL},

        {"up to date", .version = "3.0", .outcome = SWB_SELECT_UP_TO_DATE},
        {"missing parts are zero", .version = "3", .outcome = SWB_SELECT_UP_TO_DATE},
        {"newer than the channel", .version = "3.0.1", .outcome = SWB_SELECT_AHEAD},
        {"no version at all", .version = "", .payload = "full-30"},
        {"forced update is lowest", .version = "ForcedUpdate", .payload = "full-30"},
        {"same version wanted", .version = "3.0", .same = true, .payload = "full-30"},
        {"updates disabled", .version = "2.0", .disabled = true, .outcome = SWB_SELECT_DISABLED},
        {"disabled, but up to date", .version = "3.0", .disabled = true,
         .outcome = SWB_SELECT_UP_TO_DATE},

        {"delta", .version = "2.0", .delta = true, .payload = "20-to-30"},
        {"delta not wanted", .version = "2.0", .payload = "full-30"},
        {"no delta from there", .version = "1.0", .delta = true, .payload = "full-30"},
        {"delta is for the very version", .version = "2.0.0", .delta = true, .payload = "full-30"},
        {"only a delta, from elsewhere", .track = "beta", .version = "2.0", .delta = true,
         .outcome = SWB_SELECT_NO_PAYLOAD},
        {"only a delta, not wanted", .track = "beta", .version = "3.0",
         .outcome = SWB_SELECT_NO_PAYLOAD},
        {"only a delta", .track = "beta", .version = "3.0", .delta = true, .payload = "30-to-31"},

        {"machine of a group", .machineid = "canary-2", .version = "3.0", .delta = true,
         .payload = "30-to-31"},
        {"group beats track", .machineid = "canary-1", .track = "old", .version = "3.0",
         .delta = true, .payload = "30-to-31"},
        {"machine of none", .machineid = "canary-3", .version = "3.0",
         .outcome = SWB_SELECT_UP_TO_DATE},
        {"group without updates", .board = "broken", .outcome = SWB_SELECT_HELD},
        {"first group wins", .machineid = "canary-1", .board = "broken", .version = "3.0",
         .delta = true, .payload = "30-to-31"},
        {"all rules of a group", .hardware_class = "hw2", .board = "b2", .track = "lab",
         .payload = "full-20"},
        {"not all rules of a group", .hardware_class = "hw2", .board = "b3", .track = "stable",
         .payload = "full-30"},
        {"group with a channel that is gone", .hardware_class = "hw9",
         .outcome = SWB_SELECT_UNKNOWN_CHANNEL},

        {"tag and version", .machineid = "t2", .version = "0.3", .payload = "full-20"},
        {"the other version", .machineid = "t1", .version = "0.9", .payload = "full-20"},
        {"tag, another version", .machineid = "t1", .version = "0.5", .payload = "full-30"},
        {"version without the tag", .machineid = "t3", .version = "0.3", .payload = "full-30"},

        {"prefix of the current release", .prefix = "3", .payload = "full-30"},
        {"prefix, up to date", .version = "3.0", .prefix = "3.", .outcome = SWB_SELECT_UP_TO_DATE},
        {"prefix of an older one", .version = "1.0", .prefix = "2.", .payload = "full-20"},
        {"prefix is not lexical", .version = "1.0", .prefix = "1.4", .payload = "full-20"},
        {"prefix of a withdrawn one", .version = "1.0", .prefix = "3.1",
         .outcome = SWB_SELECT_PREFIX},
        {"prefix of none", .version = "1.0", .prefix = "4.", .outcome = SWB_SELECT_PREFIX},
        {"exact", .version = "1.0", .prefix = "2.0$", .payload = "full-20"},
        {"back, not asked for", .version = "3.0", .prefix = "2.", .outcome = SWB_SELECT_AHEAD},
        {"rollback", .version = "3.0", .prefix = "2.", .rollback = true, .payload = "full-20",
         .is_rollback = true},
        {"rollback needs a prefix", .version = "4.0", .rollback = true,
         .outcome = SWB_SELECT_AHEAD},
};

static void test_table(void **state)
{
        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(cases); i++) {
                const char *machineid = cases[i].machineid ? cases[i].machineid : "";
                struct swb_omaha_app app = {
                        .appid = cases[i].appid ? cases[i].appid : "app",
                        .version = cases[i].version ? cases[i].version : "1.0",
                        .track = cases[i].track ? cases[i].track : "",
                        .board = cases[i].board ? cases[i].board : "",
                        .hardware_class = cases[i].hardware_class ? cases[i].hardware_class : "",
                        .delta_okay = cases[i].delta,
                        .update_check = {.targetversionprefix =
                                                 cases[i].prefix ? cases[i].prefix : "",
                                         .rollback_allowed = cases[i].rollback,
                                         .sameversionupdate = cases[i].same,
                                         .updatedisabled = cases[i].disabled},
                };
                struct swb_decision d;

                swb_select(&(struct swb_select_query){.catalog = &catalog,
                                                      .app = &app,
                                                      .machineid = machineid},
                           &d);
                if (d.outcome != cases[i].outcome)
                        fail_msg("%s: %s, wanted %s", cases[i].what,
                                 swb_select_outcome_to_string(d.outcome),
                                 swb_select_outcome_to_string(cases[i].outcome));
                if (!cases[i].payload != !d.payload ||
                    (d.payload && strcmp(d.payload->sha256, cases[i].payload) != 0))
                        fail_msg("%s: payload %s", cases[i].what,
                                 d.payload ? d.payload->sha256 : "none");
                if (d.rollback != cases[i].is_rollback)
                        fail_msg("%s: rollback %d", cases[i].what, d.rollback);
        }
}

static const struct {
        const char *reads, *version;
        bool no_delta;
        const char *payload, *passed, *words;
} readings[] = {
        {"1004 26 9 gzip zstd-1.5.4", "1.0", .payload = "opened"},
        {"1004 26 9 gzip zstd-1.5.5", "1.0", .payload = "closed", .passed = "opened",
         .words = "the delta from 1.0, 0 B, is passed over: it needs the encoder 'zstd-1.5.4'"},
        {"1004 2 9 gzip zstd-1.5.4", "1.0", .payload = "closed", .passed = "opened",
         .words = "it needs 3.1 MB of memory"},
        {"1004 0 0", "1.0", .payload = "closed", .passed = "opened"},
        {"1003 0 0", "1.0", .payload = "old", .passed = "opened", .words = "of minor version 1004"},
        {"", "1.0", .payload = "old", .passed = "opened"},
        {NULL, "1.0", .payload = "old", .passed = "opened"},
        {"nonsense", "1.0", .payload = "old", .passed = "opened"},
        {"1004 26 9 gzip", "1.5", .payload = "only"},
        {"1004 26 9", "1.5", .payload = "own", .passed = "only"},
        {"1004 26 9", "1.0", .no_delta = true, .payload = "own", .passed = "new",
         .words = "a full payload, 0 B, is passed over: it is of minor version 1005"},
        {"1005 26 9", "1.1", .payload = "new"},
        {"1002 26 9", "1.1", .payload = "all", .passed = "new"},
        {"", "1.1", .payload = "all", .passed = "new"},
        {"", "1.5", .payload = "all", .passed = "only"},
};

static void check_reading(size_t i)
{
        const struct swb_omaha_app app = {.appid = "app",
                                          .version = readings[i].version,
                                          .track = "several",
                                          .board = "",
                                          .hardware_class = "",
                                          .reads = readings[i].reads,
                                          .delta_okay = !readings[i].no_delta,
                                          .update_check = {.targetversionprefix = ""}};
        const struct swb_select_query query = {.catalog = &catalog, .app = &app, .machineid = ""};
        const char *passed = readings[i].passed,
                   *words = readings[i].words ? readings[i].words : "";
        char text[SWB_PASSED_TEXT];
        struct swb_decision d;

        swb_select(&query, &d);
        if (!d.payload || strcmp(d.payload->sha256, readings[i].payload) != 0)
                fail_msg("case %zu: %s", i, d.payload ? d.payload->sha256 : "none");
        if (!passed != !d.passed || (passed && strcmp(d.passed->sha256, passed) != 0))
                fail_msg("case %zu: %s passed over", i, d.passed ? d.passed->sha256 : "none");
        if (!strstr(swb_decision_explain_passed(&query, &d, text), words))
                fail_msg("case %zu: %s", i, text);
}

static void test_what_devices_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < SWB_ELEMENTS(readings); i++)
                check_reading(i);
}

static void test_nothing_that_it_reads(void **state)
{
        const struct swb_omaha_app app = {.appid = "app",
                                          .version = "1.0",
                                          .track = "hard",
                                          .board = "",
                                          .hardware_class = "",
                                          .reads = "",
                                          .update_check = {.targetversionprefix = ""}};
        const struct swb_select_query query = {.catalog = &catalog, .app = &app, .machineid = ""};
        char text[SWB_EXPLAIN_TEXT];
        struct swb_decision d;

        (void)state;
        swb_select(&query, &d);
        assert_int_equal(d.outcome, SWB_SELECT_NO_PAYLOAD);
        assert_non_null(strstr(swb_decision_explain(&query, &d, text),
                               "8.0 has no other payload for it, and a full payload"));
}

static void test_names(void **state)
{
        (void)state;
        for (int i = 0; i < _SWB_SELECT_MAX; i++)
                assert_non_null(swb_select_outcome_to_string((enum swb_select_outcome)i));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_what_devices_read),
                cmocka_unit_test(test_nothing_that_it_reads),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
