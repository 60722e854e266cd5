"""`webhookd verify` on the command line, and a delivery for it."""

import hmac
import json
from typing import Any

from click.testing import CliRunner, Result

from webhookd.cli import main

KEY = "correct horse battery staple"
BODY = json.dumps(
    {
        "ref": "refs/heads/main",
        "before": "b" * 40,
        "after": "a" * 40,
        "repository": {
            "full_name": "octocat/blog",
            "clone_url": "https://github.example.com/octocat/blog.git",
        },
        "pusher": {"name": "octocat"},
        "compare": "https://github.example.com/compare",
        "created": False,
        "deleted": False,
        "forced": False,
        "commits": [{"id": "a" * 40, "added": ["x"], "removed": [], "modified": []}],
        "head_commit": {"id": "a" * 40, "message": "Say hello"},
    }
).encode()

# A vector of https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
SIGNING = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED_BODY = b'{"test": 2432232314}'
SIGNED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def digest(body: bytes = BODY, key: str = KEY) -> str:
    return hmac.new(key.encode(), body, "sha256").hexdigest()


def verify(*args: object, **options: Any) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, args)], **options)


def found(*args: object, code: int = 0, **options: Any) -> dict[str, Any]:
    result = verify(*args, "--json", **options)
    assert (result.exit_code, result.stderr) == (code, "")
    value: dict[str, Any] = json.loads(result.stdout)
    return value
