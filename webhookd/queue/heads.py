"""Which waiting runs a claim looks at: the head of each line (functions over a transaction).

The runs of a slot wait in one line. Its oldest is the head while nothing runs in the slot. `turn` has the
repositories with a head, in the order in which they may start one. So a claim costs the same with ten
waiting runs as with ten thousand. Whatever ends, starts or queues a run keeps this up to date, under the
lock of its repository.
"""

from webhookd.queue.dialect import Transaction

NEXT_HEAD = """
UPDATE run SET head = 1
WHERE id = (SELECT id FROM run WHERE slot = :slot AND state = 'queued' ORDER BY id LIMIT 1)
AND head = 0 AND NOT EXISTS (SELECT 1 FROM run AS other WHERE other.slot = :slot AND other.state = 'running')
"""

GET_IN_LINE = """
INSERT INTO turn (repo, place) VALUES (:repo, (SELECT coalesce(max(place), 0) + 1 FROM turn))
ON CONFLICT (repo) DO UPDATE SET place = turn.place
"""
"""A repository that comes back goes to the end. Where it is in line already, this locks its row."""

TAKE_TURN = "UPDATE turn SET place = (SELECT max(place) + 1 FROM turn) WHERE repo = :repo"

LEAVE_LINE = """
DELETE FROM turn WHERE repo = :repo AND NOT EXISTS (SELECT 1 FROM run WHERE run.repo = :repo AND head = 1)
"""


def advance(tx: Transaction, *, slot: str, repo: str) -> None:
    """Make the oldest waiting run of *slot* its head, after a run of the slot has ended or waits again."""
    if tx.execute(NEXT_HEAD, {"slot": slot}):
        get_in_line(tx, repo)
    else:
        tx.execute(LEAVE_LINE, {"repo": repo})


def get_in_line(tx: Transaction, repo: str) -> None:
    """Add *repo*, which has a head, to those that may start one."""
    tx.execute(GET_IN_LINE, {"repo": repo})


def take_turn(tx: Transaction, repo: str) -> None:
    """Move *repo*, of which a head has started, to the end of the line, or out of it with its last head."""
    tx.execute(TAKE_TURN, {"repo": repo})
    tx.execute(LEAVE_LINE, {"repo": repo})
