/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in and out, for the page. */
#include "base/log.h"
#include "server/api/internal.h"
#include "server/auth/secret.h"
#include "server/store/users.h"

static void write_identity(struct swb_api_call *call, const struct swb_identity *identity)
{
        struct swb_json *json = &call->json;
        bool is_named = identity->via != SWB_VIA_NOTHING;

        swb_json_open_object(json, NULL);
        swb_json_str(json, "user", is_named ? identity->who : NULL);
        swb_json_str(json, "via", swb_via_to_string(identity->via));
        swb_json_str(json, "scope", swb_scope_to_string(identity->scope));
        swb_json_str(json, "csrf_token", *identity->csrf ? identity->csrf : NULL);
        swb_json_close_object(json);
}

/* Also tells those who may not read anything that they have to log in. */
static int show(struct swb_api_call *call, struct swb_error *err)
{
        (void)err;
        write_identity(call, &call->identity);
        return 0;
}

static void set_cookie(struct swb_api_call *call, const char *secret)
{
        (void)snprintf(call->answer->cookie, sizeof(call->answer->cookie),
                       SWB_SESSION_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                       secret, *secret ? SWB_SESSION_MAX_SECONDS : 0,
                       call->shared->config.is_secure ? "; Secure" : "");
}

/* Who guesses waits, by the name and by the address. */
static int throttle(struct swb_api_call *call, const char *name, struct swb_error *err)
{
        struct swb_throttle *t = &call->shared->throttle;
        const char *address = call->identity.address;
        unsigned wait = SWB_MAX(swb_throttle_wait(t, name, call->now),
                                swb_throttle_wait(t, address, call->now));

        if (wait > 0) {
                call->status = 429;
                call->answer->retry_after = wait;
                return swb_fail(err, -EAGAIN, SWB_FAULT_DENIED,
                                "too many failed logins: wait %u seconds", wait);
        }
        swb_throttle_fail(t, name, call->now);
        swb_throttle_fail(t, address, call->now);
        return 0;
}

/* An unknown user takes as long as a wrong password, and gets the same words. */
static int check_password(struct swb_api_call *call, const char *name, const char *password,
                          struct swb_user *user, struct swb_error *err)
{
        struct swb_error absent = SWB_ERROR_INIT;
        int r = swb_user_find(call->db, name, user, &absent);

        if (r < 0 && r != -ENOENT)
                return swb_fail(err, r, absent.fault, "%s", absent.text);
        r = swb_password_check(password, r < 0 ? "" : user->password, err);
        if (r > 0)
                return 0;
        if (r < 0)
                return r;
        call->status = 401;
        call->answer->is_refusal = true;
        swb_log(SWB_LOG_NOTICE, "a login as '%.64s' from %s failed", name, call->identity.address);
        return swb_fail(err, -EPERM, SWB_FAULT_DENIED, "user or password is wrong");
}

static int begin(struct swb_api_call *call, const struct swb_user *user, const char *secret,
                 struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        struct swb_audit_entry entry = {.identity = &call->identity,
                                        .action = call->route->action,
                                        .app = "",
                                        .object = "session"};
        char hash[SWB_SECRET_SIZE];
        int r;

        swb_secret_hash("session", secret, hash);
        r = swb_transaction_begin(&t, call->db, err);
        if (r >= 0)
                r = swb_session_begin(call->db, user->id, hash, call->identity.address, call->now,
                                      err);
        if (r >= 0)
                r = swb_audit_put(call->db, &entry, call->now, err);
        return r < 0 ? r : swb_transaction_commit(&t, err);
}

static int log_in(struct swb_api_call *call, struct swb_error *err)
{
        const char *name, *password;
        char secret[SWB_SECRET_SIZE];
        struct swb_user user;
        int r;

        r = swb_api_only(call, "user password", err);
        if (r >= 0)
                r = swb_api_need(call, "user", &name, err);
        if (r >= 0)
                r = swb_api_need(call, "password", &password, err);
        if (r >= 0)
                r = throttle(call, name, err);
        if (r >= 0)
                r = check_password(call, name, password, &user, err);
        if (r < 0)
                return r;
        swb_throttle_forgive(&call->shared->throttle, name);
        swb_throttle_forgive(&call->shared->throttle, call->identity.address);
        call->identity.scope = user.role;
        call->identity.via = SWB_VIA_SESSION;
        swb_copy_bounded(call->identity.who, user.name, SWB_WHO_MAX);
        r = swb_secret_make(secret, err);
        if (r >= 0)
                r = begin(call, &user, secret, err);
        if (r < 0)
                return r;
        swb_secret_hash("csrf", secret, call->identity.csrf);
        set_cookie(call, secret);
        write_identity(call, &call->identity);
        return 0;
}

static int log_out(struct swb_api_call *call, struct swb_error *err)
{
        set_cookie(call, "");
        return call->identity.session ? swb_session_end(call->db, call->identity.session, err) : 0;
}

/* One's own, with the old one; ends all sessions of the user. */
static int change_password(struct swb_api_call *call, struct swb_error *err)
{
        const char *old, *new;
        struct swb_user user;
        int r;

        r = swb_api_only(call, "old_password new_password", err);
        if (r >= 0)
                r = swb_api_need(call, "old_password", &old, err);
        if (r >= 0)
                r = swb_api_need(call, "new_password", &new, err);
        if (r >= 0 && call->identity.user == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "only a user has a password");
        if (r >= 0)
                r = throttle(call, call->identity.who, err);
        if (r >= 0)
                r = check_password(call, call->identity.who, old, &user, err);
        if (r < 0)
                return r;
        swb_throttle_forgive(&call->shared->throttle, call->identity.who);
        swb_throttle_forgive(&call->shared->throttle, call->identity.address);
        r = swb_password_hash(new, user.password, err);
        if (r >= 0)
                r = swb_user_put(call->db, &user, call->now, err);
        if (r >= 0)
                set_cookie(call, "");
        return r;
}

const struct swb_api_route swb_api_session_routes[] = {
        {"GET", "session", SWB_SCOPE_NONE, show, NULL, NULL, SWB_API_NO_APP},
        {"POST", "session", SWB_SCOPE_NONE, log_in, NULL, "session.login",
         SWB_API_NO_APP | SWB_API_SELF},
        {"DELETE", "session", SWB_SCOPE_NONE, log_out, NULL, "session.logout",
         SWB_API_NO_APP | SWB_API_NO_BODY | SWB_API_NO_AUDIT},
        {"PUT", "session/password", SWB_SCOPE_NONE, change_password, NULL, "session.password",
         SWB_API_NO_APP | SWB_API_NAMED},
        {0},
};
