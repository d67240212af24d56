# SPDX-License-Identifier: Apache-2.0
"""From an image to payloads: full, and deltas for the versions that devices run."""

import hashlib
import os
import random
import signal
import subprocess

import pytest
from api_tools import Client, make_token
from server_payload import blocks
from server_tools import BUILD, run, run_json, sql

BOTH_STORES = True

PACK = BUILD.resolve() / "src/bin/swb-pack/swb-pack"


@pytest.fixture
def images(tmp_path):
    """Three versions of an image that have most in common."""
    made = {}
    for version in ("1.0", "2.0", "3.0"):
        content = bytearray(blocks(64, "common"))
        content[4096 * 7:4096 * 8] = blocks(1, version)
        made[version] = tmp_path / f"{version}.img"
        made[version].write_bytes(content)
    return made


def publish(data, image, version, *options, check=True):
    return run(data, "publish", image, "--app-id={App-1}", f"--target-version={version}",
               f"--pack-program={PACK}", *options, check=check)


def payloads_of(data, version):
    return {p["source_version"]: p for p in run_json(data, "release", "show", version)["payloads"]}


def test_full_and_deltas(serve, data, images, keys):
    publish(data, images["1.0"], "1.0", "--channel=stable", f"--key={keys[0].private}")
    publish(data, images["2.0"], "2.0", f"--key={keys[0].private}")
    server = serve("--status")
    for machine, version in (("a", "2.0"), ("b", "2.0"), ("c", "1.0"), ("d", "0.9")):
        server.ask(machineid=machine, version=version)
    server.wait_for(lambda: len(run_json(data, "devices")) == 4)
    publish(data, images["3.0"], "3.0", "--channel=stable", f"--key={keys[0].private}")
    made = payloads_of(data, "3.0")
    assert set(made) == {None, "1.0", "2.0"}  # of 0.9 there is no image
    assert made["2.0"]["size"] < made[None]["size"] / 2
    job = run_json(data, "job", "list")[0]
    assert (job["status"], job["percent"], job["version"]) == ("done", 100, "3.0")
    # The one with most devices first.
    assert [(p["source_version"], p["devices"]) for p in job["payloads"]] == [
        (None, 0), ("2.0", 2), ("1.0", 1)]
    assert job["cpu_msec"] > 0 and job["bytes"] == sum(p["size"] for p in made.values())
    server.wait_for(lambda: server.ask(machineid="a", version="2.0").check.get("status") == "ok")
    log = run_json(data, "audit", "--action=release.publish")
    assert log[0]["via"] == "server" and log[-1]["after"]["channel"] == "stable"
    assert not list((data / "jobs").iterdir())
    stored = (data / "images" / hashlib.sha256(images["1.0"].read_bytes()).hexdigest())
    assert stored.read_bytes() == images["1.0"].read_bytes()


def packed_image(folder, version):
    """A file system with nothing but a packed file, a little of which is another in each version."""
    rng = random.Random(1)
    lines = [f"{i} {rng.randbytes(9).hex()}" for i in range(12_000)]
    lines[5000] = f"this is {version}"
    tree = folder / version
    tree.mkdir()
    packed = subprocess.run(["gzip", "-n", "-9"], input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True)
    (tree / "initrd").write_bytes(packed.stdout)
    image = folder / f"{version}.img"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-d", tree, image, "1M"], check=True)
    return image


def test_fallback(serve, data, tmp_path):
    """Who lacks an encoder gets a delta that needs none; who has it, the small one."""
    publish(data, packed_image(tmp_path, "1.0"), "1.0", "--channel=stable")
    server = serve("--status")
    can, lacks = "1004 26 1024 gzip lz4", "1004 26 1024 lz4"
    for machine, reads in (("a", can), ("b", lacks), ("c", lacks)):
        server.ask(machineid=machine, version="1.0", _reads=reads)
    server.wait_for(lambda: len(run_json(data, "devices")) == 3)
    image = packed_image(tmp_path, "2.0")
    publish(data, image, "2.0", "--channel=stable")
    rows = run_json(data, "job", "list")[0]["payloads"]
    assert [(p["source_version"], p.get("fallback")) for p in rows] == [(None, None), ("1.0", False), ("1.0", True)]
    assert [p["outcome"] for p in rows] == ["published"] * 3 and [p["devices"] for p in rows] == [0, 3, 2]
    small, large = (p for p in run_json(data, "release", "show", "2.0")["payloads"] if p["is_delta"])
    assert (small["minor_version"], small["encoders"]) == (1004, "gzip") and small["size"] < large["size"] / 2
    assert (large["minor_version"], large["encoders"]) == (1004, "")

    def offered(reads):
        check = server.ask(machineid="m", version="1.0", delta_okay="true", _reads=reads).check
        return check.find("manifest/packages/package").get("name")

    server.wait_for(lambda: server.ask(machineid="m", version="1.0").check.get("status") == "ok")
    server.wait_for(lambda: [offered(reads) for reads in (can, lacks)] == [small["sha256"], large["sha256"]])
    assert offered("") not in (small["sha256"], large["sha256"])
    # Again: it has heard of one that says nothing since.
    publish(data, image, "2.0")
    jobs = run_json(data, "job", "list")
    assert [(p["devices"], p["fallback"], p["outcome"]) for p in jobs[0]["payloads"]] == [(1, True, "published")]
    assert jobs[0]["step"] == "fallback from 1.0"
    kinds = [p["minor_version"] for p in run_json(data, "release", "show", "2.0")["payloads"]]
    assert sorted(kinds) == [1003, 1003, 1004, 1004]  # the full one, too


def test_fallback_for_those_that_say_nothing(serve, data, tmp_path):
    publish(data, packed_image(tmp_path, "1.0"), "1.0", "--channel=stable")
    server = serve("--status")
    for machine, reads in (("a", "1004 26 1024 gzip"), ("b", "")):
        server.ask(machineid=machine, version="1.0", _reads=reads)
    server.wait_for(lambda: len(run_json(data, "devices")) == 2)
    new = bytearray(packed_image(tmp_path, "2.0").read_bytes())
    at = new.find((tmp_path / "2.0" / "initrd").read_bytes()[:64])
    assert at > 0
    for i in range(40):  # damaged, and so not opened
        new[at + 4096 * i:at + 4096 * i + 512] = random.Random(i).randbytes(512)
    (tmp_path / "2.0.img").write_bytes(new)
    publish(data, tmp_path / "2.0.img", "2.0")
    kinds = [(p["minor_version"], p["encoders"]) for p in run_json(data, "release", "show", "2.0")["payloads"]
             if p["is_delta"]]
    assert sorted(kinds) == [(1003, ""), (1004, "")]


def test_budgets(serve, data, images):
    publish(data, images["1.0"], "1.0", "--channel=stable")
    publish(data, images["2.0"], "2.0")
    server = serve()
    for machine, version in (("a", "2.0"), ("b", "2.0"), ("c", "1.0")):
        server.ask(machineid=machine, version=version)
    server.wait_for(lambda: len(run_json(data, "devices")) == 3)
    publish(data, images["3.0"], "3.0", "--delta-bytes=1")
    job = run_json(data, "job", "list")[0]
    outcomes = [p["outcome"] for p in job["payloads"][1:]]
    assert outcomes[0] == "above the budget of bytes", "nothing was measured before"
    assert outcomes[1:] == ["not made: expected to be above the budget of bytes"]
    assert set(payloads_of(data, "3.0")) == {None}


def test_expected_saving(serve, data, images, tmp_path):
    """What was measured decides what comes next, and what is not tried again."""
    strange = bytearray(blocks(64, "strange"))
    (tmp_path / "0.5.img").write_bytes(strange)
    publish(data, tmp_path / "0.5.img", "0.5")
    publish(data, images["1.0"], "1.0", "--channel=stable")
    publish(data, images["2.0"], "2.0")
    server = serve("--status")
    for machine, version in (("a", "0.5"), ("b", "0.5"), ("c", "1.0")):
        server.ask(machineid=machine, version=version)
    server.wait_for(lambda: len(run_json(data, "devices")) == 3)
    run(data, "job", "create", "2.0")
    api = Client(server, make_token(data, "d", "deploy"))
    second = serve("--jobs", f"--pack-program={PACK}")
    server.wait_for(lambda: api.ok("GET", "jobs?limit=1")[0]["status"] == "done")
    rows = {p["source_version"]: p for p in api.ok("GET", "jobs?limit=1")[0]["payloads"]}
    # Nothing was known: most devices first, by the share that is taken to be usual.
    assert list(rows) == ["0.5", "1.0"]
    assert rows["0.5"]["outcome"] == "saves too little" and rows["0.5"]["saving"] == 0
    good = rows["1.0"]
    assert good["saving"] == good["full_bytes"] - good["bytes"] > 0
    measured = {m["source_version"]: m for m in api.ok("GET", "delta-measures")}
    assert measured["1.0"]["delta_bytes"] == good["bytes"] and measured["1.0"]["cpu_msec"] == good["cpu_msec"]
    assert (measured["0.5"]["steps"], measured["1.0"]["steps"]) == (2, 1)
    # Again: what was seen to save too little costs nothing any more.
    api.ok("POST", "jobs", {"version": "2.0"})
    server.wait_for(lambda: api.ok("GET", "jobs?limit=1")[0]["status"] == "done")
    (row,) = api.ok("GET", "jobs?limit=1")[0]["payloads"]
    assert row["outcome"].startswith("not made: saves too little") and row["cpu_msec"] == 0
    # The next release: the one over one version is expected to save more than two over several.
    assert second.stop() == 0
    server.ask(machineid="e", version="2.0")
    server.wait_for(lambda: len(run_json(data, "devices")) == 4)
    publish(data, images["3.0"], "3.0", "--max-deltas=1")
    job = run_json(data, "job", "list")[0]
    assert [p["source_version"] for p in job["payloads"]] == [None, "2.0"]
    expected = job["payloads"][1]
    assert abs(expected["expected_bytes"] - good["bytes"] * job["payloads"][0]["bytes"] // good["full_bytes"]) <= 1
    assert expected["expected_saving"] == expected["full_bytes"] - expected["expected_bytes"]
    shown = run(data, "job", "show", job["id"]).stdout
    assert "saves " in shown and "expected: " in shown
    assert "2.0" in run(data, "job", "measures").stdout
    # A budget that the next one is expected to break is not spent on it.
    publish(data, images["1.0"], "4.0", "--delta-bytes=1")
    outcomes = {p["outcome"] for p in run_json(data, "job", "list")[0]["payloads"][1:]}
    assert outcomes == {"not made: expected to be above the budget of bytes"}


def test_server_works_on_jobs(serve, data, images):
    """By the API, with progress; a job that was given back is finished by the next server."""
    publish(data, images["1.0"], "1.0")
    publish(data, images["2.0"], "2.0", "--background")
    assert run_json(data, "job", "show", "2")["status"] == "queued"
    server = serve("--status", "--jobs", f"--pack-program={PACK}")
    api = Client(server, make_token(data, "d", "deploy"))
    server.wait_for(lambda: api.ok("GET", "jobs/2")["status"] == "done")
    assert api.call("POST", "jobs", {"version": "9"}).status == 404
    made = api.call("POST", "jobs", {"version": "2.0", "max_deltas": 1})
    assert made.status == 201 and made.headers["Location"] == "/api/v1/jobs/3"
    server.wait_for(lambda: api.ok("GET", "jobs/3")["status"] == "done")
    assert api.ok("GET", "jobs/3")["payloads"] == []  # all were there
    assert api.call("POST", "jobs/3/cancel").status == 409
    assert [j["id"] for j in api.ok("GET", "jobs?limit=2")] == [3, 2]
    assert api.ok("GET", "audit?action=job.")[0]["object"] == "jobs/3"


def test_cancelled_and_failed(serve, data, images, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 1000\n")
    slow.chmod(0o755)
    publish(data, images["1.0"], "1.0", "--background")
    server = serve("--status", "--jobs", f"--pack-program={slow}")
    api = Client(server, make_token(data, "d", "deploy"))
    server.wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    assert api.ok("POST", "jobs/1/cancel")["status"] == "cancelling"
    server.wait_for(lambda: api.ok("GET", "jobs/1")["status"] == "cancelled")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    api.ok("POST", "jobs", {"version": "1.0"})
    server.wait_for(lambda: api.ok("GET", "jobs/2")["status"] == "running")
    assert server.stop() == 0  # gives it back
    assert run_json(data, "job", "show", "2")["status"] == "queued"
    odd = tmp_path / "odd.img"
    odd.write_bytes(b"x" * 5000)
    result = publish(data, odd, "2.0", check=False)
    assert result.returncode == 1 and "no multiple of 4096" in result.stderr
    assert run_json(data, "job", "list")[0]["status"] == "failed"


def test_server_killed(serve, data, images, tmp_path):
    """Whoever dies holds a job no longer than its lease."""
    publish(data, images["1.0"], "1.0", "--background")
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 1000\n")
    slow.chmod(0o755)
    first = serve("--jobs", f"--pack-program={slow}")
    first.wait_for(lambda: run_json(data, "job", "show", "1")["status"] == "running")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    sql(data, "UPDATE jobs SET lease_until = 1")  # as if a minute had passed
    second = serve("--jobs", f"--pack-program={PACK}")
    second.wait_for(lambda: run_json(data, "job", "show", "1")["status"] == "done")
    assert set(payloads_of(data, "1.0")) == {None}
