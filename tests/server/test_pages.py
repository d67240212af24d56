# SPDX-License-Identifier: Apache-2.0
"""Lists that come in pages: releases, groups and rollouts, by the API and by the command line."""

import pytest
from api_tools import Client, make_token
from server_tools import run, run_json, sql

BOTH_STORES = True
RELEASES = [f"1.{i}" for i in range(7)]


@pytest.fixture
def api(serve, publish, data):
    """Two apps with 7 and 3 releases, one without any; 5 groups; 4 rollouts, one of them finished."""
    publish("1.0")
    insert = "INSERT INTO releases (app, version, created) SELECT id, '{}', {} FROM apps WHERE appid = '{}'"
    run(data, "app", "list")
    server = serve("--status")
    client = Client(server, make_token(data, "boss", "admin"))
    for name in ("zz-other", "aa-empty"):
        client.ok("POST", "apps", {"app": name})
    for i, version in enumerate(RELEASES[1:]):
        sql(data, insert.format(version, 2000000000 + i // 2, "app-1"))
    for i in range(3):
        sql(data, insert.format(f"9.{i}", 2000000000, "zz-other"))
    for i, position in enumerate((3, 1, 2, 2, 2)):
        client.ok("PUT", f"groups/g{i}?app=app-1", {"channel": "stable", "position": position})
    for i in range(3):
        client.ok("POST", "rollouts?app=app-1", {"name": f"r{i}", "release": RELEASES[i], "channel": f"c{i}"})
    client.ok("POST", "rollouts/r1/finish?app=app-1")
    client.ok("POST", "rollouts?app=zz-other", {"name": "r3", "release": "9.0"})
    return client


def pages(api, path, cursor, limit):
    """All pages, and that none is longer than it may be."""
    found, place = [], ""
    for _ in range(50):
        answer = api.get(f"{path}limit={limit}{place}")
        assert answer.status == 200, answer.text
        found.append(answer.json)
        after = answer.headers["X-Next-Cursor"]
        if not after:
            return found
        place = f"&{cursor}={after}"
    raise AssertionError("there is no end")


def test_groups(api):
    whole = api.ok("GET", "groups?app=app-1")
    assert [g["name"] for g in whole] == ["g1", "g2", "g3", "g4", "g0"]
    for limit in (1, 2, 5, 9):
        got = pages(api, "groups?app=app-1&", "after", limit)
        assert all(len(page) <= limit for page in got)
        assert sum(got, []) == whole


def test_rollouts(api):
    for query, names in (("all=true&", ["r3", "r2", "r1", "r0"]), ("", ["r3", "r2", "r0"]),
                         ("all=true&app=app-1&", ["r2", "r1", "r0"])):
        for limit in (1, 2, 3, 9):
            got = pages(api, f"rollouts?{query}", "before", limit)
            assert all(len(page) <= limit for page in got)
            assert [r["name"] for r in sum(got, [])] == names
    assert {r["name"]: r["app"] for r in api.ok("GET", "rollouts")} == {"r3": "zz-other", "r2": "app-1", "r0": "app-1"}


def test_releases(api):
    whole = api.ok("GET", "releases")
    versions = {app["app"]: [r["version"] for r in app["releases"]] for app in whole}
    assert versions == {"aa-empty": [], "app-1": ["1.6", "1.5", "1.4", "1.3", "1.2", "1.1", "1.0"],
                        "zz-other": ["9.2", "9.1", "9.0"]}
    for limit in (1, 3, 4, 7, 10, 99):
        got = pages(api, "releases?", "before", limit)
        assert all(sum(len(app["releases"]) for app in page) <= limit for page in got)
        joined = {}
        for app in sum(got, []):
            assert len(app["groups"]) == (5 if app["app"] == "app-1" else 0)
            joined.setdefault(app["app"], []).extend(r["version"] for r in app["releases"])
        assert joined == versions and list(joined) == list(versions)
    assert len(pages(api, "releases?app=zz-other&", "before", 2)) == 2


def test_a_place_that_is_gone(api):
    place = api.get("releases?app=app-1&limit=1").headers["X-Next-Cursor"]
    assert api.get(f"releases?app=zz-other&before={place}").status == 400
    api.ok("DELETE", "releases/1.6?app=app-1")
    assert api.get(f"releases?before={place}").status == 400
    place = api.get("groups?app=app-1&limit=1").headers["X-Next-Cursor"]
    api.ok("DELETE", "groups/g1?app=app-1")
    assert api.get(f"groups?app=app-1&after={place}").status == 400


def test_command_line_follows(api, data):
    """Also with more of them than one page has."""
    sql(data, "INSERT INTO releases (app, version, created) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
              " FROM n WHERE i < 5100) SELECT a.id, 'v' || n.i, 5 FROM n, apps a WHERE a.appid = 'app-1'")
    apps = run_json(data, "release", "list")
    assert [(app["app"], len(app["releases"])) for app in apps] == [("aa-empty", 0), ("app-1", 5107), ("zz-other", 3)]
    assert run(data, "release", "list", "--app=app-1").stdout.count("\n") == 2  # with payloads only
    assert [r["name"] for r in run_json(data, "rollout", "list")] == ["r3", "r2", "r1", "r0"]
    assert run(data, "rollout", "list").stdout.count("\n") == 5
    assert [g["name"] for g in run_json(data, "group", "list", "--app=app-1")] == ["g1", "g2", "g3", "g4", "g0"]
    assert run(data, "group", "list", "--app=app-1").stdout.count("\n") == 6
