/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/resource.h>

#include "base/log.h"
#include "bin/swb-server/server.h"
#include "omaha/common.h"
#include "server/http/service.h"

/* Each connection may hold its socket and a payload's file. */
#define FDS_PER_CONNECTION 2
#define FDS_BESIDES 64

static const char *listen_address = "127.0.0.1:8080";
static struct swb_opt_list base_urls, answer_keys;
static uint64_t poll_interval_usec, timeout_usec = 30000000;
static uint64_t n_threads, max_connections = 2048, max_per_ip;
static uint64_t max_devices, max_events, max_per_device, max_per_hour;
static uint64_t keep_events_usec;
static bool show_status, show_metrics, is_private, is_https;
static struct swb_opt_list trusted_proxies;
static const char *identity_header, *pack_program = SERVER_PACK_PROGRAM;
static const char *accel_redirect;
static struct swb_opt_list pack_keys, mirrors;
static bool with_jobs;

const struct swb_opt cmd_serve_options[] = {
        {'l', "listen", SWB_OPT_STRING, &listen_address, "ADDRESS:PORT", false,
         "where to listen (default 127.0.0.1:8080)"},
        {0, "base-url", SWB_OPT_LIST, &base_urls, "URL", false,
         "where devices find the payloads (default: here, /payloads/)"},
        {0, "mirror", SWB_OPT_LIST, &mirrors, "NETWORK=URL", false,
         "where devices of this network (10.0.0.0/8) find the payloads first"},
        {0, "accel-redirect", SWB_OPT_STRING, &accel_redirect, "PATH", false,
         "let a trusted proxy send the payloads from this internal location (X-Accel-Redirect)"},
        {0, "poll-interval", SWB_OPT_DURATION, &poll_interval_usec, "TIME", false,
         "tell devices to ask this often"},
        {0, "answer-key", SWB_OPT_LIST, &answer_keys, "ID:FILE", false,
         "sign answers to devices that ask for it with this private key, under this number"},
        {0, "metrics", SWB_OPT_FLAG, &show_metrics, NULL, false, "serve /metrics for Prometheus"},
        {0, "status", SWB_OPT_FLAG, &show_status, NULL, false,
         "serve the fleet's page, /api/v1/ and /metrics as well"},
        {0, "private", SWB_OPT_FLAG, &is_private, NULL, false,
         "let only those read the API who have a token or a session"},
        {0, "https", SWB_OPT_FLAG, &is_https, NULL, false,
         "browsers come by https (a proxy's): their cookies are for that only"},
        {0, "trusted-proxy", SWB_OPT_LIST, &trusted_proxies, "ADDRESS", false,
         "believe this address's X-Forwarded-For and identity header"},
        {0, "identity-header", SWB_OPT_STRING, &identity_header, "NAME", false,
         "header by which a trusted proxy names the user"},
        {0, "jobs", SWB_OPT_FLAG, &with_jobs, NULL, false,
         "make payloads from published images, one at a time"},
        {0, "pack-program", SWB_OPT_STRING, &pack_program, "FILE", false,
         "with --jobs: swb-pack (default " SERVER_PACK_PROGRAM ")"},
        {0, "pack-key", SWB_OPT_LIST, &pack_keys, "FILE|URI", false,
         "with --jobs: private key to sign payloads with (default: they are not signed)"},
        {0, "threads", SWB_OPT_U64, &n_threads, "N", false,
         "threads that answer (default: one per processor)"},
        {0, "timeout", SWB_OPT_DURATION, &timeout_usec, "TIME", false,
         "for a whole request to come (default 30s)"},
        {0, "max-connections", SWB_OPT_U64, &max_connections, "N", false,
         "connections at a time (default 2048)"},
        {0, "max-connections-per-ip", SWB_OPT_U64, &max_per_ip, "N", false,
         "the same from one address (default: no limit)"},
        {0, "max-devices", SWB_OPT_U64, &max_devices, "N", false,
         "devices to keep (default 1000000)"},
        {0, "max-events", SWB_OPT_U64, &max_events, "N", false,
         "events to keep of all devices (default 2000000)"},
        {0, "keep-events", SWB_OPT_DURATION, &keep_events_usec, "TIME", false,
         "forget events that are older (default 366d)"},
        {0, "max-events-per-device", SWB_OPT_U64, &max_per_device, "N", false,
         "events to keep of one device (default 100)"},
        {0, "max-events-per-hour", SWB_OPT_U64, &max_per_hour, "N", false,
         "events to take from one device in an hour (default 60)"},
        {0},
};

static void override(uint64_t *limit, uint64_t option)
{
        if (option > 0)
                *limit = option;
}

static int check_base_urls(struct swb_error *err)
{
        if (base_urls.n > SWB_OMAHA_URLS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE,
                                "option --base-url: given more than %d times", SWB_OMAHA_URLS_MAX);
        for (size_t i = 0; i < base_urls.n; i++)
                if (strncmp(base_urls.items[i], "http://", 7) != 0 &&
                    strncmp(base_urls.items[i], "https://", 8) != 0)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "option --base-url: '%s' is not an http or https URL",
                                        base_urls.items[i]);
        return 0;
}

static int make_config(struct swb_service_config *config, struct swb_error *err)
{
        long n_processors = sysconf(_SC_NPROCESSORS_ONLN);
        int r;

        r = check_base_urls(err);
        if (r < 0)
                return r;
        if (n_threads == 0)
                n_threads = n_processors > 0 ? (uint64_t)n_processors : 1;
        if (n_threads > 64 || max_connections < n_threads || max_connections > 1000000 ||
            max_per_ip > 1000000 || timeout_usec == 0 || timeout_usec > 3600 * 1000000ull)
                return swb_fail(
                        err, -ERANGE, SWB_FAULT_USAGE,
                        "out of range: --threads is 1 to 64, --max-connections from there to "
                        "1000000, --timeout up to 1h");
        if (pack_keys.n > SWB_PACK_KEYS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE,
                                "option --pack-key: given more than %d times", SWB_PACK_KEYS_MAX);
        *config = (struct swb_service_config){
                .data = server_options.data,
                .store = server_store(),
                .listen = listen_address,
                .base_urls = base_urls.items,
                .n_base_urls = base_urls.n,
                .poll_interval_seconds = poll_interval_usec / 1000000,
                .n_threads = (unsigned)n_threads,
                .max_connections = (unsigned)max_connections,
                .max_connections_per_ip = (unsigned)max_per_ip,
                .timeout_usec = timeout_usec,
                .answer_keys = answer_keys.items,
                .n_answer_keys = answer_keys.n,
                .show_metrics = show_metrics,
                .show_status = show_status,
                .api = {.is_private = is_private,
                        .is_secure = is_https,
                        .trusted_proxies = trusted_proxies.items,
                        .n_trusted_proxies = trusted_proxies.n,
                        .identity_header = identity_header},
                .accel_redirect = accel_redirect,
                .with_jobs = with_jobs,
                .payloads = {.pack_program = pack_program,
                             .keys = pack_keys.items,
                             .n_keys = pack_keys.n},
                .limits = SWB_FLEET_LIMITS_DEFAULT,
        };
        for (size_t i = 0; i < mirrors.n; i++) {
                r = swb_mirrors_add(&config->mirrors, mirrors.items[i], err);
                if (r < 0)
                        return swb_wrap(err, r, "option --mirror");
        }
        override(&config->limits.devices, max_devices);
        override(&config->limits.events, max_events);
        override(&config->limits.event_seconds, keep_events_usec / 1000000);
        override(&config->limits.events_per_device, max_per_device);
        override(&config->limits.events_per_device_hour, max_per_hour);
        return 0;
}

static void raise_fd_limit(void)
{
        rlim_t wanted = (rlim_t)max_connections * FDS_PER_CONNECTION + FDS_BESIDES;
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
                return;
        limit.rlim_cur = SWB_MIN(wanted, limit.rlim_max);
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
                swb_log(SWB_LOG_WARNING,
                        "only %llu open files are allowed, fewer connections than asked for will "
                        "work",
                        (unsigned long long)limit.rlim_cur);
}

/* All threads inherit the mask, so only the loop below sees the signals. */
static void block_signals(sigset_t *ret_signals)
{
        (void)sigemptyset(ret_signals);
        (void)sigaddset(ret_signals, SIGINT);
        (void)sigaddset(ret_signals, SIGTERM);
        (void)pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
}

int cmd_serve(int n_args, char **args, struct swb_error *err)
{
        const struct timespec tick = {.tv_nsec = SWB_SERVICE_TICK_MSEC * 1000000l};
        _cleanup_(swb_service_freep) struct swb_service *service = NULL;
        struct swb_service_config config;
        sigset_t signals;
        int r;

        (void)n_args;
        (void)args;
        r = make_config(&config, err);
        if (r < 0)
                return r;
        raise_fd_limit();
        block_signals(&signals);
        r = swb_service_start(&config, &service, err);
        if (r < 0)
                return r;
        (void)printf("listening on http://%s/\n", swb_service_address(service));
        (void)fflush(stdout);
        while (sigtimedwait(&signals, NULL, &tick) < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        return swb_fail_errno(err, errno, "wait for a signal");
                swb_service_tick(service);
        }
        swb_log(SWB_LOG_NOTICE, "stopping");
        return SWB_EXIT_OK;
}
