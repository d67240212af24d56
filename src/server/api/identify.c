/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends a request. */
#include <pwd.h>

#include "base/log.h"
#include "server/api/internal.h"
#include "server/auth/secret.h"
#include "server/store/tokens.h"
#include "server/store/users.h"

/* A use is noted no more often than this: each note is a commit. */
#define TOKEN_NOTE_SECONDS 3600
#define SESSION_NOTE_SECONDS 300

static int refuse(struct swb_api_call *call, const char *why, struct swb_error *err)
{
        call->answer->is_refusal = true;
        return swb_fail(err, -EPERM, SWB_FAULT_DENIED, "%s", why);
}

static void take_user(struct swb_api_call *call, const struct swb_user *user, enum swb_via via)
{
        call->identity.scope = user->role;
        call->identity.via = via;
        call->identity.user = user->id;
        swb_copy_bounded(call->identity.who, user->name, SWB_WHO_MAX);
}

/* That somebody was here. A request is answered without it, too. */
static void note(int r, const struct swb_error *err)
{
        if (r < 0)
                swb_log(SWB_LOG_DEBUG, "note a use: %s, ignoring", err->text);
}

static int by_token(struct swb_api_call *call, const char *text, struct swb_error *err)
{
        struct swb_error ignored = SWB_ERROR_INIT;
        char hash[SWB_SECRET_SIZE];
        struct swb_token token;
        int r;

        swb_secret_hash("token", text, hash);
        r = swb_token_find_hash(call->db, hash, &token, err);
        if (r < 0)
                return r;
        if (r == 0)
                return refuse(call, "this token is not known, or was removed", err);
        if (token.expires != 0 && token.expires <= call->now)
                return refuse(call, "this token has expired", err);
        call->identity.scope = token.scope;
        call->identity.via = SWB_VIA_TOKEN;
        swb_copy_bounded(call->identity.who, token.name, SWB_WHO_MAX);
        if (call->now - token.last_used >= TOKEN_NOTE_SECONDS)
                note(swb_token_touch(call->db, token.id, call->now, &ignored), &ignored);
        return 0;
}

static int by_authorization(struct swb_api_call *call, struct swb_error *err)
{
        const char *text = call->request->authorization;

        if (strncasecmp(text, "Bearer ", 7) != 0)
                return refuse(call, "Authorization: only 'Bearer TOKEN' is understood", err);
        for (text += 7; *text == ' '; text++)
                ;
        return by_token(call, text, err);
}

/* A session that is over is as none: the page then asks for a login. */
static int by_session(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_error ignored = SWB_ERROR_INIT;
        struct swb_session session;
        char hash[SWB_SECRET_SIZE];
        int r;

        swb_secret_hash("session", call->request->session, hash);
        r = swb_session_find(call->db, hash, call->now, &session, err);
        if (r <= 0)
                return r;
        take_user(call, &session.user, SWB_VIA_SESSION);
        call->identity.session = session.id;
        swb_secret_hash("csrf", call->request->session, call->identity.csrf);
        if (call->now - session.last_used >= SESSION_NOTE_SECONDS)
                note(swb_session_touch(call->db, &session, call->now, &ignored), &ignored);
        return 0;
}

/* server/http hands the header on only when it comes from a proxy that is trusted. */
static int by_proxy(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_error absent = SWB_ERROR_INIT;
        struct swb_user user;
        int r = swb_user_find(call->db, call->request->identity, &user, &absent);

        if (r == -ENOENT)
                return refuse(call, "the proxy names a user that is not known here: 'user add'",
                              err);
        if (r < 0)
                return swb_fail(err, r, absent.fault, "%s", absent.text);
        take_user(call, &user, SWB_VIA_PROXY);
        return 0;
}

void swb_api_local_identity(struct swb_identity *identity)
{
        char buffer[1024];
        struct passwd entry, *found = NULL;

        *identity = (struct swb_identity){.scope = SWB_SCOPE_ADMIN, .via = SWB_VIA_LOCAL};
        if (getpwuid_r(getuid(), &entry, buffer, sizeof(buffer), &found) == 0 && found)
                swb_copy_bounded(identity->who, found->pw_name, SWB_WHO_MAX);
        else
                (void)snprintf(identity->who, sizeof(identity->who), "uid %u", getuid());
}

int swb_api_identify(struct swb_api_call *call, struct swb_error *err)
{
        const struct swb_api_request *request = call->request;

        call->identity = (struct swb_identity){0};
        swb_copy_bounded(call->identity.address, request->address, SWB_ADDRESS_TEXT - 1);
        if (request->is_local) {
                swb_api_local_identity(&call->identity);
                return 0;
        }
        if (request->authorization)
                return by_authorization(call, err);
        if (request->identity)
                return by_proxy(call, err);
        return request->session ? by_session(call, err) : 0;
}
