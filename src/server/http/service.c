/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/service.h"

#include "base/log.h"
#include "os/file.h"
#include "server/http/internal.h"
#include "server/store/payload_files.h"

/* For the head of a request; longer ones are refused by libmicrohttpd. */
#define CONNECTION_MEMORY_BYTES ((size_t)16 << 10)

struct swb_catalog *swb_service_catalog(struct swb_service *service)
{
        struct swb_catalog *catalog;

        (void)pthread_mutex_lock(&service->catalog_lock);
        catalog = swb_catalog_ref(service->catalog);
        (void)pthread_mutex_unlock(&service->catalog_lock);
        return catalog;
}

static void on_write_failure(size_t n, const struct swb_error *err)
{
        (void)swb_log_failure(SWB_LOG_ERROR, err, "%zu requests could not be stored", n);
}

/* libmicrohttpd's messages are about single clients; what matters we log ourselves. */
static void on_message(void *userdata, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));

static void on_message(void *userdata, const char *format, va_list args)
{
        char text[512];

        (void)userdata;
        (void)vsnprintf(text, sizeof(text), format, args);
        text[strcspn(text, "\r\n")] = '\0';
        swb_log(SWB_LOG_DEBUG, "http: %s", text);
}

static int start_daemon(struct swb_service *service, struct swb_error *err)
{
        const struct swb_service_config *config = &service->config;
        int fd, r;

        r = swb_listen(config->listen, &fd, service->address, err);
        if (r < 0)
                return r;
        service->daemon = MHD_start_daemon(
                MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                        MHD_USE_TURBO | MHD_USE_ERROR_LOG,
                0, NULL, NULL, swb_on_request, service, MHD_OPTION_EXTERNAL_LOGGER, on_message,
                NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, config->n_threads,
                MHD_OPTION_CONNECTION_LIMIT, config->max_connections,
                MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->max_connections_per_ip,
                MHD_OPTION_CONNECTION_TIMEOUT,
                (unsigned)((config->timeout_usec + 999999) / 1000000),
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES,
                MHD_OPTION_NOTIFY_COMPLETED, swb_on_completed, service,
                MHD_OPTION_NOTIFY_CONNECTION, swb_on_connection, service, MHD_OPTION_END);
        if (!service->daemon) {
                (void)swb_close(fd);
                return swb_fail(err, -EIO, SWB_FAULT_IO, "start the HTTP server on '%s'",
                                service->address);
        }
        return 0;
}

static int load_first_catalog(struct swb_service *service, struct swb_error *err)
{
        int r;

        r = swb_db_open(service->config.store, SWB_DB_CREATE, &service->db, err);
        if (r >= 0)
                r = swb_rollouts_new(&service->rollouts, err);
        service->api.rollouts = service->rollouts;
        if (r >= 0)
                r = swb_rollouts_refresh(service->rollouts, service->db, (int64_t)time(NULL), err);
        if (r >= 0)
                r = swb_catalog_load(service->db, &service->catalog, err);
        return r;
}

static int overview(void *userdata, struct swb_buf *buf, struct swb_error *err)
{
        return swb_board_overview(userdata, buf, err);
}

static void recent(void *userdata, struct swb_json *json)
{
        swb_board_recent(userdata, json);
}

int swb_service_start(const struct swb_service_config *config, struct swb_service **ret,
                      struct swb_error *err)
{
        _cleanup_(swb_service_freep) struct swb_service *service = calloc(1, sizeof(*service));
        int r;

        if (!service)
                return swb_oom(err);
        service->config = *config;
        service->payload_folder_fd = -EBADF;
        service->metrics.started = (int64_t)time(NULL);
        (void)pthread_mutex_init(&service->catalog_lock, NULL); /* can't fail without attributes */
        service->config.api.data = service->config.payloads.data = config->data;
        service->config.api.mirrors = &service->config.mirrors;
        service->config.api.base_urls = config->base_urls;
        service->config.api.n_base_urls = config->n_base_urls;
        swb_api_shared_init(&service->api, &service->config.api);
        r = swb_proof_keys_new(config->answer_keys, config->n_answer_keys, &service->proof_keys,
                               err);
        if (r < 0)
                return r;
        service->connections = swb_connections_new(config->timeout_usec);
        if (!service->connections)
                return swb_oom(err);
        r = load_first_catalog(service, err);
        if (r >= 0)
                r = swb_payload_files_open(config->data, &service->payload_folder_fd, err);
        if (r >= 0 && config->show_status)
                r = swb_workers_new(config->store, &service->workers, err);
        if (r >= 0)
                r = swb_writer_new(config->store, &config->limits, on_write_failure,
                                   &service->writer, err);
        if (r >= 0 && config->show_status)
                r = swb_board_new(service, &service->board, err);
        if (r >= 0 && config->show_status)
                r = swb_herald_new(config->store, &service->herald, err);
        if (r >= 0 && config->with_jobs)
                r = swb_runner_new(config->store, &service->config.payloads, &service->runner, err);
        service->api.board = (struct swb_api_board){
                .overview = overview, .recent = recent, .userdata = service->board};
        if (r >= 0)
                r = start_daemon(service, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(service);
        return 0;
}

struct swb_service *swb_service_free(struct swb_service *service)
{
        if (!service)
                return NULL;
        swb_board_stop(service->board);
        if (service->daemon)
                swb_service_drain(service);
        /* Then the writer: it wakes the connections that wait for it, and libmicrohttpd can't end
         * while one is suspended. What comes later is told to try again. */
        if (service->writer)
                swb_writer_stop(service->writer);
        (void)swb_runner_free(service->runner);
        (void)swb_herald_free(service->herald);
        if (service->workers)
                swb_workers_stop(service->workers);
        if (service->daemon)
                MHD_stop_daemon(service->daemon);
        (void)swb_board_free(service->board);
        (void)swb_writer_free(service->writer);
        (void)swb_workers_free(service->workers);
        swb_api_shared_done(&service->api);
        (void)swb_connections_free(service->connections);
        (void)swb_catalog_unref(service->catalog);
        (void)swb_rollouts_free(service->rollouts);
        (void)swb_proof_keys_free(service->proof_keys);
        (void)swb_db_free(service->db);
        (void)swb_close(service->payload_folder_fd);
        (void)pthread_mutex_destroy(&service->catalog_lock);
        free(service);
        return NULL;
}

const char *swb_service_address(const struct swb_service *service)
{
        return service->address;
}

/* Most changes are the writer's own rows; the generation tells those of the catalog. */
static int refresh_catalog(struct swb_service *service, struct swb_error *err)
{
        struct swb_catalog *fresh, *stale;
        int64_t generation;
        bool has_news = false;
        int r;

        r = swb_db_has_news(service->db, &has_news, err);
        service->has_news = service->has_news || has_news;
        if (r < 0 || !service->has_news)
                return r;
        r = swb_db_number(service->db, "SELECT generation FROM catalog", &generation, err);
        if (r < 0)
                return r;
        if (generation != service->catalog->generation) {
                r = swb_catalog_load(service->db, &fresh, err);
                if (r < 0)
                        return r;
                service->follows_catalog = false;
                (void)pthread_mutex_lock(&service->catalog_lock);
                stale = service->catalog;
                service->catalog = fresh;
                (void)pthread_mutex_unlock(&service->catalog_lock);
                (void)swb_catalog_unref(stale);
                swb_log(SWB_LOG_INFO, "catalog changed, generation %lld", (long long)generation);
        }
        /* The catalog first: it says what is recalled, and a rollout that is not known yet admits
         * nobody. */
        if (!service->follows_catalog) {
                r = swb_rollouts_refresh(service->rollouts, service->db, (int64_t)time(NULL), err);
                if (r < 0)
                        return r;
                service->follows_catalog = true;
        }
        service->has_news = false;
        return 0;
}

static void tick_rollouts(struct swb_service *service)
{
        struct swb_error err = SWB_ERROR_INIT;
        int r;

        r = swb_rollouts_sync(service->rollouts, service->db, &err);
        if (r >= 0)
                r = swb_rollouts_tick(service->rollouts, service->db, (int64_t)time(NULL), &err);
        if (r < 0)
                (void)swb_log_failure(SWB_LOG_WARNING, &err, "rollouts, retrying");
}

void swb_service_tick(struct swb_service *service)
{
        struct swb_error err = SWB_ERROR_INIT;
        unsigned n;

        tick_rollouts(service);
        if (refresh_catalog(service, &err) < 0)
                (void)swb_log_failure(SWB_LOG_WARNING, &err, "refresh the catalog, retrying");
        n = swb_connections_expire(service->connections);
        if (n > 0)
                swb_log(SWB_LOG_DEBUG, "%u connections were too slow", n);
}
