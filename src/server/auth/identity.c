/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/identity.h"

static const char *const scopes[] = {[SWB_SCOPE_NONE] = "none",
                                     [SWB_SCOPE_READ] = "read",
                                     [SWB_SCOPE_DEPLOY] = "deploy",
                                     [SWB_SCOPE_ADMIN] = "admin"};
static const char *const ways[] = {
        [SWB_VIA_NOTHING] = "nothing", [SWB_VIA_LOCAL] = "local", [SWB_VIA_TOKEN] = "token",
        [SWB_VIA_SESSION] = "session", [SWB_VIA_PROXY] = "proxy", [SWB_VIA_SERVER] = "server"};

const struct swb_identity swb_identity_server = {
        .scope = SWB_SCOPE_ADMIN, .via = SWB_VIA_SERVER, .who = "server"};

const char *swb_scope_to_string(enum swb_scope scope)
{
        return scope >= 0 && scope < _SWB_SCOPE_MAX ? scopes[scope] : "none";
}

enum swb_scope swb_scope_from_string(const char *name)
{
        for (int i = SWB_SCOPE_READ; i < _SWB_SCOPE_MAX; i++)
                if (strcmp(name, scopes[i]) == 0)
                        return (enum swb_scope)i;
        return _SWB_SCOPE_INVALID;
}

const char *swb_via_to_string(enum swb_via via)
{
        return via >= 0 && via < _SWB_VIA_MAX ? ways[via] : "nothing";
}
