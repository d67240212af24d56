/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/config/config.h - device.conf as one struct
 *
 * Place:  read once at start by swbd, handed to the stages; never changed afterwards
 * Spec:   docs/man/device.conf.5.rst
 * Errors: fault CONFIG, text "FILE:LINE: [section] key: what and what is wanted". A missing or
 *         unreadable file is NOT_FOUND, DENIED or IO; above 64 KiB it is LIMIT.
 *
 * The keys and their defaults stand in one table (settings.c); a test holds the man page and
 * data/device.conf against it.
 */
#include "device/boot/boot.h"
#include "device/config/windows.h"

#define SWB_CONFIG_PARTITIONS_MAX 16 /* per slot, as in a payload */
#define SWB_CONFIG_CHECKS_MAX 16
#define SWB_CONFIG_SELF "self"
#define SWB_CONFIG_SERVER_CHECK "server"

/* One partition of the system, in both slots. */
struct swb_config_partition {
        char *name;                /* as in the payload's manifest */
        char *path[_SWB_SLOT_MAX]; /* block device or file; both are set */
};

/* What reboots when nothing is configured and logind does not run. */
#define SWB_CONFIG_REBOOT "systemctl reboot"

enum swb_check_kind {
        SWB_CHECK_COMMAND, /* what: for /bin/sh -c; exit status 0 = healthy */
        SWB_CHECK_UNIT,    /* what: name of a systemd unit that must be active */
        SWB_CHECK_DBUS,    /* what: SERVICE PATH INTERFACE METHOD, on the system bus */
        SWB_CHECK_SERVER,  /* the update server must answer; what: "" */
};

struct swb_config_check {
        char *name; /* unique among all kinds */
        char *what;
        enum swb_check_kind kind;
};

/* Strings are never NULL: a key without a value and default is "". Times are in microseconds. */
struct swb_config {
        char *path; /* of the file itself */
        struct {
                char *app_id, *device_id_file, *hardware_class, *board, *channel;
                char *release_file, *cmdline_file, *boot_id_file, *state_dir, *keys_dir;
                char *time_zone_file, *power_dir, *load_file;
                bool chromium_dbus;       /* offer update_engine's interface, too */
                uint64_t build_timestamp; /* seconds since 1970, 0: not given */
        } device;
        struct {
                char *url, *ca_file, *answer_keys_dir;
                uint64_t connect_timeout_usec;
                uint64_t first_check_usec, first_check_jitter_usec; /* drawn from ± jitter */
                uint64_t check_interval_usec, check_jitter_usec, max_interval_usec;
        } server;
        struct {
                char *backend, *place;
                uint64_t tries; /* 1 .. SWB_BOOT_TRIES_MAX */
        } boot;
        struct {
                bool auto_download, auto_install, delta;
                uint64_t required_signatures; /* of different keys of keys_dir */
                uint64_t max_delta_failures;
                uint64_t second_try_usec; /* of a version that the boot loader left; 0: none */
                uint64_t max_rate_bytes;  /* a second, 0: no limit */
                uint64_t by_hand_cores;   /* 1 or 2: for an install that somebody waits for */
                uint64_t open_memory_bytes, open_scratch_bytes; /* for opened contents */
        } update;
        /* What may hold an update up, and for how long (device/policy/policy.h). */
        struct {
                struct swb_windows download_windows, install_windows;
                uint64_t deadline_usec;         /* from when an update was found; 0: none */
                uint64_t max_deferral_usec;     /* from when an update was found */
                uint64_t max_inhibit_usec;      /* of one inhibitor, and of all behind a deadline */
                uint64_t scatter_usec;          /* 0: off */
                char *staging;                  /* policy/scatter.h */
                uint64_t download_load_percent; /* 0: whatever it is */
                uint64_t min_battery_percent;   /* 0: whatever it is */
        } policy;
        struct {
                char *metered;    /* auto, yes, no */
                char *on_metered; /* policy/policy.h */
                uint64_t day_limit_bytes, month_limit_bytes,
                        metered_month_limit_bytes; /* 0: none */
        } network;
        struct {
                bool automatic;
                char *command;       /* for /bin/sh -c; "": logind, else SWB_CONFIG_REBOOT */
                uint64_t delay_usec; /* between "ready" and an automatic reboot */
                struct swb_windows windows;
                bool wait_for_users;   /* who are logged in and active */
                uint64_t load_percent; /* above it a reboot waits; 0: whatever it is */
        } reboot;
        struct {
                uint64_t timeout_usec;    /* for all checks together, from the first one's start */
                uint64_t min_uptime_usec; /* the first check starts no earlier after boot */
                uint64_t interval_usec;   /* between a failed check and the next round */
                uint64_t check_timeout_usec; /* for one run of one check */
                bool server;                 /* one more check, behind the others: "server" */
                char *watchdog;              /* device that is fed while confirming; "": none */
                uint64_t watchdog_timeout_usec;
                struct swb_config_check checks[SWB_CONFIG_CHECKS_MAX + 1];
                size_t n_checks;
        } health;
        /* The new system's own program, before its first boot. */
        struct {
                char *program; /* path in the new system; "": none */
                char *partition;
                uint64_t timeout_usec;
                bool optional; /* a system without it is taken as it is */
        } post_install;
        struct {
                char *fetch, *install, *post_install; /* program paths */
                char *fetch_user;            /* SWB_CONFIG_SELF: as swbd; see swb_fetch_user() */
                uint64_t silence_limit_usec; /* without progress, a worker counts as hung */
        } workers;
        struct swb_config_partition partitions[SWB_CONFIG_PARTITIONS_MAX];
        size_t n_partitions; /* at least 1 */
};

int swb_config_load(const char *path, struct swb_config **ret, struct swb_error *err) _warn_unused_;
struct swb_config *swb_config_free(struct swb_config *config);
SWB_DEFINE_CLEANUP(struct swb_config *, swb_config_free)
