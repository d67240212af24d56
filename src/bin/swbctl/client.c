/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swbctl/client.h"

#include <ctype.h>
#include <stdarg.h>

#define NAME "org.switchback.Engine1"
#define PATH "/org/switchback/Engine1"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define ERROR_PREFIX "org.switchback.Error."

void view_done(struct view *view)
{
        char *texts[] = {view->state,           view->current_version, view->available_version,
                         view->current_slot,    view->other_slot,      view->last_error,
                         view->last_error_text, view->channel,         view->deferral_reason};

        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++)
                free(texts[i]);
        for (size_t i = 0; i < view->n_failed; i++) {
                free(view->failed[i].version);
                free(view->failed[i].reason);
        }
        for (size_t i = 0; i < view->n_gates; i++) {
                free(view->gates[i].name);
                free(view->gates[i].rule);
        }
        *view = (struct view){0};
}

void client_done(struct client *client)
{
        client->bus = sd_bus_flush_close_unref(client->bus);
}

int client_connect(struct client *client, struct swb_error *err)
{
        int r = sd_bus_open_system(&client->bus);

        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_NETWORK, "the system bus can't be reached: %s",
                                strerror(-r));
        /* Where polkit runs it may ask for a password. */
        (void)sd_bus_set_allow_interactive_authorization(client->bus, 1);
        return 0;
}

/* ---- errors ---- */

/* "org.switchback.Error.NoSpace" -> the fault named "no-space". */
static enum swb_fault fault_of(const char *name)
{
        char text[64];
        size_t n = 0;
        enum swb_fault fault;

        for (const char *p = name + strlen(ERROR_PREFIX); *p && n + 2 < sizeof(text); p++) {
                if (isupper((unsigned char)*p) && n > 0)
                        text[n++] = '-';
                text[n++] = (char)tolower((unsigned char)*p);
        }
        text[n] = '\0';
        fault = swb_fault_from_string(text);
        return fault == _SWB_FAULT_INVALID ? SWB_FAULT_INTERNAL : fault;
}

static int translate(const sd_bus_error *error, int r, struct swb_error *err)
{
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY))
                return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND,
                                "swbd does not run: nobody on the bus is '" NAME
                                "' (systemctl status swbd)");
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED))
                return swb_fail(err, -EACCES, SWB_FAULT_DENIED,
                                "the bus does not allow it: only root and members of the group "
                                "'switchback' may");
        if (error->name && strncmp(error->name, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0)
                return swb_fail(err, -EPERM, fault_of(error->name), "%s", error->message);
        return swb_fail(err, r, SWB_FAULT_NETWORK, "%s",
                        error->message ? error->message : strerror(-r));
}

int client_call(struct client *client, const char *method, struct swb_error *err)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(client->bus, NAME, PATH, NAME, method, &error, NULL, "");

        return r < 0 ? translate(&error, r, err) : 0;
}

void reply_done(sd_bus_message **reply)
{
        (void)sd_bus_message_unref(*reply);
}

int client_call_with(struct client *client, const char *method, sd_bus_message **ret_reply,
                     struct swb_error *err, const char *types, ...)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list arguments;
        int r;

        va_start(arguments, types);
        r = sd_bus_call_methodv(client->bus, NAME, PATH, NAME, method, &error, ret_reply, types,
                                arguments);
        va_end(arguments);
        return r < 0 ? translate(&error, r, err) : 0;
}

/* ---- properties ---- */

static int read_text(sd_bus_message *message, char **field)
{
        const char *text;
        int r = sd_bus_message_read(message, "v", "s", &text);

        if (r < 0)
                return r;
        free(*field);
        *field = strdup(text);
        return *field ? 0 : -ENOMEM;
}

static int read_bool(sd_bus_message *message, bool *field)
{
        int value, r = sd_bus_message_read(message, "v", "b", &value);

        if (r >= 0)
                *field = value;
        return r;
}

static int read_failed(sd_bus_message *message, struct view *view)
{
        const char *version, *reason;
        int r;

        r = sd_bus_message_enter_container(message, 'v', "a{ss}");
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(message, "{ss}", &version, &reason)) > 0) {
                if (view->n_failed == VIEW_FAILED_MAX)
                        continue;
                view->failed[view->n_failed].version = strdup(version);
                view->failed[view->n_failed].reason = strdup(reason);
                view->n_failed++;
                if (!view->failed[view->n_failed - 1].version ||
                    !view->failed[view->n_failed - 1].reason)
                        return -ENOMEM;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_gates(sd_bus_message *message, struct view *view)
{
        const char *name, *rule;
        uint64_t again;
        int is_open, r;

        r = sd_bus_message_enter_container(message, 'v', "a(sbst)");
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "(sbst)");
        while (r >= 0 &&
               (r = sd_bus_message_read(message, "(sbst)", &name, &is_open, &rule, &again)) > 0) {
                if (view->n_gates == VIEW_GATES_MAX)
                        continue;
                view->gates[view->n_gates].name = strdup(name);
                view->gates[view->n_gates].rule = strdup(rule);
                view->gates[view->n_gates].is_open = is_open;
                view->gates[view->n_gates].again_usec = again;
                view->n_gates++;
                if (!view->gates[view->n_gates - 1].name || !view->gates[view->n_gates - 1].rule)
                        return -ENOMEM;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_value(sd_bus_message *message, const char *name, struct view *view)
{
        const struct {
                const char *name;
                char **text;
                uint64_t *number;
        } fields[] = {
                {"State", &view->state, NULL},
                {"CurrentVersion", &view->current_version, NULL},
                {"AvailableVersion", &view->available_version, NULL},
                {"CurrentSlot", &view->current_slot, NULL},
                {"OtherSlot", &view->other_slot, NULL},
                {"LastError", &view->last_error, NULL},
                {"LastErrorText", &view->last_error_text, NULL},
                {"Channel", &view->channel, NULL},
                {"DeferralReason", &view->deferral_reason, NULL},
                {"SecondsLeft", NULL, &view->seconds_left},
                {"PausedUntil", NULL, &view->paused_until_usec},
                {"DeferredUntil", NULL, &view->deferred_until_usec},
                {"Deadline", NULL, &view->deadline_usec},
                {"RebootAt", NULL, &view->reboot_at_usec},
                {"BytesDone", NULL, &view->bytes_done},
                {"BytesTotal", NULL, &view->bytes_total},
                {"Rate", NULL, &view->rate},
                {"LastCheck", NULL, &view->last_check_usec},
                {"NextCheck", NULL, &view->next_check_usec},
        };

        for (size_t i = 0; i < SWB_ELEMENTS(fields); i++) {
                if (strcmp(fields[i].name, name) != 0)
                        continue;
                if (fields[i].text)
                        return read_text(message, fields[i].text);
                return sd_bus_message_read(message, "v", "t", fields[i].number);
        }
        if (strcmp(name, "Progress") == 0)
                return sd_bus_message_read(message, "v", "d", &view->progress);
        if (strcmp(name, "NeedsReboot") == 0)
                return read_bool(message, &view->needs_reboot);
        if (strcmp(name, "FailedVersions") == 0)
                return read_failed(message, view);
        if (strcmp(name, "Gates") == 0)
                return read_gates(message, view);
        return sd_bus_message_skip(message, "v"); /* of a newer swbd */
}

static int read_all(sd_bus_message *message, struct view *view)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *name;

                r = sd_bus_message_read(message, "s", &name);
                if (r >= 0)
                        r = read_value(message, name, view);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r;
}

/* An older swbd may not have all of them. */
static int fill_gaps(struct view *view)
{
        char **texts[] = {&view->state,           &view->current_version, &view->available_version,
                          &view->current_slot,    &view->other_slot,      &view->last_error,
                          &view->last_error_text, &view->channel,         &view->deferral_reason};

        for (size_t i = 0; i < SWB_ELEMENTS(texts); i++) {
                if (!*texts[i])
                        *texts[i] = strdup("");
                if (!*texts[i])
                        return -ENOMEM;
        }
        return 0;
}

int client_read(struct client *client, struct view *ret, struct swb_error *err)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(reply_done) sd_bus_message *message = NULL;
        _cleanup_(view_done) struct view view = {0};
        int r;

        r = sd_bus_call_method(client->bus, NAME, PATH, PROPERTIES, "GetAll", &error, &message, "s",
                               NAME);
        if (r < 0)
                return translate(&error, r, err);
        r = read_all(message, &view);
        if (r >= 0)
                r = fill_gaps(&view);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_PROTOCOL, "swbd's properties: %s", strerror(-r));
        view_done(ret);
        *ret = view;
        view = (struct view){0};
        return 0;
}

/* ---- findings ---- */

void client_findings_done(struct client_findings *findings)
{
        for (size_t i = 0; i < findings->n; i++) {
                free(findings->items[i].name);
                free(findings->items[i].severity);
                free(findings->items[i].text);
                free(findings->items[i].advice);
        }
        free(findings->items);
        *findings = (struct client_findings){0};
}

int client_findings_add(struct client_findings *findings, const char *const texts[4])
{
        struct client_finding *items =
                reallocarray(findings->items, findings->n + 1, sizeof(*items));
        struct client_finding *new;

        if (!items)
                return -ENOMEM;
        findings->items = items;
        new = &items[findings->n++];
        *new = (struct client_finding){strdup(texts[0]), strdup(texts[1]), strdup(texts[2]),
                                       strdup(texts[3])};
        return new->name &&new->severity &&new->text &&new->advice ? 0 : -ENOMEM;
}

static int read_findings(sd_bus_message *message, struct client_findings *findings)
{
        const char *texts[4];
        int r = sd_bus_message_enter_container(message, 'a', "(ssss)");

        while (r >= 0 && (r = sd_bus_message_read(message, "(ssss)", &texts[0], &texts[1],
                                                  &texts[2], &texts[3])) > 0)
                r = client_findings_add(findings, texts);
        return r;
}

int client_doctor(struct client *client, struct client_findings *ret, struct swb_error *err)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(reply_done) sd_bus_message *message = NULL;
        _cleanup_(client_findings_done) struct client_findings findings = {0};
        int r;

        r = sd_bus_call_method(client->bus, NAME, PATH, NAME, "Doctor", &error, &message, "");
        if (r < 0)
                return translate(&error, r, err);
        r = read_findings(message, &findings);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_PROTOCOL, "swbd's findings: %s", strerror(-r));
        *ret = findings;
        findings = (struct client_findings){0};
        return 0;
}

/* ---- changes ---- */

static int on_change(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct client *client = userdata;

        (void)message;
        (void)ret_error;
        client->has_changed = true;
        return 0;
}

int client_watch(struct client *client, struct swb_error *err)
{
        int r = sd_bus_match_signal(client->bus, NULL, NAME, PATH, PROPERTIES, "PropertiesChanged",
                                    on_change, client);

        if (r >= 0)
                r = sd_bus_add_match(client->bus, NULL,
                                     "type='signal',sender='org.freedesktop.DBus',"
                                     "member='NameOwnerChanged',arg0='" NAME "'",
                                     on_change, client);
        return r < 0 ? swb_fail_errno(err, r, "watch swbd") : 0;
}

int client_wait(struct client *client, uint64_t timeout_usec, struct swb_error *err)
{
        bool has_waited = false;
        int r;

        for (;;) {
                r = sd_bus_process(client->bus, NULL);
                if (r < 0)
                        return swb_fail(err, r, SWB_FAULT_NETWORK, "the bus is gone: %s",
                                        strerror(-r));
                if (client->has_changed)
                        break;
                if (r > 0)
                        continue;
                if (has_waited)
                        break;
                r = sd_bus_wait(client->bus, timeout_usec);
                if (r < 0 && r != -EINTR)
                        return swb_fail_errno(err, r, "wait for the bus");
                has_waited = true;
        }
        r = client->has_changed;
        client->has_changed = false;
        return r;
}
