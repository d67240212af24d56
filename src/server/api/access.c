/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and users. */
#include "server/api/internal.h"
#include "server/auth/secret.h"
#include "server/report/report.h"
#include "server/store/tokens.h"
#include "server/store/users.h"

static int read_scope(const struct swb_api_call *call, const char *member, enum swb_scope *ret,
                      struct swb_error *err)
{
        const char *text = NULL;
        int r = swb_api_text(call, member, &text, err);

        if (r < 0 || !text)
                return r;
        *ret = swb_scope_from_string(text);
        if (*ret == _SWB_SCOPE_INVALID)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%s': '%.40s' is not read, deploy or admin", member, text);
        return 0;
}

static void put_time(struct swb_json *json, const char *name, int64_t at)
{
        char text[SWB_TIME_TEXT];

        swb_json_str(json, name, at ? swb_format_time(at, text) : NULL);
}

/* --- tokens --- */

static void open_token(struct swb_json *json, const struct swb_token *token)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", token->name);
        swb_json_str(json, "scope", swb_scope_to_string(token->scope));
        put_time(json, "created", token->created);
        swb_json_str(json, "created_by", token->created_by);
        put_time(json, "expires", token->expires);
}

static int add_token(const struct swb_token *token, void *userdata, struct swb_error *err)
{
        struct swb_json *json = userdata;

        (void)err;
        open_token(json, token);
        put_time(json, "last_used", token->last_used);
        swb_json_close_object(json);
        return 0;
}

static int list_tokens(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        swb_json_open_array(&call->json, NULL);
        r = swb_token_list(call->db, add_token, &call->json, err);
        swb_json_close_array(&call->json);
        return r;
}

static int read_token(struct swb_api_call *call, struct swb_token *token, struct swb_error *err)
{
        uint64_t seconds = 0;
        const char *name;
        int r;

        r = swb_api_only(call, "name scope expires_in_seconds", err);
        if (r >= 0)
                r = swb_api_need(call, "name", &name, err);
        if (r >= 0)
                r = swb_name_check("token", name, err);
        if (r >= 0)
                r = read_scope(call, "scope", &token->scope, err);
        if (r >= 0)
                r = swb_api_u64(call, "expires_in_seconds", &seconds, err);
        if (r < 0)
                return r;
        if (seconds > INT32_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE, "'expires_in_seconds': too long");
        swb_copy_bounded(token->name, name, SWB_NAME_MAX);
        swb_copy_bounded(token->created_by, call->identity.who, SWB_WHO_MAX);
        token->created = call->now;
        token->expires = seconds ? call->now + (int64_t)seconds : 0;
        return 0;
}

static int create_token(struct swb_api_call *call, struct swb_error *err)
{
        char secret[SWB_SECRET_SIZE], text[SWB_TOKEN_SIZE], hash[SWB_SECRET_SIZE];
        struct swb_token token = {.scope = SWB_SCOPE_READ};
        int r;

        r = read_token(call, &token, err);
        if (r >= 0)
                r = swb_secret_make(secret, err);
        if (r < 0)
                return r;
        (void)snprintf(text, sizeof(text), SWB_TOKEN_PREFIX "%s", secret);
        swb_secret_hash("token", text, hash);
        r = swb_token_create(call->db, &token, hash, err);
        if (r < 0)
                return r;
        swb_copy_bounded(call->made, token.name, SWB_NAME_MAX);
        open_token(&call->json, &token);
        swb_json_str(&call->json, "token", text);
        swb_json_close_object(&call->json);
        return 0;
}

static int remove_token(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_token token;
        int r = swb_token_find(call->db, call->args[0], &token, err);

        return r < 0 ? r : swb_token_remove(call->db, token.id, err);
}

static int describe_token(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_token token;
        int r = *swb_api_name(call) ? swb_token_find(call->db, swb_api_name(call), &token, err)
                                    : -ENOENT;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        open_token(json, &token);
        swb_json_close_object(json);
        return 1;
}

/* --- users --- */

static void write_user(struct swb_json *json, const struct swb_user *user)
{
        swb_json_open_object(json, NULL);
        swb_json_str(json, "name", user->name);
        swb_json_str(json, "role", swb_scope_to_string(user->role));
        swb_json_bool(json, "has_password", *user->password != '\0');
        put_time(json, "created", user->created);
        put_time(json, "changed", user->changed);
        swb_json_close_object(json);
}

static int add_user(const struct swb_user *user, void *userdata, struct swb_error *err)
{
        (void)err;
        write_user(userdata, user);
        return 0;
}

static int list_users(struct swb_api_call *call, struct swb_error *err)
{
        int r;

        swb_json_open_array(&call->json, NULL);
        r = swb_user_list(call->db, add_user, &call->json, err);
        swb_json_close_array(&call->json);
        return r;
}

static int describe_user(struct swb_api_call *call, struct swb_json *json, struct swb_error *err)
{
        struct swb_user user;
        int r = *swb_api_name(call) ? swb_user_find(call->db, swb_api_name(call), &user, err)
                                    : -ENOENT;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        write_user(json, &user);
        return 1;
}

/* Role and password. */
static int read_user(const struct swb_api_call *call, struct swb_user *user, struct swb_error *err)
{
        const char *password = NULL;
        int r;

        r = read_scope(call, "role", &user->role, err);
        if (r >= 0)
                r = swb_api_text(call, "password", &password, err);
        if (r < 0 || !password)
                return r;
        user->password[0] = '\0';
        return *password ? swb_password_hash(password, user->password, err) : 0;
}

static int create_user(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_user user = {.role = SWB_SCOPE_READ};
        const char *name;
        int r;

        r = swb_api_only(call, "name role password", err);
        if (r >= 0)
                r = swb_api_need(call, "name", &name, err);
        if (r >= 0)
                r = swb_name_check("user", name, err);
        if (r >= 0)
                r = read_user(call, &user, err);
        if (r < 0)
                return r;
        swb_copy_bounded(user.name, name, SWB_NAME_MAX);
        r = swb_user_put(call->db, &user, call->now, err);
        if (r < 0)
                return r;
        swb_copy_bounded(call->made, user.name, SWB_NAME_MAX);
        write_user(&call->json, &user);
        return 0;
}

static int change_user(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_user user;
        int r;

        r = swb_api_only(call, "role password", err);
        if (r >= 0)
                r = swb_user_find(call->db, call->args[0], &user, err);
        if (r >= 0)
                r = read_user(call, &user, err);
        if (r >= 0)
                r = swb_user_put(call->db, &user, call->now, err);
        if (r >= 0)
                r = swb_user_find(call->db, call->args[0], &user, err);
        if (r >= 0)
                write_user(&call->json, &user);
        return r;
}

static int remove_user(struct swb_api_call *call, struct swb_error *err)
{
        struct swb_user user;
        int r = swb_user_find(call->db, call->args[0], &user, err);

        return r < 0 ? r : swb_user_remove(call->db, &user, err);
}

const struct swb_api_route swb_api_access_routes[] = {
        {"GET", "tokens", SWB_SCOPE_ADMIN, list_tokens, NULL, NULL, SWB_API_NO_APP},
        {"POST", "tokens", SWB_SCOPE_ADMIN, create_token, describe_token, "token.create",
         SWB_API_NO_APP | SWB_API_SECRET},
        {"DELETE", "tokens/{token}", SWB_SCOPE_ADMIN, remove_token, describe_token, "token.remove",
         SWB_API_NO_APP | SWB_API_NO_BODY},
        {"GET", "users", SWB_SCOPE_ADMIN, list_users, NULL, NULL, SWB_API_NO_APP},
        {"POST", "users", SWB_SCOPE_ADMIN, create_user, describe_user, "user.create",
         SWB_API_NO_APP},
        {"PATCH", "users/{user}", SWB_SCOPE_ADMIN, change_user, describe_user, "user.change",
         SWB_API_NO_APP},
        {"DELETE", "users/{user}", SWB_SCOPE_ADMIN, remove_user, describe_user, "user.remove",
         SWB_API_NO_APP | SWB_API_NO_BODY},
        {0},
};
