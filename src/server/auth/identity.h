/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/auth/identity.h - who asks, and what this one may do
 */
#include <stdint.h>

#include "server/store/names.h"

/* Each may do what those before it may. */
enum swb_scope {
        SWB_SCOPE_NONE,
        SWB_SCOPE_READ,   /* see the fleet */
        SWB_SCOPE_DEPLOY, /* releases, channels, groups, rollouts, jobs */
        SWB_SCOPE_ADMIN,  /* users, tokens, keys, webhooks, the audit log */
        _SWB_SCOPE_MAX,
        _SWB_SCOPE_INVALID = -EINVAL,
};

const char *swb_scope_to_string(enum swb_scope scope);
/* "read", "deploy", "admin". */
enum swb_scope swb_scope_from_string(const char *name);

/* How it was found out. */
enum swb_via {
        SWB_VIA_NOTHING, /* nobody said who */
        SWB_VIA_LOCAL,   /* works on the database's folder itself */
        SWB_VIA_TOKEN,
        SWB_VIA_SESSION, /* a browser's cookie */
        SWB_VIA_PROXY,   /* a trusted proxy's header */
        SWB_VIA_SERVER,  /* the server does it by itself */
        _SWB_VIA_MAX,
};

const char *swb_via_to_string(enum swb_via via);

#define SWB_WHO_MAX 80
#define SWB_ADDRESS_TEXT 64

struct swb_identity {
        enum swb_scope scope;
        enum swb_via via;
        char who[SWB_WHO_MAX + 1];      /* a user's or a token's name; "" nobody */
        char address[SWB_ADDRESS_TEXT]; /* of the client; "" local */
        int64_t user, session;          /* ids; 0: none */
        char csrf[65];                  /* what a session's changes must name; "" */
};

/* The server's own deeds. */
extern const struct swb_identity swb_identity_server;
