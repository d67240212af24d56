/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/board.h"

#include "base/log.h"
#include "server/http/internal.h"
#include "server/http/stream.h"
#include "server/report/report.h"
#include "server/store/history.h"

#define TEXT_MAX_BYTES ((size_t)4 << 20)
#define OVERVIEW_MIN_MSEC 2000
/* Making overviews may take this part of a processor. */
#define OVERVIEW_SHARE 50
#define RECENT_SLOTS (3600 / SWB_BOARD_RECENT_SECONDS)
/* The rate of checks is that of so many seconds. */
#define RATE_SECONDS 10

struct swb_board {
        struct swb_service *service;
        struct swb_stream *stream;

        pthread_mutex_t overview_lock; /* for the connection and what was made with it */
        struct swb_db *db;
        struct swb_buf overview;
        int64_t overview_at_msec, overview_until_msec; /* CLOCK_MONOTONIC */

        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool stop;
        uint64_t recent[RECENT_SLOTS]; /* checks within each; the place is the time's */
        int64_t recent_slot;           /* number of the newest, by the wall clock; 0: none yet */

        /* Of the thread. */
        pthread_t thread;
        bool is_running;
        int64_t sent_overview_at_msec;
        uint64_t totals[RATE_SECONDS + 1]; /* checks, of the last seconds */
        uint64_t n_ticks, checks_before;
        struct swb_history_load sampled; /* totals at the last sample */
        int64_t sample_slot;
};

static int64_t now_msec(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail for this clock */
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the overview --- */

static int make_overview(struct swb_board *board, struct swb_error *err)
{
        struct swb_json json = SWB_JSON(&board->overview, false);
        int64_t begin = now_msec(), end;
        int r;

        swb_buf_reset(&board->overview);
        r = swb_json_overview(&json, board->db, (int64_t)time(NULL),
                              SWB_SILENT_AFTER_SECONDS_DEFAULT, err);
        if (r >= 0 && json.error < 0)
                r = swb_fail(err, json.error, SWB_FAULT_LIMIT, "the overview is too large");
        if (r < 0) {
                swb_buf_reset(&board->overview);
                return r;
        }
        end = now_msec();
        board->overview_at_msec = end;
        board->overview_until_msec =
                end + SWB_MAX((int64_t)OVERVIEW_MIN_MSEC, OVERVIEW_SHARE * (end - begin));
        return 0;
}

/* The one that is there, or a new one. Under overview_lock. */
static int freshen_overview(struct swb_board *board, struct swb_error *err)
{
        if (board->overview.n_bytes > 0 && now_msec() < board->overview_until_msec)
                return 0;
        return make_overview(board, err);
}

int swb_board_overview(struct swb_board *board, struct swb_buf *buf, struct swb_error *err)
{
        int r;

        (void)pthread_mutex_lock(&board->overview_lock);
        r = freshen_overview(board, err);
        if (r >= 0 && swb_buf_append(buf, board->overview.data, board->overview.n_bytes) < 0)
                r = swb_oom(err);
        (void)pthread_mutex_unlock(&board->overview_lock);
        return r;
}

static int send_overview(struct swb_board *board, struct swb_error *err)
{
        int r;

        (void)pthread_mutex_lock(&board->overview_lock);
        r = freshen_overview(board, err);
        if (r >= 0 && board->overview_at_msec != board->sent_overview_at_msec) {
                if (swb_stream_publish(board->stream, SWB_TOPIC_OVERVIEW, board->overview.data,
                                       board->overview.n_bytes) < 0)
                        r = swb_oom(err);
                else
                        board->sent_overview_at_msec = board->overview_at_msec;
        }
        (void)pthread_mutex_unlock(&board->overview_lock);
        return r;
}

/* --- live counters --- */

struct live {
        struct swb_json *json;
        const struct swb_catalog *catalog;
};

static void add_rollout(const struct swb_rollout *rollout, void *userdata)
{
        const struct live *live = userdata;

        for (size_t i = 0; i < live->catalog->n_apps; i++)
                if (live->catalog->apps[i].id == rollout->setup.app)
                        swb_json_rollout(live->json, live->catalog->apps[i].appid, NULL, rollout);
}

static void put_states(struct swb_json *json, struct swb_service *service)
{
        struct swb_fleet_totals totals;

        swb_writer_totals(service->writer, &totals);
        swb_json_u64(json, "devices", totals.devices);
        swb_json_u64(json, "events", totals.events);
        swb_json_open_object(json, "states");
        for (int i = 0; i < _SWB_DEVICE_STATE_MAX; i++)
                swb_json_u64(json, swb_device_state_to_string((enum swb_device_state)i),
                             totals.states[i]);
        swb_json_close_object(json);
}

static double check_rate(const struct swb_board *board)
{
        uint64_t seconds = SWB_MIN(board->n_ticks, (uint64_t)RATE_SECONDS);
        uint64_t newest = board->totals[board->n_ticks % SWB_ELEMENTS(board->totals)];
        uint64_t oldest = board->totals[(board->n_ticks - seconds) % SWB_ELEMENTS(board->totals)];

        return seconds > 0 ? (double)(newest - oldest) / (double)seconds : 0;
}

static int send_live(struct swb_board *board, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(TEXT_MAX_BYTES);
        struct swb_service *service = board->service;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = swb_service_catalog(service);
        struct swb_json json = SWB_JSON(&buf, false);
        struct live live = {.json = &json, .catalog = catalog};
        char text[SWB_TIME_TEXT];

        swb_json_open_object(&json, NULL);
        swb_json_str(&json, "at", swb_format_time((int64_t)time(NULL), text));
        swb_json_i64(&json, "generation", catalog->generation);
        swb_json_double(&json, "checks_per_second", check_rate(board));
        put_states(&json, service);
        swb_json_u64(&json, "writer_load_percent", swb_writer_load(service->writer));
        swb_json_bool(&json, "writer_healthy", swb_writer_is_healthy(service->writer));
        swb_json_open_array(&json, "rollouts");
        swb_rollouts_each(service->rollouts, add_rollout, &live);
        swb_json_close_array(&json);
        swb_json_close_object(&json);
        if (json.error < 0)
                return swb_fail(err, json.error, SWB_FAULT_LIMIT, "too many rollouts to show");
        if (swb_stream_publish(board->stream, SWB_TOPIC_LIVE, buf.data, buf.n_bytes) < 0)
                return swb_oom(err);
        return 0;
}

/* --- the last hour, and samples --- */

static void note_recent(struct swb_board *board, int64_t now, uint64_t checks)
{
        int64_t slot = now / SWB_BOARD_RECENT_SECONDS;

        (void)pthread_mutex_lock(&board->lock);
        /* Times without a tick, and a clock that was set, begin anew. */
        if (slot < board->recent_slot || slot - board->recent_slot > RECENT_SLOTS) {
                memset(board->recent, 0, sizeof(board->recent));
                board->recent_slot = slot;
        }
        while (board->recent_slot < slot)
                board->recent[++board->recent_slot % RECENT_SLOTS] = 0;
        board->recent[slot % RECENT_SLOTS] += checks;
        (void)pthread_mutex_unlock(&board->lock);
}

void swb_board_recent(struct swb_board *board, struct swb_json *json)
{
        swb_json_open_object(json, "recent");
        (void)pthread_mutex_lock(&board->lock);
        swb_json_i64(json, "step", SWB_BOARD_RECENT_SECONDS);
        swb_json_i64(json, "from",
                     (board->recent_slot - RECENT_SLOTS + 1) * SWB_BOARD_RECENT_SECONDS);
        swb_json_open_array(json, "checks");
        for (int64_t i = 1; i <= RECENT_SLOTS; i++)
                swb_json_u64(json, NULL, board->recent[(board->recent_slot + i) % RECENT_SLOTS]);
        swb_json_close_array(json);
        (void)pthread_mutex_unlock(&board->lock);
        swb_json_close_object(json);
}

static struct swb_history_load since(const struct swb_history_load *now,
                                     const struct swb_history_load *before)
{
        return (struct swb_history_load){
                .checks = now->checks - before->checks,
                .offers = now->offers - before->offers,
                .completed = now->completed - before->completed,
                .failed = now->failed - before->failed,
        };
}

static void sample(struct swb_board *board, int64_t now, const struct swb_history_load *totals,
                   struct swb_error *err)
{
        struct swb_history_load load = since(totals, &board->sampled);
        int64_t slot = now / SWB_HISTORY_SECONDS;
        int r;

        if (slot == board->sample_slot)
                return;
        (void)pthread_mutex_lock(&board->overview_lock);
        r = swb_history_take(board->db, slot * SWB_HISTORY_SECONDS,
                             board->sample_slot * SWB_HISTORY_SECONDS, &load, err);
        (void)pthread_mutex_unlock(&board->overview_lock);
        board->sample_slot = slot; /* a sample that failed is left out */
        if (r < 0)
                (void)swb_log_failure(SWB_LOG_WARNING, err, "take a sample of the fleet");
        else
                board->sampled = *totals;
}

static void tick(struct swb_board *board)
{
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_history_load totals;
        int64_t now = (int64_t)time(NULL);
        int r = 0;

        swb_metrics_load(&board->service->metrics, &totals);
        note_recent(board, now, totals.checks - board->checks_before);
        board->checks_before = totals.checks;
        board->totals[++board->n_ticks % SWB_ELEMENTS(board->totals)] = totals.checks;
        sample(board, now, &totals, &err);
        if (board->n_ticks % SWB_BOARD_STREAM_SECONDS != 0 ||
            swb_stream_listeners(board->stream) == 0)
                return;
        r = send_live(board, &err);
        if (r >= 0)
                r = send_overview(board, &err);
        if (r < 0)
                (void)swb_log_failure(SWB_LOG_WARNING, &err, "tell pages how the fleet is");
}

static void *run(void *userdata)
{
        struct swb_board *board = userdata;
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        (void)pthread_mutex_lock(&board->lock);
        while (!board->stop) {
                (void)pthread_mutex_unlock(&board->lock);
                tick(board);
                (void)pthread_mutex_lock(&board->lock);
                until.tv_sec++;
                while (!board->stop &&
                       pthread_cond_timedwait(&board->wake, &board->lock, &until) != ETIMEDOUT)
                        ;
        }
        (void)pthread_mutex_unlock(&board->lock);
        return NULL;
}

/* --- its life --- */

static void init_locks(struct swb_board *board)
{
        pthread_condattr_t attr;

        /* These can't fail with such arguments. */
        (void)pthread_mutex_init(&board->overview_lock, NULL);
        (void)pthread_mutex_init(&board->lock, NULL);
        (void)pthread_condattr_init(&attr);
        (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&board->wake, &attr);
        (void)pthread_condattr_destroy(&attr);
}

int swb_board_new(struct swb_service *service, struct swb_board **ret, struct swb_error *err)
{
        _cleanup_(swb_board_freep) struct swb_board *board = calloc(1, sizeof(*board));
        int r;

        if (!board)
                return swb_oom(err);
        init_locks(board);
        board->service = service;
        board->overview = SWB_BUF_INIT(TEXT_MAX_BYTES);
        board->recent_slot = (int64_t)time(NULL) / SWB_BOARD_RECENT_SECONDS;
        board->stream = swb_stream_new(SWB_BOARD_LISTENERS_MAX);
        if (!board->stream)
                return swb_oom(err);
        r = swb_db_open(service->config.store, SWB_DB_EXISTING, &board->db, err);
        if (r < 0)
                return r;
        r = pthread_create(&board->thread, NULL, run, board);
        if (r != 0)
                return swb_fail_errno(err, r, "start a thread");
        board->is_running = true;
        *ret = SWB_TAKE_PTR(board);
        return 0;
}

void swb_board_stop(struct swb_board *board)
{
        if (!board)
                return;
        if (board->is_running) {
                (void)pthread_mutex_lock(&board->lock);
                board->stop = true;
                (void)pthread_cond_signal(&board->wake);
                (void)pthread_mutex_unlock(&board->lock);
                (void)pthread_join(board->thread, NULL);
                board->is_running = false;
        }
        swb_stream_stop(board->stream);
}

struct swb_board *swb_board_free(struct swb_board *board)
{
        if (!board)
                return NULL;
        swb_board_stop(board);
        (void)swb_stream_free(board->stream);
        (void)swb_db_free(board->db);
        swb_buf_done(&board->overview);
        (void)pthread_cond_destroy(&board->wake);
        (void)pthread_mutex_destroy(&board->lock);
        (void)pthread_mutex_destroy(&board->overview_lock);
        free(board);
        return NULL;
}

enum MHD_Result swb_board_listen(struct swb_board *board, struct swb_exchange *exchange)
{
        struct MHD_Response *response = swb_stream_join(board->stream, exchange->connection);

        if (!response)
                return swb_answer_busy(exchange, "too many pages listen");
        if (MHD_add_response_header(response, "Content-Type", "text/event-stream") == MHD_NO ||
            MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_NO ||
            /* A proxy in front would collect the pieces. */
            MHD_add_response_header(response, "X-Accel-Buffering", "no") == MHD_NO) {
                MHD_destroy_response(response);
                return MHD_NO;
        }
        return swb_answer_response(exchange, MHD_HTTP_OK, response);
}
