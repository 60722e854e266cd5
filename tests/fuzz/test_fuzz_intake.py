"""A short run of the fuzzer of intake, and inputs that longer runs have found."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from intakefuzz import FORGES, JSON, accepts, seeds

FUZZER = Path(__file__).with_name("fuzz_intake.py")
REGRESSIONS = sorted((Path(__file__).parent / "regressions" / "intake").iterdir())


@pytest.mark.parametrize("seed", list(seeds()), ids=lambda seed: f"{FORGES[seed[0]]}-{seed[1]}-{seed[2]}")
def test_a_seed_signed_as_json_is_accepted(seed: bytes) -> None:
    """Otherwise the fuzzer would never pass the signature check."""
    assert accepts(seed) or seed[1] != JSON


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_inputs_that_crashed_once_are_handled(path: Path) -> None:
    assert not accepts(path.read_bytes())  # refused, and without an error


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_a_short_run_of_the_fuzzer_finds_nothing(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    seconds: int = pytestconfig.getoption("--fuzz-seconds")
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={tmp_path}/", "-timeout=10"]
    result = subprocess.run([sys.executable, FUZZER, *options], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-5000:]
