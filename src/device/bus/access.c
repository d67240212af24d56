/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may steer the engine: root always; others if polkit says so, where it runs, else members of
 * the group "switchback". Reading is free for all.
 *
 * A filter sees every call before its method does. A call that polkit is asked about waits here,
 * and is put back into the queue when the answer is there.
 */
#include <grp.h>
#include <pwd.h>

#include "base/log.h"
#include "device/bus/parts.h"

#define POLKIT "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_AUTHORITY POLKIT ".Authority"
#define GROUP "switchback"
#define GROUPS_MAX 64

#define UPDATE "org.switchback.engine1.update"
#define REBOOT "org.switchback.engine1.reboot"
#define MANAGE "org.switchback.engine1.manage"

/* A person may be asked for a password. */
#define ANSWER_USEC 25000000u
#define PERSON_USEC 120000000u
#define ALLOW_USER_INTERACTION 1u

static const struct {
        const char *member, *action;
} gated[] = {
        {"Check", UPDATE},          {"Install", UPDATE},
        {"Cancel", UPDATE},         {"Pause", UPDATE},
        {"Resume", UPDATE},         {"Defer", UPDATE},
        {"Inhibit", UPDATE},        {"Reboot", REBOOT},
        {"Rollback", MANAGE},       {"MarkGood", MANAGE},
        {"MarkBad", MANAGE},        {"SetChannel", MANAGE},
        {"Doctor", MANAGE},         {"AttemptUpdate", UPDATE},
        {"RebootIfNeeded", REBOOT}, {"AttemptUpdateWithFlags", UPDATE},
        {"ResetStatus", MANAGE},    {"InstallFrom", MANAGE},
        {"Repair", UPDATE},
};

/* NULL: everybody may. By the member alone: the interface may be left out of a call. */
static const char *action_of(sd_bus_message *message)
{
        const char *member = sd_bus_message_get_member(message);

        if (sd_bus_message_is_method_call(message, NULL, NULL) <= 0 || !member)
                return NULL;
        for (size_t i = 0; i < SWB_ELEMENTS(gated); i++)
                if (strcmp(gated[i].member, member) == 0)
                        return gated[i].action;
        return NULL;
}

/* ---- without polkit ---- */

static int uid_of(sd_bus_message *message, uid_t *ret)
{
        sd_bus_creds *creds = NULL;
        int r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds);

        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret);
        (void)sd_bus_creds_unref(creds);
        return r;
}

static bool is_in_group(uid_t uid)
{
        const struct group *group = getgrnam(GROUP);
        const struct passwd *user = getpwuid(uid);
        gid_t wanted = group ? group->gr_gid : 0, groups[GROUPS_MAX];
        int n = GROUPS_MAX;

        if (!group || !user)
                return false;
        if (getgrouplist(user->pw_name, user->pw_gid, groups, &n) < 0)
                n = GROUPS_MAX; /* as many as there is room for */
        for (int i = 0; i < n; i++)
                if (groups[i] == wanted)
                        return true;
        return false;
}

/* ---- callers that wait for polkit ---- */

static void forget(struct swb_bus_caller *caller)
{
        caller->slot = sd_bus_slot_unref(caller->slot);
        caller->message = sd_bus_message_unref(caller->message);
        *caller = (struct swb_bus_caller){0};
}

void swb_bus_forget_callers(struct swb_bus *bus)
{
        for (size_t i = 0; i < SWB_ELEMENTS(bus->callers); i++)
                forget(&bus->callers[i]);
}

/* The place of this message, or with NULL a free one. */
static struct swb_bus_caller *find(struct swb_bus *bus, const sd_bus_message *message)
{
        for (size_t i = 0; i < SWB_ELEMENTS(bus->callers); i++)
                if (bus->callers[i].message == message)
                        return &bus->callers[i];
        return NULL;
}

static bool is_absence(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

static bool is_authorized(sd_bus_message *answer)
{
        int authorized = 0, challenge = 0;

        return sd_bus_message_enter_container(answer, 'r', "bba{ss}") > 0 &&
               sd_bus_message_read(answer, "bb", &authorized, &challenge) > 0 && authorized;
}

static int on_polkit(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus_caller *caller = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(answer);

        (void)ret_error;
        if (!error)
                caller->is_allowed = is_authorized(answer);
        else if (is_absence(error))
                caller->is_allowed = is_in_group(caller->uid);
        else
                swb_log(SWB_LOG_WARNING, "polkit: %s, refusing", error->name);
        caller->is_answered = true;
        if (sd_bus_enqueue_for_read(sd_bus_message_get_bus(answer), caller->message) < 0)
                forget(caller); /* its call ends when its own time is over */
        return 0;
}

static void message_done(sd_bus_message **message)
{
        (void)sd_bus_message_unref(*message);
}

static int ask_polkit(struct swb_bus_caller *caller, const char *action)
{
        sd_bus *bus = sd_bus_message_get_bus(caller->message);
        bool is_person = sd_bus_message_get_allow_interactive_authorization(caller->message) > 0;
        _cleanup_(message_done) sd_bus_message *question = NULL;
        int r = sd_bus_message_new_method_call(bus, &question, POLKIT, POLKIT_PATH,
                                               POLKIT_AUTHORITY, "CheckAuthorization");

        if (r >= 0)
                r = sd_bus_message_append(question, "(sa{sv})sa{ss}us", "system-bus-name", 1,
                                          "name", "s", sd_bus_message_get_sender(caller->message),
                                          action, 0, is_person ? ALLOW_USER_INTERACTION : 0, "");
        return r < 0 ? r
                     : sd_bus_call_async(bus, &caller->slot, question, on_polkit, caller,
                                         is_person ? PERSON_USEC : ANSWER_USEC);
}

static int refuse(sd_bus_message *message)
{
        swb_log(SWB_LOG_INFO, "%s from %s refused: not allowed", sd_bus_message_get_member(message),
                sd_bus_message_get_sender(message));
        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED,
                                          "Access denied: for root, members of the group '%s' and "
                                          "whom polkit allows '%s'",
                                          GROUP, action_of(message));
}

static int begin(struct swb_bus *bus, sd_bus_message *message, uid_t uid)
{
        struct swb_bus_caller *caller = find(bus, NULL);
        int r;

        if (!caller)
                return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                  "too many calls wait for polkit");
        *caller = (struct swb_bus_caller){.message = sd_bus_message_ref(message), .uid = uid};
        r = ask_polkit(caller, action_of(message));
        if (r >= 0)
                return 1;
        swb_log(SWB_LOG_WARNING, "ask polkit: %s, refusing", strerror(-r));
        forget(caller);
        return refuse(message);
}

/* Return: 0 go on to the method; 1 this call is dealt with, for now or for good. */
int swb_bus_check_access(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;
        struct swb_bus_caller *caller = find(bus, message);
        bool is_allowed;
        uid_t uid;

        (void)ret_error;
        if (!action_of(message))
                return 0;
        if (caller && caller->is_answered) {
                is_allowed = caller->is_allowed;
                forget(caller);
                return is_allowed ? 0 : refuse(message);
        }
        if (uid_of(message, &uid) < 0)
                return refuse(message);
        if (uid == 0 || uid == geteuid())
                return 0;
        return begin(bus, message, uid);
}
