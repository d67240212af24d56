# SPDX-License-Identifier: Apache-2.0
"""What packagers build from (Yocto, Buildroot, Debian) says of the tree is true of the tree."""

import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import textwrap

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LAYER = TOP / "yocto" / "meta-switchback"
BUILDROOT = TOP / "buildroot"
RECIPE = LAYER / "recipes-core" / "switchback" / "switchback_0.1.0.bb"
METADATA = sorted(path for suffix in ("*.bb", "*.bbappend", "*.bbclass", "*.inc", "*.conf", "*.wks.in")
                  for path in LAYER.glob(f"**/{suffix}"))

# meson's name of a library -> who packages it: Yocto's recipe, Buildroot's package.
PACKAGERS = {
    "bz2": ("bzip2", "bzip2"), "com_err": ("e2fsprogs", None), "expat": ("expat", "expat"),
    "ext2fs": ("e2fsprogs", None), "jansson": ("jansson", None), "libbrotlidec": ("brotli", "brotli"),
    "libbrotlienc": ("brotli", None), "libcrypto": ("openssl", "openssl"),
    "libcrypt": ("libxcrypt", None), "libcurl": ("curl", "libcurl"), "libdivsufsort": ("libdivsufsort", None),
    "libdivsufsort64": ("libdivsufsort", None), "liblz4": ("lz4", "lz4"), "lzo2": ("lzo", "lzo"), "liblzma": ("xz", "xz"),
    "libmicrohttpd": ("libmicrohttpd", None), "libpq": ("postgresql", None),
    "libseccomp": ("libseccomp", "libseccomp"), "libsystemd": ("systemd", "systemd"),
    "libzstd": ("zstd", "zstd"), "p11-kit-1": ("p11-kit", None), "sqlite3": ("sqlite3", None),
    "ubootenv": ("libubootenv", "libubootenv"), "zlib": ("zlib", "zlib"),
}
NOT_PACKAGED = {"cmocka", "libprotobuf-c", "threads"}  # tests; the C library
# A condition in src/meson.build -> the parts that need what stands behind it.
PARTS = {"decodes": {"device", "pack"}, "device": {"device"}, "pack": {"pack"},
         "server_wanted": {"server"}, "tests": set(),
         "device or server_wanted": {"device", "server"}, "pack or server_wanted": {"pack", "server"}}


def libraries():
    """{library: the parts that need it}, of src/meson.build."""
    found, condition = {}, None
    for line in (TOP / "src" / "meson.build").read_text().splitlines():
        call = re.search(r"(?:dependency|find_library)\('([^']+)'", line)
        ternary = re.search(r"= (.+?) \?", line)
        block = re.match(r"if (?:device|decodes|server_wanted) and get_option\('(\w+)'\)", line)
        if block:
            condition = {block[1]}
        if line == "endif":
            condition = None
        if call and call[1] not in NOT_PACKAGED:
            found[call[1]] = condition or (PARTS[ternary[1]] if ternary else {"all"})
    return found


def options():
    return set(re.findall(r"^option\('([^']+)'", (TOP / "meson_options.txt").read_text(), re.M))


def version():
    return re.search(r"version: '([^']+)'", (TOP / "meson.build").read_text())[1]


def recipe_depends():
    """{part: names}, of PACKAGECONFIG and DEPENDS."""
    text = RECIPE.read_text()
    decoders = re.search(r'^DECODERS = "(.*)"', text, re.M)[1]
    depends = {"all": set(re.search(r'^DEPENDS = "(.*)"', text, re.M)[1].split())}
    for part, names in re.findall(r'^PACKAGECONFIG\[(\w+)\] = "[^,]*,[^,]*,(.*)"', text, re.M):
        depends[part] = set(names.replace("${DECODERS}", decoders).split())
    return depends


def test_recipe_depends_on_what_meson_asks_for():
    depends = recipe_depends()
    for library, parts in libraries().items():
        for part in parts:
            assert PACKAGERS[library][0] in depends[part], f"{library} of part {part}"


def test_recipe_depends_on_nothing_else():
    wanted = {}
    for library, parts in libraries().items():
        for part in parts:
            wanted.setdefault(part, set()).add(PACKAGERS[library][0])
    assert recipe_depends() == wanted


def test_buildroot_depends_on_what_meson_asks_for():
    text = (BUILDROOT / "package" / "switchback" / "switchback.mk").read_text()
    named = set(" ".join(re.findall(r"_DEPENDENCIES \+?= (.*)", text)).split())
    wanted = {PACKAGERS[library][1] for library, parts in libraries().items()
              if parts & {"all", "device", "lz4", "lzo", "seccomp", "uboot", "zlib"}}
    assert named == wanted | {"host-pkgconf"}
    config = (BUILDROOT / "package" / "switchback" / "Config.in").read_text()
    for name in wanted - {"systemd"}:  # systemd is the init system, which it depends on
        assert f"select BR2_PACKAGE_{name.upper()}\n" in config


@pytest.mark.parametrize("path", [RECIPE, BUILDROOT / "package" / "switchback" / "switchback.mk"],
                         ids=lambda path: path.name)
def test_meson_options_exist(path):
    used = set(re.findall(r"-D([a-z][a-z-]*)=", path.read_text()))
    assert used and used <= options()


def debian_control():
    """Paragraphs of debian/control, as text."""
    return (TOP / "debian" / "control").read_text().split("\n\n")


def test_debian_builds_with_what_the_tree_needs():
    """tools/install-deps is what developers build with; the packages need the same libraries."""
    listed = subprocess.run([TOP / "tools" / "install-deps", "--list", "build"], check=True, text=True,
                            capture_output=True, timeout=60).stdout.split()
    essential = {"gcc", "libc6-dev", "make", "ninja-build"}  # build-essential; meson's own
    if "-Dlzo=false" in (TOP / "debian" / "rules").read_text():
        essential.add("liblzo2-dev")
    assert {name for name in listed if name not in essential} <= \
        set(re.findall(r"[a-z0-9][a-z0-9.+-]+", debian_control()[0].split("Build-Depends:")[1]))


def test_debian_installs_every_program():
    """Each program and page of the tree stands in one .install file, or is left out on purpose."""
    texts = [path.read_text() for path in (TOP / "debian").glob("*.install")]
    texts.append((TOP / "debian" / "not-installed").read_text())
    named = [pathlib.Path(line).name for text in texts for line in text.splitlines()]
    programs = {path.parent.name for path in (TOP / "src" / "bin").glob("*/main.c")}
    pages = {path.stem for path in (TOP / "docs" / "man").glob("*.rst")}
    units = {path.name for path in (TOP / "data").glob("*.service")}
    for name in programs | pages | units:
        assert named.count(name) == 1, f"{name}: into one debian/*.install, or into debian/not-installed"


def test_debian_knows_every_installed_file():
    """Else dh_missing ends "make deb"."""
    text = subprocess.run(["meson", "introspect", "--installed", os.environ["SWB_BUILD"]], check=True,
                          text=True, capture_output=True, timeout=60).stdout
    known = " ".join(path.read_text() for path in
                     [*(TOP / "debian").glob("*.install"), TOP / "debian" / "not-installed"]).split()
    paths = [path.lstrip("/") for path in json.loads(text).values()]
    assert "usr/sbin/swbd" in paths
    for path in paths:
        path = path.replace("usr/lib/systemd/", "lib/systemd/")  # debian/rules puts units there
        assert any(path == name or path.startswith(name + "/") for name in known), \
            f"{path}: into one debian/*.install, or into debian/not-installed"


def test_debian_documents_exist():
    for path in [*(TOP / "debian").glob("*.docs"), *(TOP / "debian").glob("*.examples")]:
        for line in path.read_text().split():
            assert (TOP / line).exists(), f"{path.name}: {line}"


def test_versions_are_the_trees():
    recipes = [path for path in LAYER.glob("**/switchback*.bb") if "_" in path.name]
    assert recipes and all(path.stem.endswith("_" + version()) for path in recipes)
    assert (TOP / "debian" / "changelog").read_text().startswith(f"switchback ({version()})")
    assert f"SWITCHBACK_VERSION = {version()}\n" in \
        (BUILDROOT / "package" / "switchback" / "switchback.mk").read_text()


def test_licence_checksums():
    digest = hashlib.md5((TOP / "LICENSE").read_bytes()).hexdigest()
    named = [found for path in METADATA for found in
             re.findall(r"file://LICENSE;md5=(\w+)", path.read_text())]
    assert named and set(named) == {digest}


@pytest.mark.parametrize("path", METADATA + [BUILDROOT / "package" / "switchback" / "switchback.mk"],
                         ids=lambda path: path.name)
def test_named_files_exist(path):
    text = path.read_text()
    roots = {"${S}": TOP, "$(@D)": TOP, "${SWITCHBACK_TREE}": TOP, "${SWITCHBACK_LAYERDIR}": LAYER}
    for root, folder in roots.items():
        for name in re.findall(re.escape(root) + r"/([\w./-]+\w)", text):
            if name.startswith("cmd"):  # U-Boot's own source
                continue
            assert (folder / name).exists(), f"{path.name} names {name}"
    for name in re.findall(r"file://([\w./-]+\.cfg)", text):
        assert (path.parent / "files" / name).exists()
    for name in re.findall(r"boot/u-boot/[\w./-]+\w", text):
        assert (TOP / name).exists(), f"{path.name} names {name}"


def python_parts(text):
    """Python of a class or recipe: functions of tasks, def blocks, ${@...} expressions."""
    for body in re.findall(r"^(?:fakeroot )?python \w*\s*\(\) \{\n(.*?)^\}", text, re.M | re.S):
        yield "def task(d, bb):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    for body in re.findall(r"^def .*?(?=^\S|\Z)", text, re.M | re.S):
        yield body
    text = re.sub(r"\$\{\w+\}", "word", text.replace("\\\n", " "))  # BitBake expands these first
    for body in re.findall(r"\$\{@(.*?)\}", text):
        yield body.strip()


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.name)
def test_python_of_recipes_compiles(path):
    for body in python_parts(path.read_text()):
        compile(body, path.name, "exec")


def shell_parts(text):
    for name, body in re.findall(r"^(?!python|fakeroot|def)([\w:-]+)\s*\(\) \{\n(.*?)^\}", text,
                                 re.M | re.S):
        # Values of BitBake's are words to the shell.
        body = re.sub(r"\$\{@.*?\}", "value", body)
        body = re.sub(r"\$\{([A-Z]\w*|bindir|sbindir|sysconfdir|systemd_system_unitdir)\}",
                      r"${\1}", body)
        yield re.sub(r"\W", "_", name), body


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.name)
def test_shell_of_recipes_parses(path, tmp_path):
    for name, body in shell_parts(path.read_text()):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n{name}() {{\n{body}}}\n{name}\n")
        # Of BitBake: names it sets (2154), unquoted values on purpose (2086, 2046, 2016), expr (2003).
        result = subprocess.run(["shellcheck", "-e", "SC2154,SC2086,SC2046,SC2016,SC2003,SC2193,SC2157", script],
                                capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stdout


def test_disk_layout_is_the_boot_scripts():
    """Names and order of partitions: the boot script knows slots by number, Linux by name."""
    lines = (LAYER / "wic" / "switchback.wks.in").read_text().splitlines()
    parts = [shlex.split(line) for line in lines if line.startswith("part ")]
    names = [words[words.index("--part-name") + 1] for words in parts]
    assert names == ["env", "boot", "rootfs-A", "rootfs-B", "persistent"]
    for words in parts:
        assert words[words.index("--align") + 1] == "1024"  # so "env" begins at 1 MiB
    for board in (LAYER / "recipes-bsp" / "switchback-boot" / "files").glob("*.conf"):
        text = board.read_text()
        assert "PART_A = 3\nPART_B = 4\n" in text and "ENV_OFFSET_1 = 0x100000\n" in text


@pytest.mark.parametrize("board", sorted((LAYER / "recipes-bsp").glob("*/files/*.conf")),
                         ids=lambda path: path.name)
def test_board_files_make_a_script(board, tmp_path):
    subprocess.run([TOP / "boot" / "u-boot" / "make-script", "--text", board, tmp_path / "boot.cmd"],
                   check=True, timeout=60)
    assert "@" not in (tmp_path / "boot.cmd").read_text()


def run_task(path, task, values, folder, programs=None):
    """Runs a shell task of a recipe with BitBake's variables filled in, as BitBake's `set -e` shell."""
    body = dict(re.findall(r"^([\w:-]+)\s*\(\) \{\n(.*?)^\}", path.read_text(), re.M | re.S))[task]
    body = re.sub(r"\$\{([A-Z]\w*|\w+dir)\}", lambda match: str(values[match[1]]), body)
    stubs = folder / "stubs"
    stubs.mkdir()
    for name, text in (programs or {}).items():
        (stubs / name).write_text(f"#!/bin/sh\n{text}\n")
        (stubs / name).chmod(0o755)
    script = 'set -e\nbbfatal() { echo "FATAL: $*"; exit 1; }\n' + body
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False,
                          timeout=60, cwd=folder,
                          env={"PATH": f"{stubs}:/usr/bin:/bin:/usr/sbin:/sbin", "SOURCE_DATE_EPOCH": "0"})


def test_boot_recipe_makes_flags_that_linux_reads(tmp_path):
    recipe = LAYER / "recipes-bsp" / "switchback-boot" / f"switchback-boot_{version()}.bb"
    defaults = dict(re.findall(r'^(SWITCHBACK_\w+) \?= "([^"]*)"', recipe.read_text().replace("\\\n", " "), re.M))
    result = run_task(recipe, "do_compile", {**defaults, "S": TOP, "B": tmp_path}, tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "switchback-env.img").stat().st_size == 1 << 20
    listing = subprocess.run(["mdir", "-b", "-i", tmp_path / "switchback-boot.vfat", "::"],
                             capture_output=True, text=True, check=True, timeout=60).stdout
    assert "boot.scr" in listing
    config = (tmp_path / "fw_env.config").read_text()
    assert config.splitlines()[1].split() == ["/dev/disk/by-partlabel/env", "0x10000", "0x4000"]
    here = tmp_path / "here.config"
    here.write_text(config.replace("/dev/disk/by-partlabel/env", str(tmp_path / "switchback-env.img")))
    printed = subprocess.run(["fw_printenv", "-c", here, "swb_A_priority", "swb_A_tries"], check=True,
                             capture_output=True, text=True, timeout=60).stdout
    assert printed.split() == ["swb_A_priority=15", "swb_A_tries=3"]


PAYLOAD_VALUES = {
    "SWITCHBACK_APP_ID": "com.example", "SWITCHBACK_VERSION": "1.1", "SWITCHBACK_EPOCH": "7",
    "SWITCHBACK_SIGNING_KEYS": "/k/a.pem pkcs11:token=t;object=o?pin-source=file:/p",
    "SWITCHBACK_DELTA_FROM": "1.0=/old.ext4", "SWITCHBACK_PARTITION": "root",
    "SWITCHBACK_WRITABLE": "/var /persistent", "SWITCHBACK_CHECK_IGNORE": "setuid",
    "SWITCHBACK_PAYLOAD_DIR": "/out", "DEPLOY_DIR_IMAGE": "/deploy", "IMAGE_LINK_NAME": "image",
}


def make_payloads(tmp_path, programs=None, **values):
    return run_task(LAYER / "classes" / "switchback-image.bbclass", "do_switchback_payload",
                    {**PAYLOAD_VALUES, **values}, tmp_path,
                    programs or {"swb-pack": 'for word; do echo "$word"; done; echo end'})


def test_image_class_makes_full_and_delta(tmp_path):
    result = make_payloads(tmp_path)
    assert result.returncode == 0, result.stderr
    check, full, delta = (words.split("\n") for words in result.stdout.split("\nend\n")[:3])
    assert check == ["check-image", "/deploy/image.ext4", "--writable=/var", "--writable=/persistent",
                     "--ignore=setuid"]
    assert full[0] == "full" and "--partition=root=/deploy/image.ext4" in full
    assert "--output=/out/image-1.1.full" in full
    assert "--key=/k/a.pem" in full and "--key=pkcs11:token=t;object=o?pin-source=file:/p" in full
    assert delta[0] == "delta" and "--partition=root=/old.ext4:/deploy/image.ext4" in delta
    assert "--source-version=1.0" in delta and "--output=/out/image-1.0-1.1.delta" in delta
    page = (TOP / "docs" / "man" / "swb-pack.1.rst").read_text()
    for word in check[2:] + full[1:] + delta[1:]:
        assert word.split("=")[0] in page


def test_image_class_takes_a_folder_of_an_old_release(tmp_path):
    (tmp_path / "old").mkdir()
    result = make_payloads(tmp_path, SWITCHBACK_DELTA_FROM=f"1.0={tmp_path}/old")
    assert f"--partition=root={tmp_path}/old/image.ext4:/deploy/image.ext4" in result.stdout


def test_image_class_refuses_an_image_that_would_be_written_to(tmp_path):
    result = make_payloads(tmp_path, programs={"swb-pack": 'echo "$1: journal"; exit 3'})
    assert result.returncode == 1 and "FATAL: this image would be written to" in result.stdout


@pytest.mark.parametrize("name", ["SWITCHBACK_APP_ID", "SWITCHBACK_SIGNING_KEYS"])
def test_image_class_wants_to_know(tmp_path, name):
    result = make_payloads(tmp_path, **{name: ""})
    assert result.returncode == 1 and f"FATAL: {name} is not set" in result.stdout


def test_image_class_prepares_the_root(tmp_path):
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "key.pem").write_text("key")
    (tmp_path / "device.conf").write_text("[device]\n")
    result = run_task(LAYER / "classes" / "switchback-image.bbclass", "switchback_rootfs",
                      {"IMAGE_ROOTFS": tmp_path / "root", "sysconfdir": "/etc", "SWITCHBACK_VERSION": "1.1",
                       "SWITCHBACK_DEVICE_CONF": tmp_path / "device.conf",
                       "SWITCHBACK_PUBLIC_KEYS": tmp_path / "key.pem"}, tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "root/etc/os-release").read_text() == 'SWB_VERSION="1.1"\n'
    assert (tmp_path / "root/etc/switchback/keys/key.pem").exists()
    assert (tmp_path / "root/etc/switchback/device.conf").exists()
