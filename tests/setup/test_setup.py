"""``setup/setup.sh``, one function at a time, against fake programs and a real HTTPS index."""

import functools
import os
import re
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLERS = {
    "pip": ".venv/bin/python -m pip install --no-deps --retries 0 --target installed --index-url",
    "uv": ".venv/bin/uv pip install --no-cache --target installed --index-url",
}
_OPENSSL = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with our virtual environment and the list of packages."""
    folder = tmp_path / "checkout"
    (folder / "setup").mkdir(parents=True)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Callable[..., Path]:
    """Programs that are found before the system's, by their scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def install(**scripts: str) -> Path:
        for name, script in scripts.items():
            path = folder / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return folder

    return install


def call(
    code: str, checkout: Path, *, programs: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``code`` after reading the script, in an environment of nobody."""
    path = os.environ["PATH"] if programs is None else f"{programs}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", f"source {ROOT}/setup/setup.sh; {code}"],
        cwd=checkout,
        env={"PATH": path, "HOME": str(checkout), "PIP_CONFIG_FILE": os.devnull, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


# Certificates


def _certificates(folder: Path) -> None:
    """Write a throw-away authority ``authority.pem`` and a server's certificate signed by it."""
    (folder / "openssl.cnf").write_text(_OPENSSL)
    common = ["openssl", "req", "-x509", "-config", "openssl.cnf", "-days", "2", "-nodes"]
    common += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    for name, signer in (
        ("authority", []),
        ("server", ["-CA", "authority.pem", "-CAkey", "authority.key"]),
    ):
        out = ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(
            [*common, *signer, "-extensions", name, *out],
            cwd=folder,
            check=True,
            capture_output=True,
        )


@pytest.fixture
def proxied_index(tmp_path: Path) -> Iterator[str]:
    """A package index with a certificate that only ``authority.pem`` in ``tmp_path`` vouches for.

    To the installers it looks as every index does behind a proxy that opens what passes.
    """
    _certificates(tmp_path)
    served = tmp_path / "index"
    wheel = served / "demo-1-py3-none-any.whl"
    (served / "simple" / "demo").mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("demo.py", "")
        for name, text in {
            "METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }.items():
            archive.writestr(f"demo-1.dist-info/{name}", text)
    link = f'<!doctype html><a href="/{wheel.name}">{wheel.name}</a>'
    (served / "simple" / "demo" / "index.html").write_text(link)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *_: object) -> None:
            del format

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses our certificate is what the tests are about."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with Server(("127.0.0.1", 0), functools.partial(Quiet, directory=served)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://localhost:{server.server_port}/simple"  # pip 25 takes no address
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("installer", INSTALLERS)
def test_the_installers_trust_what_the_system_trusts(
    installer: str, proxied_index: str, checkout: Path, tmp_path: Path
) -> None:
    install = f"{INSTALLERS[installer]} {proxied_index} demo"
    alone = call(install, checkout)
    assert alone.returncode != 0
    assert re.search("UnknownIssuer|CERTIFICATE_VERIFY_FAILED", alone.stderr + alone.stdout)
    store = tmp_path / "authority.pem"
    trusting = f"SYSTEM_CERTIFICATES=(/no/such/store {store}); trust_certificates; {install}"
    done = call(trusting, checkout)
    assert done.returncode == 0, done.stderr
    assert (checkout / "installed" / "demo.py").exists()


@pytest.mark.slow
@pytest.mark.parametrize("named", ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("installer", INSTALLERS)
def test_certificates_that_the_user_named_for_one_installer_serve_both(
    installer: str, named: str, proxied_index: str, checkout: Path, tmp_path: Path
) -> None:
    install = f"trust_certificates; {INSTALLERS[installer]} {proxied_index} demo"
    done = call(install, checkout, **{named: str(tmp_path / "authority.pem")})
    assert done.returncode == 0, done.stderr


def test_what_the_user_chose_for_each_installer_is_left_alone(checkout: Path) -> None:
    configured = checkout / "pip.conf"
    configured.write_text("[global]\ncert = /of/pip.pem\n")
    done = call(
        'trust_certificates; echo "$PIP_CERT $SSL_CERT_FILE"',
        checkout,
        PIP_CONFIG_FILE=str(configured),
        SSL_CERT_FILE="/of/uv.pem",
    )
    assert done.stdout.split() == ["/of/pip.pem", "/of/uv.pem"]


def test_what_pip_was_told_is_found_in_its_environment_and_its_files(checkout: Path) -> None:
    configured = checkout / "pip.conf"
    configured.write_text("[global]\nindex-url = https://file/simple\n")
    for environment, index in (
        ({}, ""),
        ({"PIP_CONFIG_FILE": str(configured)}, "https://file/simple"),
        (
            {"PIP_CONFIG_FILE": str(configured), "PIP_INDEX_URL": "https://env/simple"},
            "https://env/simple",
        ),
    ):
        done = call("pip_setting index-url", checkout, **environment)
        assert done.stdout == f"{index}\n", done.stderr


def test_without_a_store_the_installers_use_their_own_lists(checkout: Path) -> None:
    code = "SYSTEM_CERTIFICATES=(/no/such/store); trust_certificates; env"
    done = call(code, checkout)
    assert done.returncode == 0
    assert not re.search("^(PIP_CERT|SSL_CERT_FILE)=", done.stdout, re.MULTILINE)


# Python


def _python(minor: int, *, has_venv: bool = True) -> str:
    """A Python that answers the script's question for its version alone."""
    return f'case "$2" in *"(3, {minor})"*) exit {0 if has_venv else 1};; esac; exit 1'


def test_the_newest_python_that_can_make_an_environment_is_taken(
    checkout: Path, programs: Callable[..., Path]
) -> None:
    found = programs(
        **{
            "python3.13": _python(13, has_venv=False),  # Debian without python3-venv
            "python3.12": _python(12),
            "python3.11": _python(11),
            "python3": _python(14),
        }
    )
    done = call(f"PATH={found}; find_python", checkout)
    assert Path(done.stdout.strip()).name == "python3.12"


def test_a_python_that_the_lock_is_not_for_is_refused(
    checkout: Path, programs: Callable[..., Path]
) -> None:
    found = programs(python3=_python(14))
    done = call(f"PATH={found}; find_python", checkout)
    assert done.returncode == 1
    assert "no Python of 3.11 to 3.13 with venv and ensurepip is installed\n  fix: " in done.stderr


# Debian's packages

PACKAGES = """\
# a comment
gcc
g++

clang-19 | clang-14
jdk-21 | jdk-17
chromium ?
"""


@pytest.fixture
def distribution(programs: Callable[..., Path], checkout: Path) -> Callable[..., Path]:
    """A Debian that has some packages, of which some are installed, and writes down requests."""
    (checkout / "setup" / "debian-packages.txt").write_text(PACKAGES)

    def make(*, installed: str, has: str = "", user: int = 0) -> Path:
        lines = "\\n".join(f"installed {name}" for name in installed.split())
        return programs(
            dpkg_query=f"printf '{lines}\\nconfig-files gcc\\n'",
            apt_cache=f'for known in {has}; do [ "$2" = $known ] && echo "Package: $2"; done',
            apt_get=f'echo "$@" >>{checkout}/asked',
            id=f"echo {user}",
        )

    return make


def asked(checkout: Path) -> list[str]:
    path = checkout / "asked"
    return path.read_text().splitlines() if path.exists() else []


def test_nothing_is_asked_when_every_need_is_met_by_one_of_its_packages(
    checkout: Path, distribution: Callable[..., Path]
) -> None:
    path = distribution(installed="gcc g++ clang-14 jdk-21")
    done = call("install_debian_packages", checkout, programs=path)
    assert done.returncode == 0, done.stderr
    assert asked(checkout) == []


def test_root_installs_what_is_missing_with_its_alternatives(
    checkout: Path, distribution: Callable[..., Path]
) -> None:
    path = distribution(installed="g++ clang-14 clang-19-doc", has="chromium")
    done = call("install_debian_packages", checkout, programs=path)
    assert done.returncode == 0, done.stderr
    update, satisfy = asked(checkout)
    assert update.startswith("update")
    assert satisfy.endswith("--no-install-recommends gcc, jdk-21 | jdk-17, chromium")


def test_others_get_the_one_line_to_run(checkout: Path, distribution: Callable[..., Path]) -> None:
    path = distribution(installed="gcc g++ jdk-17", user=1000)
    done = call("install_debian_packages", checkout, programs=path)
    assert done.returncode == 1
    assert asked(checkout) == []
    assert done.stderr.endswith(
        "fix: sudo apt-get update && sudo apt-get satisfy -y --no-install-recommends"
        ' "clang-19 | clang-14"\n'
    )


def test_each_need_of_the_list_is_met_by_any_of_its_alternatives(
    checkout: Path, distribution: Callable[..., Path]
) -> None:
    needs = [
        line.removesuffix(" ?").split(" | ")
        for line in (ROOT / "setup" / "debian-packages.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    for choose in (min, max):
        path = distribution(installed=" ".join(choose(need) for need in needs), user=1000)
        (checkout / "setup" / "debian-packages.txt").write_text(
            (ROOT / "setup" / "debian-packages.txt").read_text()
        )
        done = call("install_debian_packages", checkout, programs=path)
        assert done.returncode == 0, done.stderr


def test_the_list_of_packages_is_what_apt_understands() -> None:
    lines = (ROOT / "setup" / "debian-packages.txt").read_text().splitlines()
    name = r"[a-z0-9][a-z0-9.+-]+"
    for line in filter(None, lines):
        assert line.startswith("#") or re.fullmatch(rf"{name}( \| {name})*( \?)?", line), line
