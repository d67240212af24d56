# SPDX-License-Identifier: Apache-2.0
"""A Nebraska server's knowledge, made up: as its API answers, as a dump of its database, as a server."""

import base64
import hashlib
import http.server
import json
import threading
import urllib.parse

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
STABLE = "9a2deb70-37be-4026-853f-bfdd6b347bbe"  # a group that old clients name by its id
AMD64, AARCH64 = 1, 2


def identifier(number):
    return f"{number:08d}-0000-4000-8000-000000000000"


def content(version):
    return f"update {version}\n".encode() * 1000


def package(number, version, arch=AMD64, **changes):
    data = content(version)
    action = {"id": identifier(900 + number), "event": "postinstall", "chromeos_version": "",
              "sha256": base64.b64encode(hashlib.sha256(data).digest()).decode(),
              "needs_admin": False, "is_delta": False, "disable_payload_backoff": True,
              "metadata_signature_rsa": "c2ln", "metadata_size": "77", "deadline": "",
              "package_id": identifier(number)}
    return {"id": identifier(number), "type": 1, "version": version, "arch": arch,
            "url": f"https://updates.example.com/{version}/", "filename": "update.gz",
            "description": None, "size": str(len(data)),
            "hash": base64.b64encode(hashlib.sha1(data).digest()).decode(),
            "created_ts": "2024-01-02T03:04:05Z", "channels_blacklist": None,
            "application_id": APP, "flatcar_action": action, "extra_files": None, **changes}


def channel(number, name, package_number, arch=AMD64):
    return {"id": identifier(number), "name": name, "color": "#14b9d6", "arch": arch,
            "created_ts": "2024-01-02T03:04:05Z", "application_id": APP,
            "package_id": identifier(package_number) if package_number else None}


def group(number, name, channel_number, track, **changes):
    return {"id": number if isinstance(number, str) else identifier(number), "name": name,
            "description": "words\tand\\more", "application_id": APP, "track": track,
            "channel_id": identifier(channel_number) if channel_number else None,
            "created_ts": "2024-01-02T03:04:05Z", "rollout_in_progress": False,
            "policy_updates_enabled": True, "policy_safe_mode": True,
            "policy_office_hours": False, "policy_timezone": "Europe/Berlin",
            "policy_period_interval": "15 minutes", "policy_max_updates_per_period": 2,
            "policy_update_timeout": "60 minutes", **changes}


class World:
    """What a small Flatcar fleet's server knows; tests change it."""

    def __init__(self):
        self.apps = [{"id": APP, "name": "Flatcar Container Linux", "product_id": None,
                      "description": "Linux", "created_ts": "2024-01-02T03:04:05Z"}]
        self.packages = [package(1, "3510.2.0"), package(2, "3602.1.0")]
        self.channels = [channel(11, "stable", 1), channel(12, "beta", 2)]
        self.groups = [group(STABLE, "Stable (AMD64)", 11, "stable"), group(22, "Beta", 12, "beta"),
                       group(23, "Held", 12, identifier(23), policy_updates_enabled=False)]

    def files(self, folder):
        """The packages' files, some in folders by version."""
        for item in self.packages:
            place = folder / item["version"]
            place.mkdir(parents=True, exist_ok=True)
            (place / item["filename"]).write_bytes(content(item["version"]))
        return folder

    def api_channel(self, item):
        inside = [p for p in self.packages if p["id"] == item["package_id"]]
        return {**item, "package": inside[0] if inside else None}

    def api_app(self, app):
        """As GET /api/apps gives it: channels with their packages, groups with their channels."""
        channels = [self.api_channel(c) for c in self.channels if c["application_id"] == app["id"]]
        groups = [{**g, "channel": next((c for c in channels if c["id"] == g["channel_id"]), None)}
                  for g in self.groups if g["application_id"] == app["id"]]
        return {**app, "channels": channels, "groups": groups, "instances": {"count": 3}}

    def pages(self):
        """[the page of applications, the page of each one's packages]"""
        apps = [self.api_app(app) for app in self.apps]
        found = [{"totalCount": len(apps), "count": len(apps), "applications": apps}]
        for app in self.apps:
            own = [p for p in self.packages if p["application_id"] == app["id"]]
            found.append({"totalCount": len(own), "count": len(own), "packages": own})
        return found

    def write_pages(self, folder):
        files = []
        for number, page in enumerate(self.pages()):
            files.append(folder / f"page-{number}.json")
            files[-1].write_text(json.dumps(page))
        return files

    def dump(self):
        """As pg_dump --data-only writes it."""
        plain = [{k: v for k, v in p.items()
                  if k not in ("flatcar_action", "extra_files", "channels_blacklist", "is_floor")}
                 for p in self.packages]
        text = "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n"
        text += copy("application", [{**a, "team_id": identifier(99)} for a in self.apps])
        text += copy("flatcar_action", [p["flatcar_action"] for p in self.packages
                                        if p["flatcar_action"]])
        text += copy("package", plain) + copy("channel", self.channels) + copy("groups", self.groups)
        text += copy("channel_package_floors", [{"channel_id": identifier(11), "package_id": p["id"]}
                                                for p in self.packages if p.get("is_floor")])
        return text + copy("event_type", [{"id": 1, "type": 3, "description": "a\\tb"}])


def copy(table, rows):
    if not rows:
        return ""
    lines = [f"COPY public.{table} ({', '.join(rows[0])}) FROM stdin;"]
    lines += ["\t".join(map(value, row.values())) for row in rows]
    return "\n".join([*lines, "\\.", "", ""])


def value(item):
    if item is None:
        return "\\N"
    if isinstance(item, bool):
        return "t" if item else "f"
    return str(item).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


class Api:
    """Nebraska's API, and its packages' files, over HTTP; pages of at most `per_page`."""

    def __init__(self, world, token=None, per_page=1000):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        def answer(path, authorization):
            url = urllib.parse.urlsplit(path)
            asked.append(path)
            if url.path.startswith("/files/"):
                version = url.path.split("/")[2]
                return 200, content(version)
            if token and authorization != f"Bearer {token}":
                return 401, b"{}"
            query = {k: int(v) for k, v in urllib.parse.parse_qsl(url.query)}
            parts = url.path.strip("/").split("/")
            if parts == ["api", "apps"]:
                items, name = [world.api_app(app) for app in world.apps], "applications"
            elif len(parts) == 4 and parts[:2] == ["api", "apps"] and parts[3] == "packages":
                items = [p for p in world.packages if p["application_id"] == parts[2]]
                name = "packages"
            else:
                return 404, b"{}"
            size = min(query["perpage"], per_page)
            page = items[(query["page"] - 1) * size:query["page"] * size]
            return 200, json.dumps({"totalCount": len(items), "count": len(page), name: page}).encode()

        self.asked = asked = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
