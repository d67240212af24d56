/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several servers on one database, a thousand random scenarios: devices ask and report anywhere,
 * servers admit from what they know, store in turns, follow each other, and die. What is stored
 * must never be more than the stage allows, and whoever was told is stored.
 */
#include "base/test.h"
#include "server/rollout/rollout.h"

#define N_NODES 3
#define N_DEVICES 60
#define N_SCENARIOS 1000
#define N_STEPS 400

static const struct swb_siphash_key keys[2] = {{{31, 32}}, {{33, 34}}};

static uint64_t seed;

static uint64_t dice(uint64_t n)
{
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return (seed >> 33) % n;
}

/* What is stored of a device. */
struct row {
        struct swb_member_row member;
        int64_t seq; /* 0: nothing is */
        size_t node;
};

/* What a server has on its way to the database. */
struct request {
        size_t device;
        enum swb_taken taken;
        bool is_event, is_late;
        struct swb_omaha_event event;
        int64_t at;
};

struct node {
        struct swb_rollout model;
        struct request queue[N_DEVICES];
        size_t n_queued;
        int64_t seen;
};

struct world {
        struct swb_rollout_setup setup;
        struct row rows[N_DEVICES];
        bool is_told[N_DEVICES];
        struct node nodes[N_NODES];
        int64_t now, clock;
};

static const char *name_of(size_t device, char *text)
{
        (void)snprintf(text, 24, "device-%zu", device);
        return text;
}

static struct swb_rollout_word word_of(const struct request *request, char *name)
{
        return (struct swb_rollout_word){.machineid = name_of(request->device, name),
                                         .version = request->event.result ? "2.0" : "1.0",
                                         .events = &request->event,
                                         .n_events = request->is_event,
                                         .now = request->at};
}

static void follow(struct world *w, size_t index)
{
        struct node *node = &w->nodes[index];
        char name[24];

        for (size_t i = 0; i < N_DEVICES; i++)
                if (w->rows[i].seq > node->seen && w->rows[i].node != index)
                        assert_int_equal(swb_rollout_follow(&node->model, name_of(i, name),
                                                            &w->rows[i].member),
                                         0);
        node->seen = w->clock;
}

static void start(struct world *w, size_t index)
{
        struct node *node = &w->nodes[index];
        char name[24];

        swb_rollout_done(&node->model);
        swb_rollout_init(&node->model, &w->setup, keys);
        for (size_t i = 0; i < N_DEVICES; i++)
                if (w->rows[i].seq > 0)
                        assert_int_equal(swb_rollout_restore(&node->model, name_of(i, name),
                                                             &w->rows[i].member),
                                         0);
        node->n_queued = 0;
        node->seen = w->clock;
}

static void ask(struct world *w, struct node *node, size_t device)
{
        char name[24];
        const struct swb_rollout_ask question = {.machineid = name_of(device, name),
                                                 .hardware_class = "",
                                                 .within_hours = true,
                                                 .now = w->now};
        struct request request = {.device = device, .at = w->now};
        int64_t at;

        if (swb_rollout_admit(&node->model, &question, &request.taken, &at) == SWB_HOLD_NONE)
                node->queue[node->n_queued++] = request;
}

static void report(struct world *w, struct node *node, size_t device)
{
        char name[24];
        bool is_good = dice(3) > 0;
        struct request request = {.device = device,
                                  .is_event = true,
                                  .event = {.type = 3,
                                            .result = is_good ? 2 : 0,
                                            .previousversion = "1.0",
                                            .nextversion = "",
                                            .fault = is_good ? "" : "health",
                                            .text = ""},
                                  .at = w->now};
        const struct swb_rollout_word word = word_of(&request, name);

        if (!w->is_told[device])
                return;
        (void)swb_rollout_hear(&node->model, &word);
        node->queue[node->n_queued++] = request;
}

/* As the writer does: in a turn, after having followed the others. */
static void store(struct world *w, size_t index)
{
        struct node *node = &w->nodes[index];
        char name[24];

        follow(w, index);
        w->clock++;
        for (size_t i = 0; i < node->n_queued; i++) {
                struct request *request = &node->queue[i];

                request->is_late =
                        !request->is_event &&
                        !swb_rollout_confirm(&node->model, name_of(request->device, name),
                                             request->taken, w->now);
        }
        for (size_t i = 0; i < node->n_queued; i++) {
                struct request *request = &node->queue[i];
                struct row *row = &w->rows[request->device];
                const struct swb_rollout_word word = word_of(request, name);

                if (request->is_late)
                        continue; /* it is decided again, and told otherwise */
                if (request->is_event)
                        swb_rollout_hear_again(&node->model, &word);
                else
                        w->is_told[request->device] = true;
                if (swb_rollout_member(&node->model, word.machineid, &row->member)) {
                        row->seq = w->clock;
                        row->node = index;
                }
        }
        node->n_queued = 0;
        node->seen = w->clock;
}

/* A server that dies takes along what it has not stored; nobody was told of that. */
static void step(struct world *w)
{
        size_t index = dice(N_NODES), device = dice(N_DEVICES);
        struct node *node = &w->nodes[index];
        uint64_t what = dice(100);

        w->now += (int64_t)dice(20);
        if (what < 2)
                start(w, index);
        else if (what < 20 || node->n_queued == N_DEVICES)
                store(w, index);
        else if (what < 30)
                follow(w, index);
        else if (what < 70)
                ask(w, node, device);
        else
                report(w, node, device);
}

static void check(const struct world *w)
{
        const struct swb_stage *stage = &w->setup.plan.stages[0];
        size_t n_members = 0, n_slots = 0;

        for (size_t i = 0; i < N_DEVICES; i++) {
                n_members += w->rows[i].seq > 0;
                n_slots += w->rows[i].seq > 0 && w->rows[i].member.has_slot;
                if (w->is_told[i] && w->rows[i].seq == 0)
                        fail_msg("device %zu was told, and is not stored", i);
        }
        if (stage->max_devices > 0 && n_members > stage->max_devices)
                fail_msg("%zu members, and %zu are allowed", n_members, (size_t)stage->max_devices);
        if (stage->concurrency > 0 && n_slots > stage->concurrency)
                fail_msg("%zu are at it, and %zu may", n_slots, (size_t)stage->concurrency);
}

/* When all have followed, all count the same. */
static void check_agreement(struct world *w)
{
        for (size_t i = 0; i < N_NODES; i++)
                store(w, i);
        for (size_t i = 0; i < N_NODES; i++)
                follow(w, i);
        for (size_t i = 1; i < N_NODES; i++) {
                assert_memory_equal(&w->nodes[i].model.total, &w->nodes[0].model.total,
                                    sizeof(struct swb_tally));
                assert_int_equal(w->nodes[i].model.n_slots, w->nodes[0].model.n_slots);
        }
}

static void test_random(void **state)
{
        size_t n_full = 0;

        (void)state;
        for (size_t scenario = 0; scenario < N_SCENARIOS; scenario++) {
                struct world w = {.setup = {.version = "2.0",
                                            .salt = "s",
                                            .status = SWB_ROLLOUT_ACTIVE,
                                            .need = 1000,
                                            .plan = {.n_stages = 1,
                                                     .silent_seconds = 100000,
                                                     .overdue_seconds = 100000}},
                                  .now = 1700000000};
                struct swb_stage *stage = &w.setup.plan.stages[0];

                seed = scenario * 2654435761u + 1;
                stage->share_ppm = SWB_ALL_DEVICES_PPM;
                stage->max_devices = dice(4) ? 1 + dice(N_DEVICES) : 0;
                stage->concurrency = dice(2) ? 1 + dice(10) : 0;
                for (size_t i = 0; i < N_NODES; i++)
                        start(&w, i);
                for (size_t i = 0; i < N_STEPS; i++) {
                        step(&w);
                        check(&w);
                }
                check_agreement(&w);
                n_full += stage->max_devices > 0 &&
                          w.nodes[0].model.total.admitted == stage->max_devices;
                for (size_t i = 0; i < N_NODES; i++)
                        swb_rollout_done(&w.nodes[i].model);
        }
        /* The limit was what stopped them, and not that nobody was admitted. */
        assert_true(n_full > N_SCENARIOS / 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
