/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/schema.h"

#include "server/store/db_ops.h"

/* Times are seconds since 1970. Texts are "" rather than NULL where nothing is known. */
static const char *const steps[] = {
        /* 1: what the administrator decides */
        "CREATE TABLE catalog (one INTEGER PRIMARY KEY CHECK (one = 1),"
        "  generation INTEGER NOT NULL);"
        "INSERT INTO catalog VALUES (1, 1);"
        "CREATE TABLE apps (id INTEGER PRIMARY KEY,"
        "  appid TEXT NOT NULL UNIQUE," /* lower case, without braces */
        "  default_channel TEXT NOT NULL DEFAULT 'stable',"
        "  hash_form TEXT NOT NULL DEFAULT 'hex',"
        "  created INTEGER NOT NULL);"
        "CREATE TABLE app_keys (app INTEGER NOT NULL REFERENCES apps(id),"
        "  key_id TEXT NOT NULL, pem TEXT NOT NULL, created INTEGER NOT NULL,"
        "  PRIMARY KEY (app, key_id));"
        "CREATE TABLE releases (id INTEGER PRIMARY KEY,"
        "  app INTEGER NOT NULL REFERENCES apps(id),"
        "  version TEXT NOT NULL, created INTEGER NOT NULL,"
        "  deadline TEXT NOT NULL DEFAULT '', disable_backoff INTEGER NOT NULL DEFAULT 0,"
        "  max_failures INTEGER NOT NULL DEFAULT 0,"
        "  UNIQUE (app, version));"
        "CREATE TABLE payloads (id INTEGER PRIMARY KEY,"
        "  release INTEGER NOT NULL REFERENCES releases(id) ON DELETE CASCADE,"
        "  source_version TEXT NOT NULL," /* '': a full payload */
        "  sha256 TEXT NOT NULL,"         /* hex, the file's name in payloads/ */
        "  sha1 TEXT NOT NULL,"           /* base64 */
        "  size INTEGER NOT NULL, metadata_size INTEGER NOT NULL,"
        "  metadata_signature TEXT NOT NULL," /* base64 */
        "  name TEXT NOT NULL, created INTEGER NOT NULL,"
        "  UNIQUE (release, source_version));"
        "CREATE INDEX payloads_by_sha256 ON payloads (sha256);"
        "CREATE TABLE channels (id INTEGER PRIMARY KEY,"
        "  app INTEGER NOT NULL REFERENCES apps(id),"
        "  name TEXT NOT NULL, release INTEGER REFERENCES releases(id),"
        "  changed INTEGER NOT NULL, UNIQUE (app, name));"
        /* What a channel has carried: what a version prefix may go back to. */
        "CREATE TABLE channel_history (channel INTEGER NOT NULL REFERENCES channels(id)"
        "    ON DELETE CASCADE,"
        "  release INTEGER NOT NULL REFERENCES releases(id) ON DELETE CASCADE,"
        "  since INTEGER NOT NULL, PRIMARY KEY (channel, release)) WITHOUT ROWID;"
        "CREATE TABLE device_groups (id INTEGER PRIMARY KEY,"
        "  app INTEGER NOT NULL REFERENCES apps(id),"
        "  name TEXT NOT NULL, position INTEGER NOT NULL,"
        "  channel TEXT NOT NULL," /* '': no updates */
        "  hardware_class TEXT NOT NULL, board TEXT NOT NULL, track TEXT NOT NULL,"
        "  has_machines INTEGER NOT NULL,"
        "  UNIQUE (app, name));"
        "CREATE TABLE group_machines (group_id INTEGER NOT NULL REFERENCES device_groups(id)"
        "    ON DELETE CASCADE,"
        "  machineid TEXT NOT NULL, PRIMARY KEY (group_id, machineid)) WITHOUT ROWID;",

        /* 2: what the devices say */
        "CREATE TABLE devices (id INTEGER PRIMARY KEY,"
        "  app INTEGER NOT NULL REFERENCES apps(id), machineid TEXT NOT NULL,"
        "  version TEXT NOT NULL, channel TEXT NOT NULL, board TEXT NOT NULL,"
        "  hardware_class TEXT NOT NULL, slot TEXT NOT NULL,"
        "  state INTEGER NOT NULL, reason TEXT NOT NULL, granted_version TEXT NOT NULL,"
        "  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,"
        "  granted_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
        "  last_event_at INTEGER NOT NULL, last_event_type INTEGER NOT NULL,"
        "  last_event_result INTEGER NOT NULL, last_errorcode INTEGER NOT NULL,"
        "  n_events INTEGER NOT NULL, window_start INTEGER NOT NULL,"
        "  window_events INTEGER NOT NULL, dropped_events INTEGER NOT NULL,"
        "  UNIQUE (app, machineid));"
        "CREATE TABLE events (id INTEGER PRIMARY KEY,"
        "  device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,"
        "  at INTEGER NOT NULL, type INTEGER NOT NULL, result INTEGER NOT NULL,"
        "  errorcode INTEGER NOT NULL, version TEXT NOT NULL, previous_version TEXT NOT NULL,"
        "  next_version TEXT NOT NULL, fault TEXT NOT NULL, text TEXT NOT NULL, slot TEXT NOT NULL,"
        "  request TEXT NOT NULL, ordinal INTEGER NOT NULL);" /* know a repeated request by these */
        "CREATE INDEX events_by_device ON events (device, id);"
        "CREATE TABLE daily (app INTEGER NOT NULL REFERENCES apps(id), day INTEGER NOT NULL,"
        "  checks INTEGER NOT NULL, offers INTEGER NOT NULL, devices INTEGER NOT NULL,"
        "  active INTEGER NOT NULL, fresh INTEGER NOT NULL, PRIMARY KEY (app, day));",

        /* 3: rollouts; releases that can't be skipped, or not be taken by some hardware; groups
         * with a time zone and a pinned version */
        "ALTER TABLE device_groups ADD COLUMN time_zone TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE device_groups ADD COLUMN pin TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE releases ADD COLUMN stepping_stone INTEGER NOT NULL DEFAULT 0;"
        "CREATE TABLE release_blocks (release INTEGER NOT NULL REFERENCES releases(id)"
        "    ON DELETE CASCADE,"
        "  hardware_class TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL,"
        "  lifted INTEGER NOT NULL DEFAULT 0," /* by hand: never again by itself */
        "  PRIMARY KEY (release, hardware_class)) WITHOUT ROWID;"
        "CREATE TABLE rollouts (id INTEGER PRIMARY KEY,"
        "  app INTEGER NOT NULL REFERENCES apps(id), name TEXT NOT NULL, channel TEXT NOT NULL,"
        "  release INTEGER NOT NULL REFERENCES releases(id), salt TEXT NOT NULL,"
        "  status INTEGER NOT NULL, reason TEXT NOT NULL,"
        "  stage INTEGER NOT NULL, stage_opened INTEGER NOT NULL, need INTEGER NOT NULL,"
        "  forgiven_bad INTEGER NOT NULL DEFAULT 0, forgiven_ended INTEGER NOT NULL DEFAULT 0,"
        "  forgiven_stage_bad INTEGER NOT NULL DEFAULT 0,"
        "  forgiven_stage_ended INTEGER NOT NULL DEFAULT 0,"
        "  hours TEXT NOT NULL, time_zone TEXT NOT NULL,"
        "  max_failures INTEGER NOT NULL, max_failure_ppm INTEGER NOT NULL,"
        "  min_sample INTEGER NOT NULL, class_failures INTEGER NOT NULL,"
        "  silent_seconds INTEGER NOT NULL, overdue_seconds INTEGER NOT NULL,"
        "  deadline_seconds INTEGER NOT NULL, priority TEXT NOT NULL,"
        "  created INTEGER NOT NULL, changed INTEGER NOT NULL, UNIQUE (app, name));"
        /* 1 and 2: active, paused */
        "CREATE UNIQUE INDEX one_rollout_a_channel ON rollouts (app, channel)"
        "  WHERE status IN (1, 2);"
        "CREATE TABLE rollout_stages (rollout INTEGER NOT NULL REFERENCES rollouts(id)"
        "    ON DELETE CASCADE,"
        "  number INTEGER NOT NULL, share_ppm INTEGER NOT NULL, max_devices INTEGER NOT NULL,"
        "  bake_seconds INTEGER NOT NULL, concurrency INTEGER NOT NULL, rate INTEGER NOT NULL,"
        "  rate_seconds INTEGER NOT NULL, need INTEGER NOT NULL,"
        "  PRIMARY KEY (rollout, number)) WITHOUT ROWID;"
        "CREATE TABLE rollout_members (rollout INTEGER NOT NULL REFERENCES rollouts(id)"
        "    ON DELETE CASCADE,"
        "  machineid TEXT NOT NULL, stage INTEGER NOT NULL, state INTEGER NOT NULL,"
        "  has_slot INTEGER NOT NULL, hardware_class TEXT NOT NULL, reason TEXT NOT NULL,"
        "  granted_at INTEGER NOT NULL, heard_at INTEGER NOT NULL,"
        "  PRIMARY KEY (rollout, machineid)) WITHOUT ROWID;",

        /* 4: how the fleet looked in the course of time (history.h) */
        "CREATE TABLE version_history (app INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,"
        "  at INTEGER NOT NULL," /* a multiple of SWB_HISTORY_SECONDS */
        "  version TEXT NOT NULL, devices INTEGER NOT NULL,"
        "  PRIMARY KEY (app, at, version)) WITHOUT ROWID;"
        "CREATE TABLE load_history (at INTEGER PRIMARY KEY,"
        "  checks INTEGER NOT NULL, offers INTEGER NOT NULL,"
        "  completed INTEGER NOT NULL, failed INTEGER NOT NULL);",

        /* 5: who may do what, who did what; groups by version and tag; images and the work on them;
         * who is told of changes */
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
        "  role TEXT NOT NULL,"
        "  password TEXT NOT NULL," /* as crypt(3) has it; '': none, a proxy vouches for the user */
        "  created INTEGER NOT NULL, changed INTEGER NOT NULL);"
        "CREATE TABLE sessions (id INTEGER PRIMARY KEY,"
        "  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
        "  hash TEXT NOT NULL UNIQUE," /* SHA-256 of the cookie's secret, hex */
        "  address TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER NOT NULL,"
        "  expires INTEGER NOT NULL);"
        "CREATE TABLE tokens (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
        "  scope TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, created INTEGER NOT NULL,"
        "  expires INTEGER NOT NULL," /* 0: never */
        "  last_used INTEGER NOT NULL, created_by TEXT NOT NULL);"
        "CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL,"
        "  via TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL, app TEXT NOT NULL,"
        "  object TEXT NOT NULL,"                              /* 'rollouts/spring' */
        "  old_state TEXT NOT NULL, new_state TEXT NOT NULL);" /* JSON; '': there was none */
        "CREATE INDEX audit_by_object ON audit (object, id);"
        "CREATE TABLE idempotency (who TEXT NOT NULL, idem_key TEXT NOT NULL,"
        "  fingerprint TEXT NOT NULL, at INTEGER NOT NULL, status INTEGER NOT NULL,"
        "  etag TEXT NOT NULL, location TEXT NOT NULL, body TEXT NOT NULL,"
        "  PRIMARY KEY (who, idem_key));"
        "CREATE INDEX idempotency_by_time ON idempotency (at);"
        "CREATE TABLE webhooks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
        "  url TEXT NOT NULL, secret TEXT NOT NULL, events TEXT NOT NULL,"
        "  enabled INTEGER NOT NULL, created INTEGER NOT NULL,"
        "  position INTEGER NOT NULL," /* the last line of audit that was delivered or passed by */
        "  attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, last_at INTEGER NOT NULL,"
        "  last_result TEXT NOT NULL, delivered INTEGER NOT NULL, dropped INTEGER NOT NULL);"
        "ALTER TABLE device_groups ADD COLUMN versions TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE device_groups ADD COLUMN tag TEXT NOT NULL DEFAULT '';"
        "CREATE TABLE device_tags (app INTEGER NOT NULL REFERENCES apps(id),"
        "  tag TEXT NOT NULL, machineid TEXT NOT NULL, PRIMARY KEY (app, tag, machineid));"
        "ALTER TABLE apps ADD COLUMN required_signatures INTEGER NOT NULL DEFAULT 1;"
        "CREATE TABLE images (id INTEGER PRIMARY KEY,"
        "  app INTEGER NOT NULL REFERENCES apps(id), version TEXT NOT NULL,"
        "  partition TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,"
        "  created INTEGER NOT NULL, UNIQUE (app, version, partition));"
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
        "  app TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL,"
        "  plan TEXT NOT NULL, result TEXT NOT NULL," /* JSON */
        "  step TEXT NOT NULL, percent INTEGER NOT NULL, error TEXT NOT NULL, who TEXT NOT NULL,"
        "  created INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
        "  cpu_msec INTEGER NOT NULL, n_bytes INTEGER NOT NULL,"
        "  lease_until INTEGER NOT NULL, node TEXT NOT NULL);",

        /* 6: which server wrote a membership, and in which order, so that others can follow */
        "ALTER TABLE rollout_members ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE rollout_members ADD COLUMN node INTEGER NOT NULL DEFAULT 0;"
        "CREATE INDEX rollout_members_by_seq ON rollout_members (rollout, seq);"
        "CREATE TABLE member_clock (one INTEGER PRIMARY KEY CHECK (one = 1),"
        "  seq INTEGER NOT NULL);"
        "INSERT INTO member_clock VALUES (1, 0);",

        /* 7: how many events of each kind came on each day (event_days.h) */
        "CREATE TABLE event_days (id INTEGER PRIMARY KEY,"
        "  app INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE, day INTEGER NOT NULL,"
        "  release TEXT NOT NULL, type INTEGER NOT NULL, result INTEGER NOT NULL,"
        "  errorcode INTEGER NOT NULL, n INTEGER NOT NULL,"
        "  UNIQUE (app, day, release, type, result, errorcode));"
        "INSERT INTO event_days (app, day, release, type, result, errorcode, n)"
        "  SELECT d.app, e.at / 86400, CASE e.next_version WHEN '' THEN e.version"
        "  ELSE e.next_version END, e.type, e.result, e.errorcode, count(*) FROM events e"
        "  JOIN devices d ON d.id = e.device GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 2;",

        /* 8: caps of the bytes that are offered; a device's tags */
        "CREATE TABLE egress (one INTEGER PRIMARY KEY CHECK (one = 1),"
        "  per_second INTEGER NOT NULL, per_day INTEGER NOT NULL, day INTEGER NOT NULL,"
        "  day_bytes INTEGER NOT NULL, free_at_usec INTEGER NOT NULL);"
        "INSERT INTO egress VALUES (1, 0, 0, 0, 0, 0);"
        "CREATE INDEX device_tags_by_device ON device_tags (app, machineid);",

        /* 9: what deltas have cost and saved; where payloads are nearer to some devices */
        "CREATE TABLE delta_measures (id INTEGER PRIMARY KEY,"
        "  app INTEGER NOT NULL REFERENCES apps(id) ON DELETE CASCADE,"
        "  source_version TEXT NOT NULL, target_version TEXT NOT NULL,"
        "  source_sha256 TEXT NOT NULL, target_sha256 TEXT NOT NULL," /* of the images */
        "  steps INTEGER NOT NULL," /* images that lie between, and one */
        "  delta_bytes INTEGER NOT NULL, full_bytes INTEGER NOT NULL, cpu_msec INTEGER NOT NULL,"
        "  at INTEGER NOT NULL, UNIQUE (app, source_sha256, target_sha256));"
        "CREATE TABLE mirrors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
        "  position INTEGER NOT NULL, kind TEXT NOT NULL," /* mirrors.h */
        "  value TEXT NOT NULL, url TEXT NOT NULL);",

        /* 10: several payloads of a release for the same devices, by what they ask of them; what
         * devices say that they read */
        "ALTER TABLE devices ADD COLUMN abilities TEXT NOT NULL DEFAULT '';"
        "CREATE TABLE payloads_by_need (id INTEGER PRIMARY KEY,"
        "  release INTEGER NOT NULL REFERENCES releases(id) ON DELETE CASCADE,"
        "  source_version TEXT NOT NULL, sha256 TEXT NOT NULL, sha1 TEXT NOT NULL,"
        "  size INTEGER NOT NULL, metadata_size INTEGER NOT NULL,"
        "  metadata_signature TEXT NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,"
        "  minor INTEGER NOT NULL,"                                      /* -1: not known */
        "  encoders TEXT NOT NULL,"                                      /* with blanks between */
        "  open_memory INTEGER NOT NULL, open_scratch INTEGER NOT NULL," /* bytes */
        "  target TEXT NOT NULL," /* hex: of what it makes; '': not known */
        "  UNIQUE (release, source_version, minor, encoders));"
        "INSERT INTO payloads_by_need (release, source_version, sha256, sha1, size,"
        "  metadata_size, metadata_signature, name, created, minor, encoders, open_memory,"
        "  open_scratch, target) SELECT release, source_version, sha256, sha1, size,"
        "  metadata_size, metadata_signature, name, created, -1, '', 0, 0, '' FROM payloads"
        "  ORDER BY id;"
        "DROP TABLE payloads;"
        "ALTER TABLE payloads_by_need RENAME TO payloads;"
        "CREATE INDEX payloads_by_sha256 ON payloads (sha256);",
};

int swb_schema_version(void)
{
        return (int)SWB_ELEMENTS(steps);
}

int swb_schema_upgrade_to(struct swb_db *db, int version, struct swb_error *err)
{
        _cleanup_(swb_transaction_done) struct swb_transaction t = {0};
        int64_t current;
        int r;

        r = swb_db_version(db, &current, err);
        if (r >= 0 && current > swb_schema_version())
                return swb_fail(err, -EPROTONOSUPPORT, SWB_FAULT_UNSUPPORTED,
                                "the database has schema %d, this program knows %d: use the newer "
                                "program",
                                (int)current, swb_schema_version());
        if (r < 0 || current >= version)
                return r;
        r = swb_transaction_begin(&t, db, err);
        /* Another process may have been faster. */
        if (r >= 0)
                r = swb_db_version(db, &current, err);
        if (r < 0 || current >= version)
                return r;
        for (int64_t i = current; r >= 0 && i < version; i++)
                r = db->ops->define(db, steps[i], err);
        if (r >= 0)
                r = db->ops->set_version(db, version, err);
        if (r < 0)
                return swb_wrap(err, r, "upgrade the database to schema %d", version);
        return swb_transaction_commit(&t, err);
}

int swb_schema_upgrade(struct swb_db *db, struct swb_error *err)
{
        return swb_schema_upgrade_to(db, swb_schema_version(), err);
}
