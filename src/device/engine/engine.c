/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/engine.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>

#include "base/log.h"
#include "device/engine/machine.h"
#include "os/file.h"

#define LOCK_NAME "swbd.lock"
/* A check that comes due while something else goes on is asked about again after this. */
#define CHECK_POSTPONED_USEC (60 * SECOND)
/* How often a device that can't update looks whether it can now. */
#define TAKE_UP_AGAIN_USEC (600 * SECOND)

/* ---- life cycle ---- */

static int on_check_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct swb_engine *e = userdata;
        struct swb_error err = SWB_ERROR_INIT;

        (void)source;
        (void)usec;
        if (e->is_stopping)
                return 0;
        e->check_boot_usec = 0; /* it is due */
        if (!swb_engine_is_allowed(e, SWB_GATE_CHECK)) {
                e->was_check_put_off = true;
                swb_engine_postpone_check(
                        e, SWB_MAX(swb_engine_ask(e, SWB_GATE_CHECK).again_usec, SECOND));
                return 0;
        }
        switch (e->status.state) {
        case SWB_ENGINE_IDLE:
        case SWB_ENGINE_AVAILABLE:
        case SWB_ENGINE_HELD:
        case SWB_ENGINE_UPDATED:
                if (swb_engine_run_check(e, false, &err) >= 0)
                        return 0;
                (void)swb_log_failure(SWB_LOG_ERROR, &err, "check");
                swb_engine_set_error(e, &err);
                swb_engine_plan_check(e, e->config->server.check_interval_usec, false);
                return 0;
        case SWB_ENGINE_CHECKING:
        case SWB_ENGINE_DOWNLOADING:
        case SWB_ENGINE_VERIFYING:
        case SWB_ENGINE_REBOOTING:
        case SWB_ENGINE_CONFIRMING:
        case _SWB_ENGINE_STATE_MAX:
        default:
                swb_engine_postpone_check(e, CHECK_POSTPONED_USEC);
                return 0;
        }
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct swb_engine *e = userdata;

        (void)source;
        (void)usec;
        e->again_boot_usec = UINT64_MAX;
        if (!e->is_stopping)
                swb_engine_consider(e);
        return 0;
}

static void warn_of_user(const struct swb_config *config)
{
        const char *name = config->workers.fetch_user, *user = swb_fetch_user(config);

        if (*user && strcmp(user, name) != 0)
                swb_log(SWB_LOG_WARNING,
                        "user '%s' does not exist: nobody (%s) downloads; see [workers] fetch-user",
                        name, user);
}

static void read_boot_id(struct swb_engine *e)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(4096);
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_now now;
        int r;

        r = swb_read_file(e->config->device.boot_id_file, &buf, &err);
        if (r >= 0)
                r = swb_buf_append_str(&buf, "");
        if (r >= 0 && buf.n_bytes > 0) {
                (void)snprintf(e->boot_id, sizeof(e->boot_id), "%.*s",
                               (int)strcspn((const char *)buf.data, "\n"), (const char *)buf.data);
                return;
        }
        /* Then every start looks like a reboot: a version may be taken for fallen back that did not
         * get its turn, but nothing unsafe comes of it. */
        swb_log(SWB_LOG_WARNING, "no boot id in '%s'", e->config->device.boot_id_file);
        swb_engine_get_now(e, &now);
        (void)snprintf(e->boot_id, sizeof(e->boot_id), "unknown-%" PRIx64, now.dice);
}

int swb_engine_new(const struct swb_config *config, sd_event *event,
                   const struct swb_engine_hooks *hooks, struct swb_engine **ret,
                   struct swb_error *err)
{
        _cleanup_(swb_engine_freep) struct swb_engine *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return swb_oom(err);
        e->config = config;
        e->event = sd_event_ref(event);
        e->hooks = *hooks;
        e->lock = e->attempt.pipe = -EBADF;
        e->again_boot_usec = UINT64_MAX;
        e->facts.slot = e->status.slot = _SWB_SLOT_INVALID;
        e->status.current_version = e->status.available_version = "";
        e->status.channel = config->device.channel;
        e->status.deferral_reason = "";
        e->state = swb_state_new();
        if (!e->state)
                return swb_oom(err);
        read_boot_id(e);
        warn_of_user(config);
        r = swb_engine_add_timers(e, on_check_timer, on_again, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(e);
        return 0;
}

struct swb_engine *swb_engine_free(struct swb_engine *engine)
{
        if (!engine)
                return NULL;
        engine->checker = swb_worker_free(engine->checker);
        engine->reporter = swb_worker_free(engine->reporter);
        engine->getter = swb_worker_free(engine->getter);
        engine->installer = swb_worker_free(engine->installer);
        engine->command = swb_worker_free(engine->command);
        swb_engine_let_bite(engine);
        swb_engine_stop_confirming(engine);
        engine->attempt.pipe = swb_close(engine->attempt.pipe);
        engine->check_timer = sd_event_source_disable_unref(engine->check_timer);
        engine->again_timer = sd_event_source_disable_unref(engine->again_timer);
        engine->later_timer = sd_event_source_disable_unref(engine->later_timer);
        engine->boot = swb_boot_close(engine->boot);
        engine->state = swb_state_free(engine->state);
        engine->lock = swb_close(engine->lock);
        engine->event = sd_event_unref(engine->event);
        free(engine);
        return NULL;
}

/* ---- stop ---- */

bool swb_engine_is_stopping(struct swb_engine *e)
{
        /* A reboot command is not waited for: it may be what stops us. */
        bool has_workers = e->checker || e->reporter || e->getter || e->installer;

        if (e->is_stopping && !has_workers && e->hooks.stopped)
                e->hooks.stopped(e->hooks.context);
        return e->is_stopping;
}

void swb_engine_stop(struct swb_engine *engine)
{
        struct swb_error why = SWB_ERROR_INIT;

        (void)swb_fail(&why, -ECANCELED, SWB_FAULT_CANCELLED, "swbd stops");
        engine->is_stopping = true;
        swb_engine_not_later(engine);
        swb_engine_stop_confirming(engine);
        /* Whoever stops us leaves a system that is well so far as it is. */
        if (engine->status.state == SWB_ENGINE_CONFIRMING &&
            engine->unhealthy.fault == SWB_FAULT_NONE)
                swb_engine_unguard(engine);
        if (engine->checker)
                swb_worker_stop(engine->checker, &why);
        if (engine->reporter)
                swb_worker_stop(engine->reporter, &why);
        swb_engine_stop_attempt(engine, why.text);
        (void)swb_engine_is_stopping(engine);
}

/* ---- start ---- */

int swb_engine_take_lock(struct swb_engine *e, struct swb_error *err)
{
        const char *dir = e->config->device.state_dir;
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r;

        r = swb_make_dirs(dir, 0700, err);
        if (r < 0)
                return swb_wrap(err, r, "state folder");
        if (asprintf(&path, "%s/" LOCK_NAME, dir) < 0) {
                path = NULL;
                return swb_oom(err);
        }
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return swb_fail_errno(err, errno, "lock '%s'", path);
                return swb_fail(err, -EBUSY, SWB_FAULT_BUSY,
                                "another swbd already uses the state folder '%s'", dir);
        }
        e->lock = SWB_TAKE_FD(fd);
        return 0;
}

int swb_engine_take_up(struct swb_engine *e, struct swb_error *err)
{
        int r = 0;

        if (e->lock < 0)
                r = swb_engine_take_lock(e, err);
        if (r >= 0)
                r = swb_engine_begin(e, err);
        if (r < 0)
                return r;
        e->is_ready = true;
        swb_engine_ask_again(e, 0);
        return 0;
}

void swb_engine_take_up_at_once(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (swb_engine_take_up(e, &err) >= 0)
                return;
        (void)swb_log_failure(SWB_LOG_WARNING, &err, "still no updates on this device");
        swb_engine_set_error(e, &err);
        swb_engine_take_up_later(e);
}

void swb_engine_take_up_later(struct swb_engine *e)
{
        swb_engine_later(e, TAKE_UP_AGAIN_USEC, swb_engine_take_up_at_once);
}

int swb_engine_start(struct swb_engine *engine, struct swb_error *err)
{
        struct swb_error cause = SWB_ERROR_INIT;

        if (swb_engine_take_up(engine, &cause) >= 0)
                return 0;
        if (cause.fault == SWB_FAULT_BUSY && engine->lock < 0) {
                *err = cause;
                return cause.code;
        }
        (void)swb_log_failure(SWB_LOG_ERROR, &cause, "no updates on this device");
        swb_engine_set_error(engine, &cause);
        swb_engine_take_up_later(engine);
        return 0;
}
