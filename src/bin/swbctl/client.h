/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bin/swbctl/client.h - the engine on D-Bus, from its client's side
 */
#include <systemd/sd-bus.h>

#include "base/error.h"

#define VIEW_FAILED_MAX 16
#define VIEW_GATES_MAX 8

/* The engine's properties as read last. Owns its texts. */
struct view {
        char *state, *current_version, *available_version, *current_slot, *other_slot;
        char *last_error, *last_error_text, *channel, *deferral_reason;
        double progress;
        uint64_t bytes_done, bytes_total, rate;    /* bytes, bytes a second */
        uint64_t last_check_usec, next_check_usec; /* wall clock; 0 = none */
        bool needs_reboot;
        uint64_t seconds_left; /* 0 = not known */
        uint64_t paused_until_usec, deferred_until_usec, deadline_usec,
                reboot_at_usec; /* 0 = none */
        struct {
                char *name, *rule;
                bool is_open;
                uint64_t again_usec;
        } gates[VIEW_GATES_MAX];
        size_t n_gates;
        struct {
                char *version, *reason;
        } failed[VIEW_FAILED_MAX];
        size_t n_failed;
};

void view_done(struct view *view);

struct client {
        sd_bus *bus;
        bool has_changed; /* PropertiesChanged came, or swbd came or went */
};

void client_done(struct client *client);
/* NETWORK: the bus can't be reached. */
int client_connect(struct client *client, struct swb_error *err) _warn_unused_;
/* One of the methods without arguments. The error is the engine's own, NOT_FOUND when swbd does
 * not run, DENIED when the bus's policy forbids it. */
int client_call(struct client *client, const char *method, struct swb_error *err) _warn_unused_;

/* What the doctor found. Owns its texts. */
struct client_finding {
        char *name, *severity, *text, *advice;
};

struct client_findings {
        struct client_finding *items;
        size_t n;
};

void client_findings_done(struct client_findings *findings);
/* Copies name, severity, text and advice. -ENOMEM. */
int client_findings_add(struct client_findings *findings, const char *const texts[4]);
/* Errors as client_call(). */
int client_doctor(struct client *client, struct client_findings *ret,
                  struct swb_error *err) _warn_unused_;
/* Any method, with arguments as for sd_bus_message_append(); ret_reply may be NULL. */
int client_call_with(struct client *client, const char *method, sd_bus_message **ret_reply,
                     struct swb_error *err, const char *types, ...) _warn_unused_;
/* For _cleanup_(). */
void reply_done(sd_bus_message **reply);
/* Errors as client_call(). */
int client_read(struct client *client, struct view *ret, struct swb_error *err) _warn_unused_;
/* From now on changes are noticed. */
int client_watch(struct client *client, struct swb_error *err) _warn_unused_;
/* Until something changed or the time is over. Return: 1 changed, 0 not. */
int client_wait(struct client *client, uint64_t timeout_usec, struct swb_error *err) _warn_unused_;
