"""What a command can and cannot do in the sandbox of the shipped unit, with the shipped example drop-in."""

import json
import shutil

import pytest
from booted import UNITS, Booted

DROP_IN = "/etc/systemd/system/webhookd.service.d"

CAN = {
    "clone from a folder": "git clone -q /srv/origin.git a && cd a && git log --format=%s | grep -q hello",
    "clone over http": "git clone -q http://127.0.0.1:8000/origin.git b && test -e b/hello",
    "commit and clean up": "cd a && date > hello && git commit -qam x && git gc -q",
    "install into a virtual environment": "python3 -m venv v && v/bin/pip -q install --no-deps /opt/*.whl",
    "run node": "node -e 'if (!require(\"os\").cpus().length) process.exit(1)'",
    "write to a folder named in the drop-in": "date > /srv/blog/index.html",
    "write to its home": "date > ~/note",
    "write to a /tmp of its own": "date > /tmp/note",
    "copy with modes, pack and unpack": "cp -a a c && tar -cf c.tar c && rm -rf c && tar -xf c.tar",
    "give way to others": "nice -n 5 ionice -c 3 flock lock setsid true",
    "ask systemd about a unit": "systemctl is-active dbus.service",
    "restart the one unit that polkit allows": "systemctl restart app.service",
}

CANNOT = {
    "write to /etc": "date > /etc/note",
    "write to a folder of its own that no drop-in names": "date > /srv/shop/index.html",
    "look into a home": "ls /home/alice",
    "look into root's home": "ls /root",
    "read the file of the secret": "cat /etc/webhookd/secret",
    "see processes of others": "test -e /proc/1",
    "become root by a setuid program": "su -c true",
    "make a setuid program": "cp /bin/true . && chmod u+s true",
    "make a namespace": "unshare --user true",
    "change a setting of the kernel": "echo 1 > /proc/sys/vm/drop_caches",
    "stop the unit that it may restart": "systemctl stop app.service",
    "restart another unit": "systemctl restart other.service",
    "start a unit of its own": "systemd-run --wait true",
}

ORIGIN = """
    useradd --create-home alice
    chmod 755 /home/alice /root
    git config --system safe.directory '*'
    git config --system user.name Alice
    git config --system user.email alice@example.org
    git init -q --bare /srv/origin.git
    git clone -q /srv/origin.git /tmp/work
    cd /tmp/work
    echo hello > hello
    git add hello
    git commit -qm hello
    git push -q
    git -C /srv/origin.git update-server-info
    systemd-run --quiet --unit origin python3 -m http.server --bind 127.0.0.1 --directory /srv 8000
    install -d -o webhookd -g webhookd /srv/blog /srv/shop
"""
ONESHOT = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"


@pytest.fixture(scope="module")
def found(booted: Booted) -> dict[str, tuple[int, str]]:
    """The exit code and output of every command above, all run by one deploy."""
    booted.run("sh", "-euc", ORIGIN)
    for unit in ("app", "other"):
        booted.write(f"/etc/systemd/system/{unit}.service", ONESHOT)
    booted.write("/etc/polkit-1/rules.d/50-webhookd.rules", (UNITS / "polkit/50-webhookd.rules").read_text())
    booted.write(f"{DROP_IN}/deploys.conf", (UNITS / "drop-ins/deploys.conf").read_text())
    booted.systemctl("daemon-reload")
    booted.systemctl("start", "app.service", "other.service", "polkit.service")
    booted.write("/srv/try.py", TRY)
    booted.write("/srv/try.json", json.dumps(CAN | CANNOT))
    booted.configure("    main: {cwd: /srv/blog, run: [python3, /srv/try.py], env: {LC_ALL: C.UTF-8}}")
    booted.systemctl("restart", "webhookd")
    found: dict[str, tuple[int, str]] = json.loads(booted.deploy())
    return found


TRY = """
import json, subprocess
tried = {}
for name, command in json.load(open("/srv/try.json")).items():
    done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    tried[name] = done.returncode, done.stdout.decode(errors="replace")
print(json.dumps(tried))
"""


def test_a_command_can_do_what_a_deploy_needs(found: dict[str, tuple[int, str]]) -> None:
    if shutil.which("node") is None:
        found.pop("run node")
    assert {what: found[what] for what in CAN if what in found and found[what][0] != 0} == {}


def test_a_command_cannot_leave_the_sandbox(found: dict[str, tuple[int, str]]) -> None:
    assert {what: found[what] for what in CANNOT if found[what][0] == 0} == {}


def test_files_of_a_command_in_tmp_are_private(booted: Booted, found: dict[str, tuple[int, str]]) -> None:
    assert found["write to a /tmp of its own"][0] == 0
    assert not booted.path("/tmp/note").exists()


def test_root_checks_and_signs_with_the_file_that_the_unit_loads_as_a_credential(booted: Booted) -> None:
    booted.configure("    main: 'true'")
    booted.systemctl("reload-or-restart", "webhookd")
    assert booted.webhookd("check").stdout.startswith("/etc/webhookd/webhookd.yaml: ok")
    url = "http://127.0.0.1:9000/github-webhook"
    assert booted.webhookd("sign", "--repo", "octocat/blog", "--send", url).stdout.startswith("202 ")
    booted.configure("    main: 'true'", name="alice")
    alice = ("check", "--config", "/etc/webhookd/alice.yaml")
    assert '"/etc/webhookd/alice.secret" does not exist' in booted.webhookd(*alice, check=False).stderr
    booted.write("/etc/webhookd/alice.secret", "x" * 32, mode=0o600)
    assert booted.webhookd(*alice).stdout.startswith("/etc/webhookd/alice.yaml: ok")


def test_init_names_systemctl_where_a_unit_reads_the_file(booted: Booted) -> None:
    told = booted.webhookd("init", "--config", "/etc/webhookd/carol.yaml").stdout.splitlines()
    assert "  systemctl enable --now webhookd@carol" in told
    booted.configure("    main: 'true'")
    booted.systemctl("reload-or-restart", "webhookd")
    assert "  systemctl reload webhookd" in booted.webhookd("init", "--force").stdout.splitlines()
    told = booted.webhookd("init", "--config", "/srv/webhookd.yaml").stdout.splitlines()
    assert [line for line in told if line.endswith(" serve --config /srv/webhookd.yaml")] != []


def test_the_daemon_reads_its_credential_and_a_command_gets_none(booted: Booted) -> None:
    booted.configure("    main: env; ls -l /proc/self/fd")
    booted.systemctl("reload-or-restart", "webhookd")
    output = booted.deploy()
    assert "CREDENTIALS_DIRECTORY" not in output
    assert "LISTEN_" not in output
    assert "socket:" not in output
