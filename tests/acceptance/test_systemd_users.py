"""Commands of other users, with the shipped drop-in for a root that can only switch users."""

import pytest
from booted import UNITS, Booted
from harness import wait_for

ACCOUNTS = 'u deploy - "Deploys" /srv/deploy /bin/bash\nu shop - "Shop" /srv/shop /bin/bash\n'


@pytest.fixture(scope="module")
def service(booted: Booted) -> Booted:
    booted.write("/etc/sysusers.d/test.conf", ACCOUNTS)
    booted.run("systemd-sysusers", "test.conf")
    for user in ("deploy", "shop"):
        booted.run("install", "-d", "-m", "700", "-o", user, "-g", user, f"/srv/{user}")
    booted.configure("    main: echo begun")
    booted.systemctl("start", "webhookd")  # first as its own user: then the state directory changes its owner
    booted.deploy()
    booted.drop_in("root", (UNITS / "drop-ins/root.conf").read_text())
    booted.drop_in("deploys", "[Service]\nReadWritePaths=-/srv/deploy -/srv/shop\n")
    booted.systemctl("restart", "webhookd")
    return booted


def deploy(booted: Booted, run: str, *, options: str = "user: deploy") -> str:
    booted.configure(f"    main: {{{options}, run: {run!r}}}")
    booted.systemctl("reload", "webhookd")
    return booted.deploy()


def test_a_command_runs_as_its_user_in_its_home(service: Booted) -> None:
    output = deploy(service, "id -un; id -Gn; pwd; echo $HOME $USER; touch made; stat -c %U made")
    assert output.splitlines() == ["deploy", "deploy", "/srv/deploy", "/srv/deploy deploy", "deploy"]


def test_a_command_can_have_its_own_group(service: Booted) -> None:
    assert deploy(service, "id -un; id -Gn", options="user: deploy, group: shop") == "deploy\nshop\n"


def test_only_the_user_of_a_command_can_read_its_payload(service: Booted) -> None:
    script = (
        'grep -c octocat/blog "$WEBHOOKD_PAYLOAD"; cp "$WEBHOOKD_PAYLOAD" copy; echo "$WEBHOOKD_PAYLOAD"; '
    )
    configured = f"    main: {{user: deploy, run: '{script} until [ -e go ]; do sleep 0.05; done'}}"
    service.configure(configured)
    service.systemctl("reload", "webhookd")
    number = service.queue()
    wait_for(lambda: (service.log(number) or "").count("\n") == 2, what="the payload's path")
    count, path = (service.log(number) or "").split()
    assert (count, service.path(path).exists()) == ("1", True)
    assert service.run("cat", path, user="shop", check=False).returncode != 0
    assert service.run("cat", path, user="deploy").stdout == service.path("/srv/deploy/copy").read_text()
    service.path("/srv/deploy/go").touch()
    assert service.ended(number)["state"] == "succeeded"


@pytest.mark.parametrize(
    "what",
    ["/run/credentials/webhookd.service/secret", "/etc/webhookd/secret", "/var/lib/webhookd/webhookd.db"],
)
def test_a_command_cannot_read_the_daemons_files(service: Booted, what: str) -> None:
    assert deploy(service, f"cat {what} || echo refused").splitlines()[-1] == "refused"


def test_a_time_limit_ends_all_processes_of_a_command_of_another_user(service: Booted) -> None:
    script = '(setsid sh -c "sleep 600; :" &) ; setsid sleep 600 & trap : TERM; sleep 600; sleep 600'
    service.configure(f"    main: {{user: deploy, timeout: 1s, grace: 1s, run: '{script}'}}")
    service.systemctl("reload", "webhookd")
    assert service.ended(service.queue())["state"] == "timed_out"
    assert service.run("pgrep", "-u", "deploy", check=False).stdout == ""


def test_a_reload_reports_a_user_that_does_not_exist(service: Booted) -> None:
    service.configure("    main: {user: nobody-of-this-name, run: id}")
    assert service.systemctl("reload", "webhookd", check=False).returncode != 0
    said = " ".join(entry["MESSAGE"] for entry in service.journal("-u", "webhookd", "-n", "10"))
    assert 'there is no user "nobody-of-this-name"' in said


def test_an_instance_runs_as_the_user_in_its_name(booted: Booted, service: Booted) -> None:
    booted.run("useradd", "--create-home", "alice")
    booted.configure("    main: id -un; pwd; touch made", settings="listen: 127.0.0.1:9001", name="alice")
    booted.write("/etc/webhookd/alice.secret", booted.path("/etc/webhookd/secret").read_text(), mode=0o600)
    booted.systemctl("enable", "--now", "webhookd@alice")
    answer = booted.push(address="127.0.0.1:9001")
    assert answer.status == 202
    made = booted.path("/home/alice/made")
    wait_for(made.exists, what="what the command made")
    assert booted.run("stat", "-c", "%U", "/home/alice/made").stdout == "alice\n"
    booted.configure("    dev: 'true'", settings="listen: 127.0.0.1:9001", name="alice")
    booted.systemctl("reload", "webhookd@alice")
    assert booted.push(address="127.0.0.1:9001").body["status"] == "ignored"
    assert service.show("webhookd", "ActiveState") == "active"
