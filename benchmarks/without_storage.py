"""The daemon's public app with a store that keeps nothing, as a server for `accepts.py` to measure."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from served import SECRET

from webhookd.daemon import eventlog
from webhookd.daemon.listeners import address_of, open_sockets
from webhookd.models.delivery import Decision
from webhookd.models.settings import Config, Forge, Hook, Listen, RefKind, Repository, Secret, Target
from webhookd.queue import Acceptance, AcceptanceStatus, AcceptedRun
from webhookd.web.app import PublicApp
from webhookd.web.receiver import Receiver
from webhookd.web.server import Server


class Forgetful:
    """A store that keeps nothing."""

    def accept(self, decision: Decision, *, now: datetime) -> Acceptance:  # noqa: ARG002 - as `Store`
        """Return that all runs are queued."""
        runs = tuple(AcceptedRun(run=1, target=match.target.name) for match in decision.matches)
        return Acceptance(status=AcceptanceStatus.QUEUED, runs=runs)


def main() -> None:
    """Serve the daemon's public app with a store that keeps nothing."""
    secret = Secret(label="benchmark", key=SECRET)
    target = Target(
        name="octocat/blog@main",
        hook="github",
        repo="octocat/blog",
        ref_kind=RefKind.BRANCH,
        pattern="main",
        run="true",
    )
    config = Config(
        file=Path("/nowhere"),
        state_dir=Path("/nowhere"),
        hooks=(Hook(name="github", path="/github-webhook", forge=Forge.GITHUB, secrets=(secret,)),),
        repositories=(Repository(pattern="octocat/blog", hook="github", targets=(target,)),),
    )
    eventlog.set_up(None, environ={})
    store: Any = Forgetful()
    receiver = Receiver(config=lambda: config, store=store, wake=lambda: None)
    app = PublicApp(receiver, config=lambda: config, health=lambda: "")
    with open_sockets((Listen(host="127.0.0.1"),)) as sockets:
        server = Server(app, sockets, receiver=receiver)
        print("listening", address_of(sockets[0]), file=sys.stderr, flush=True)
        while True:
            server.turn(1.0)


if __name__ == "__main__":
    main()
