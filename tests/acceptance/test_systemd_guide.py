"""docs/systemd.md, followed exactly on a new system."""

import re

from booted import ROOT, UNITS, Booted

GUIDE = (ROOT / "docs" / "systemd.md").read_text()
README = (ROOT / "README.md").read_text()
WORKING_COPY = """
    git config --system safe.directory '*'
    git config --system user.name Alice
    git config --system user.email alice@example.org
    git init -q --bare /srv/origin.git
    git clone -q /srv/origin.git /tmp/work
    cd /tmp/work
    git commit -q --allow-empty -m first
    git push -q
    git clone -q /srv/origin.git /srv/blog
    date > index.html
    git add index.html
    git commit -qm second
    git push -q
"""
EVERYTHING_ELSE = """
    cd /opt/webhookd/share/webhookd/systemd
    install -D -m 644 -t /etc/polkit-1/rules.d polkit/50-webhookd.rules
    ln -s /opt/webhookd/bin/webhookd /usr/local/bin/
    useradd --create-home alice
    install -m 644 webhookd@.service /etc/systemd/system
    sed s/9000/9001/ /etc/webhookd/webhookd.yaml > /etc/webhookd/alice.yaml
    echo 'listen: 127.0.0.1:9001' >> /etc/webhookd/alice.yaml
    sed -i 's/^  file: .*/  credential: secret/' /etc/webhookd/alice.yaml
    cp -p /etc/webhookd/secret /etc/webhookd/alice.secret
    systemctl enable --now webhookd@alice
"""


def commands(heading: str) -> list[str]:
    """Return the lines of the first block under a heading, without sudo."""
    _, _, below = GUIDE.partition(f"\n## {heading}\n")
    block = re.search(r"```sh\n(.*?)```", below, re.DOTALL)
    assert block, heading
    return block[1].replace("sudo ", "").splitlines()


def type_in(booted: Booted, heading: str) -> None:
    """Run the commands of the guide, except for packages and /opt, which this system has already."""
    lines = [line for line in commands(heading) if not re.search("apt-get|pip install", line)]
    booted.run("sh", "-euc", "\n".join(lines).replace("/opt/webhookd /etc", "/etc"))


def test_the_guide_installs_deploys_upgrades_and_removes(booted: Booted) -> None:
    booted.run("sh", "-euc", WORKING_COPY)
    booted.run("sh", "-c", "rm -f /etc/systemd/system/webhookd* /etc/*.d/webhookd.conf; userdel webhookd")
    type_in(booted, "From nothing to a first deploy")
    assert booted.ended(1)["state"] == "succeeded"
    assert booted.path("/srv/blog/index.html").exists()
    type_in(booted, "Upgrading")
    assert booted.show("webhookd", "ActiveState") == "active"
    assert [run["run"] for run in booted.runs()] == [1]
    booted.run("sh", "-euc", EVERYTHING_ELSE)
    type_in(booted, "Removing")
    folders = ("/etc", "/var/lib", "/run", "/usr/local/bin")
    assert booted.run("find", *folders, "-xdev", "-name", "*webhookd*").stdout == ""
    assert booted.run("grep", "webhookd", "/etc/passwd", "/etc/group", check=False).stdout == ""
    assert booted.run("pgrep", "-f", "webhookd", check=False).stdout == ""


def test_the_installation_takes_ten_lines_and_the_readme_has_the_same() -> None:
    lines = commands("From nothing to a first deploy")
    assert len(lines) == 10
    assert "\n".join(lines) in README.replace("sudo ", "")


def test_the_guide_lists_every_shipped_file() -> None:
    shipped = {str(path.relative_to(UNITS)) for path in UNITS.rglob("*") if path.is_file()}
    told = set(re.findall(r"^\| `([^`]+)` \|", GUIDE, re.MULTILINE))
    assert shipped == told
