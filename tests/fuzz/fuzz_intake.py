"""Coverage-guided fuzzing of what `intake` reads, with atheris (`pip install '.[fuzz]'`).

    python tests/fuzz/fuzz_intake.py [-max_total_time=3600] [more arguments of libFuzzer]

The seeds are deliveries of every forge, made by `sign`. Put inputs that fail into regressions/intake.
"""

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore] # installed where it is used

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the modules that the tests share

with atheris.instrument_imports(include=["webhookd"]):
    from intakefuzz import seeds, try_one


def main() -> None:
    """Fuzz until a limit in libFuzzer's arguments."""
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, "-max_len=20000", corpus], try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
