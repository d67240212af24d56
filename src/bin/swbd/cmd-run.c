/* SPDX-License-Identifier: Apache-2.0 */
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/log.h"
#include "bin/swbd/journal.h"
#include "bin/swbd/swbd.h"
#include "device/bus/bus.h"
#include "device/engine/engine.h"

struct daemon {
        struct swb_config *config;
        sd_event *event;
        struct swb_engine *engine;
        struct swb_bus *bus; /* NULL with --no-bus, and while starting */
        enum swb_engine_state told_state;
        unsigned told_percent;
};

static void daemon_done(struct daemon *d)
{
        d->bus = swb_bus_free(d->bus);
        d->engine = swb_engine_free(d->engine);
        d->event = sd_event_unref(d->event);
        d->config = swb_config_free(d->config);
}

/* One line for "systemctl status", when it would read differently. */
static void tell_manager(struct daemon *d)
{
        const struct swb_status *status = swb_engine_status(d->engine);
        unsigned percent = (unsigned)(status->progress * 100);

        if (status->state == d->told_state && percent == d->told_percent)
                return;
        d->told_state = status->state;
        d->told_percent = percent;
        /* Without a service manager these do nothing; nor is a failure of them of any use to us. */
        if (status->available_version[0] != '\0')
                (void)sd_notifyf(0, "STATUS=%s, version %s, %u %%",
                                 swb_engine_state_to_string(status->state),
                                 status->available_version, percent);
        else
                (void)sd_notifyf(0, "STATUS=%s", swb_engine_state_to_string(status->state));
}

static void on_changed(void *context)
{
        struct daemon *d = context;

        if (!d->engine)
                return;
        swbd_journal_tell(swb_engine_status(d->engine));
        if (d->bus)
                swb_bus_changed(d->bus);
        tell_manager(d);
}

static void on_deadline_soon(void *context, uint64_t left_usec)
{
        struct daemon *d = context;

        if (d->bus)
                swb_bus_deadline_soon(d->bus, left_usec);
}

static void on_reboot_soon(void *context, uint64_t left_usec)
{
        struct daemon *d = context;

        if (d->bus)
                swb_bus_reboot_soon(d->bus, left_usec);
}

static bool on_reboot(void *context)
{
        struct daemon *d = context;

        return d->bus && swb_bus_reboot(d->bus);
}

static void on_stopped(void *context)
{
        struct daemon *d = context;

        (void)sd_event_exit(d->event, 0);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        struct daemon *d = userdata;

        (void)source;
        swb_log(SWB_LOG_INFO, "stopping: %s", strsignal((int)info->ssi_signo));
        (void)sd_notify(0, "STOPPING=1");
        swb_engine_stop(d->engine);
        return 0;
}

static int set_up_event(struct daemon *d, struct swb_error *err)
{
        sigset_t set;
        int r;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        r = sd_event_new(&d->event);
        if (r >= 0)
                r = sd_event_add_signal(d->event, NULL, SIGTERM, on_signal, d);
        if (r >= 0)
                r = sd_event_add_signal(d->event, NULL, SIGINT, on_signal, d);
        if (r >= 0)
                r = sd_event_set_watchdog(d->event, 1);
        return r < 0 ? swb_fail_errno(err, r, "set up the event loop") : 0;
}

static int set_up(struct daemon *d, const struct swbd_options *options, struct swb_error *err)
{
        const struct swb_engine_hooks hooks = {.changed = on_changed,
                                               .deadline_soon = on_deadline_soon,
                                               .reboot_soon = on_reboot_soon,
                                               .reboot = on_reboot,
                                               .stopped = on_stopped,
                                               .context = d};
        int r;

        r = swb_config_load(options->config, &d->config, err);
        if (r >= 0)
                r = swb_policy_check_config(d->config, err);
        if (r >= 0)
                r = set_up_event(d, err);
        if (r >= 0)
                r = swb_engine_new(d->config, d->event, &hooks, &d->engine, err);
        /* The name first: it tells a second daemon at once, and waits for no slow start. */
        if (r >= 0 && !options->no_bus)
                r = swb_bus_new(d->event, d->engine, d->config->device.chromium_dbus, &d->bus, err);
        return r < 0 ? r : swb_engine_start(d->engine, err);
}

int swbd_run(const struct swbd_options *options, struct swb_error *err)
{
        _cleanup_(daemon_done) struct daemon d = {0};
        int r;

        r = set_up(&d, options, err);
        if (r < 0)
                return r;
        (void)sd_notify(0, "READY=1");
        r = sd_event_loop(d.event);
        return r < 0 ? swb_fail_errno(err, r, "event loop") : SWB_EXIT_OK;
}
