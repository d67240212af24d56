# SPDX-License-Identifier: Apache-2.0
"""import-nebraska: what a Nebraska server knows becomes ours, and its clients stay as they are."""

import hashlib

import pytest

import nebraska
from nebraska import AARCH64, APP, STABLE, Api, World, channel, group, identifier, package
from server_tools import run, run_json

LEFT_OUT = 3


@pytest.fixture
def world():
    return World()


@pytest.fixture
def dump(world, tmp_path):
    def write():
        path = tmp_path / "nebraska.sql"
        path.write_text(world.dump())
        return path

    return write


def import_(data, *args, status=0):
    done = run(data, "import-nebraska", *args, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status in (0, LEFT_OUT) else done.stderr


def state(data):
    """What is in the database, by what people see of it."""
    return {what: run(data, what, "list", "--json", *([] if what == "app" else [f"--app={APP}"])).stdout
            for what in ("app", "release", "channel", "group")}


def flatcar(server, version="3033.2.0", track="stable", appid="{%s}" % APP.upper(), board="amd64-usr",
            inside="<ping active='1'/><updatecheck/>"):
    """As Flatcar's update_engine asks."""
    return server.post(
        '<?xml version="1.0" encoding="UTF-8"?>\n<request protocol="3.0" version="update_engine-0.4.10" '
        'updaterversion="update_engine-0.4.10" installsource="scheduler" ismachine="1">\n'
        '<os version="Chateau" platform="CoreOS" sp="3033.2.0_x86_64"></os>\n'
        f'<app appid="{appid}" version="{version}" track="{track}" bootid="{{b}}" oem="" oemversion="" '
        f'alephversion="3033.2.0" machineid="d0c1" machinealias="" lang="en-US" board="{board}" '
        f'hardware_class="" delta_okay="false">\n{inside}</app>\n</request>', path="/v1/update/")


@pytest.mark.parametrize("way", ["dump", "api files", "api"])
def test_all_ways_lead_to_the_same(data, world, dump, serve, tmp_path, way):
    files = world.files(tmp_path / "packages")
    api = Api(world)
    source = {"dump": lambda: [dump()], "api files": lambda: world.write_pages(tmp_path),
              "api": lambda: [f"{api.url}/"]}[way]()
    plan = import_(data, *source, f"--payloads={files}")
    assert "nothing was done: --apply does it" in plan
    assert run_json(data, "app", "list") == []
    assert not list((data / "payloads").glob("?" * 64))

    done = import_(data, *source, f"--payloads={files}", "--apply")
    assert done.replace(" changed, ", " to change, ") == plan.replace("; nothing was done: --apply does it", "")
    assert "release 3510.2.0: create" in done and "channel stable: create, gives 3510.2.0" in done
    assert "group Stable-AMD64: create, track stable, channel stable" in done
    assert f"group {STABLE}: create, track {STABLE}, channel stable" in done
    assert "group Held: create, track 00000023-0000-4000-8000-000000000000, no updates" in done
    assert "--rate=2/15m --stage=1 --stage=100% --overdue-after=60m" in done
    before = state(data)

    again = import_(data, *source, f"--payloads={files}", "--apply")
    assert again.splitlines()[-1].startswith("0 changed") and state(data) == before
    actions = [line["action"] for line in run_json(data, "audit")]
    assert sorted(set(actions)) == ["app.import", "channel.import", "group.import", "release.import"]
    api.close()

    # Its clients: the same ids, tracks and bytes as before.
    server = serve()
    check_client(server)


def check_client(server):
    answer = flatcar(server)
    assert answer.app.get("appid") == "{%s}" % APP.upper() and answer.app.get("status") == "ok"
    assert answer.check.get("status") == "ok"
    assert answer.check.find("manifest").get("version") == "3510.2.0"
    found = answer.check.find("manifest/packages/package")
    data = nebraska.content("3510.2.0")
    assert found.get("hash_sha256") is None and found.get("hash") == package(1, "3510.2.0")["hash"]
    assert found.get("size") == str(len(data))
    action = answer.check.findall("manifest/actions/action")[-1]
    assert action.get("event") == "postinstall"
    assert action.get("sha256") == package(1, "3510.2.0")["flatcar_action"]["sha256"]
    assert action.get("DisablePayloadBackoff") == "true" and action.get("IsDeltaPayload") == "false"
    url = answer.check.find("urls/url").get("codebase") + found.get("name")
    assert server.get("/" + url.split("/", 3)[3]).body == data
    assert flatcar(server, track=STABLE).check.find("manifest").get("version") == "3510.2.0"
    assert flatcar(server, track="beta", appid=APP).check.find("manifest").get("version") == "3602.1.0"
    assert flatcar(server, version="3510.2.0").check.get("status") == "noupdate"
    held = flatcar(server, track=identifier(23))
    assert held.check.get("status") == "noupdate" and "held-by-group" in held.text
    told = flatcar(server, inside='<event eventtype="3" eventresult="2" previousversion="3033.2.0"/>',
                   version="3510.2.0")
    assert told.app.find("event").get("status") == "ok"


def test_the_api_by_pages_with_a_token(data, world, tmp_path):
    world.packages += [package(100 + i, f"1.0.{i}") for i in range(150)]
    api = Api(world, token="secret")
    files = world.files(tmp_path / "packages")
    assert "status 401: give a token with --token-file" in import_(data, api.url, status=1)
    (tmp_path / "token").write_text("secret\n")
    done = import_(data, api.url, f"--payloads={files}", f"--token-file={tmp_path / 'token'}")
    assert done.count("release ") == 152
    assert f"/api/apps/{APP}/packages?page=2&perpage=100" in api.asked
    api.close()


def test_downloads(data, world, dump, serve):
    api = Api(world)
    for item in world.packages:
        item["url"] = f"{api.url}/files/{item['version']}/"
    plan = import_(data, dump(), "--download")
    assert f"{api.url}/files/3510.2.0/update.gz" in plan and not api.asked
    import_(data, dump(), "--download", "--apply")
    assert len(api.asked) == 2
    assert "0 changed" in import_(data, dump(), "--download", "--apply") and len(api.asked) == 2
    for item in world.packages:
        name = hashlib.sha256(nebraska.content(item["version"])).hexdigest()
        assert (data / "payloads" / name).read_bytes() == nebraska.content(item["version"])
    assert not list(data.glob("import.*"))
    check_client(serve())
    api.close()


def test_what_is_left_out(data, world, dump, tmp_path):
    files = world.files(tmp_path / "packages")
    world.packages += [
        package(3, "4.0", type=2),
        package(4, "5.0", extra_files=[{"id": 1, "name": "oem.gz"}]),
        package(5, "6.0", size=None),
        package(6, "7.0", filename="../passwd"),
        package(7, "no version"),
        package(8, "8.0"),
    ]
    delta = package(9, "9.0")
    delta["flatcar_action"]["is_delta"] = True
    world.packages.append(delta)
    world.channels.append(channel(13, "edge", 8))
    world.write_pages(tmp_path)
    done = import_(data, *world.write_pages(tmp_path), f"--payloads={files}", "--apply", status=LEFT_OUT)
    for line in ("4.0: left out: a container image", "5.0: left out: it has extra files",
                 "6.0: left out: Nebraska has no size", "7.0: left out: it has no file name",
                 "no version: left out: its version", "8.0: left out: its file is not here",
                 "9.0: left out: a delta", "channel edge: create, gives nothing", "7 left out"):
        assert line in done, line


def test_architectures(data, world, dump, serve, tmp_path):
    world.packages += [package(3, "3510.2.0", AARCH64, filename="arm.gz"),
                       package(4, "3602.1.0", AARCH64, filename="arm.gz")]
    world.channels.append(channel(13, "stable", 3, AARCH64))
    world.groups.append(group(24, "Stable (ARM64)", 13, "stable"))
    files = world.files(tmp_path / "packages")
    said = import_(data, dump(), f"--payloads={files}", "--apply", status=2)
    assert "amd64, aarch64" in said and "choose with --arch" in said
    assert "nothing for 'x86'" in import_(data, dump(), "--arch=x86", status=2)
    assert run_json(data, "app", "list") == []
    done = import_(data, dump(), "--arch=amd64", f"--payloads={files}", "--apply")
    assert "group not-arm64-usr: create, board arm64-usr, no updates" in done
    assert "ARM64" not in done
    server = serve()
    check_client(server)
    assert "held-by-group" in flatcar(server, board="arm64-usr").text


def test_product_ids(data, world, dump, tmp_path):
    world.apps[0]["product_id"] = "io.example.App"
    files = world.files(tmp_path / "packages")
    assert "app io.example.app: create" in import_(data, dump(), f"--payloads={files}")
    assert f"app {APP}: create" in import_(data, dump(), f"--payloads={files}", "--ids=uuid")
    assert "--ids=name: product or uuid" in import_(data, dump(), "--ids=name", status=2)


def test_changes_there_come_over(data, world, dump, tmp_path):
    import_(data, dump(), f"--payloads={world.files(tmp_path / 'packages')}", "--apply")
    world.packages.append(package(3, "3650.0.0"))
    world.packages[1]["is_floor"] = True
    world.channels[0]["package_id"] = identifier(3)
    world.groups[1]["policy_updates_enabled"] = False
    run(data, "group", "set", "Beta", "--hardware-class=rack", f"--app={APP}")
    done = import_(data, dump(), f"--payloads={world.files(tmp_path / 'packages')}", "--apply")
    assert "4 changed" in done
    assert "release 3602.1.0: change" in done and "stepping stone" in done
    assert "channel stable: change, gives 3650.0.0" in done and "group Beta: change" in done
    beta = next(g for g in run_json(data, "group", "list", f"--app={APP}") if g["name"] == "Beta")
    assert beta["channel"] is None or beta["channel"] == ""
    assert beta["hardware_class"] == "rack"


def test_a_wrong_file_stops_all(data, world, dump, tmp_path):
    files = world.files(tmp_path / "packages")
    (files / "3602.1.0" / "update.gz").write_bytes(b"x" * len(nebraska.content("3602.1.0")))
    said = import_(data, dump(), f"--payloads={files}", "--apply", status=1)
    assert "package 3602.1.0" in said and "does not have the hash" in said
    (files / "3602.1.0" / "update.gz").write_bytes(b"x")
    assert "has 1 bytes, Nebraska says" in import_(data, dump(), f"--payloads={files}", status=1)
    assert run_json(data, "app", "list") == []


def test_another_payload_of_a_release_is_refused(data, world, dump, tmp_path):
    files = world.files(tmp_path / "packages")
    import_(data, dump(), f"--payloads={files}", "--apply")
    before = state(data)
    other = package(1, "3510.2.0")
    content = nebraska.content("other")
    changed = package(1, "other")
    other.update(size=changed["size"], hash=changed["hash"], flatcar_action=changed["flatcar_action"])
    world.packages[0] = other
    (files / "3510.2.0" / "update.gz").write_bytes(content)
    assert "already has another full payload" in import_(data, dump(), f"--payloads={files}", "--apply", status=1)
    assert state(data) == before


@pytest.mark.parametrize("text, said", [
    ("", "neither JSON"),
    ("INSERT INTO application VALUES (1);\n", "pg_dump without --inserts"),
    ('{"error": "no"}', "no answer of Nebraska's API"),
    ('{"applications": [{"name": "x", "groups": []}]}', "no 'id'"),
    ('{"packages": []}', "there is no application"),
    ("[" * 100000, "line 1"),
    ("{", "line 1"),
    ("COPY public.application (id, name) FROM stdin;\n1\tx\n", "ends in the middle"),
    ("COPY public.application (id, name) FROM stdin;\n1\n\\.\n", "line 2"),
    ("COPY public.application FROM stdin;\n1\n\\.\n", "without its columns"),
    ("COPY public.application (id, name) FROM stdin;\n1\t\xff\n\\.\n", "line 2"),
    ("COPY application (" + ", ".join(f"c{i}" for i in range(65)) + ") FROM stdin;\n\\.\n", "more than 64"),
])
def test_bad_input_is_refused(data, tmp_path, text, said):
    (tmp_path / "input").write_bytes(text.encode("latin-1"))
    assert said in import_(data, tmp_path / "input", status=1)


def test_refusals(data, tmp_path):
    assert "run it on the server's host" in import_(data, "x", "--server=http://127.0.0.1:1", status=1)
    assert "No such file" in import_(data, tmp_path / "nothing", status=1)
    world = World()
    world.apps[0]["id"] = "../x"
    api = Api(world)
    assert "is no UUID" in import_(data, api.url, status=1)
    api.close()


def test_two_channels_of_one_name(data, world, dump):
    world.channels.append(channel(14, "stable!", 1))
    assert "would be called 'stable'" in import_(data, dump(), status=2)


def test_objects_for_all_architectures_come_along(data, world, dump, tmp_path):
    world.channels.append(channel(15, "any", 2, 0))
    files = world.files(tmp_path / "packages")
    done = import_(data, dump(), "--arch=amd64", f"--payloads={files}")
    assert "channel any: create, gives 3602.1.0" in done
