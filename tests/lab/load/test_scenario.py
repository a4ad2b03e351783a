import subprocess
import sys

import msgspec
import pytest

from backend_expert.lab import load


def test_a_scenario_survives_json() -> None:
    scenario = load.Scenario(
        60,
        arrivals=load.at_rates({"GET /": 640.0}, load.spike(5, at_s=20, lasting_s=20)),
        faults=(
            load.slow("db", 4, 10, 5),
            load.crash("db", 20, 5, silent=True),
            load.partition("a", "b", 1, 2),
            load.loss("a", "b", 0.1, 1, 2),
            load.errors("a", 0.5, 1, 2),
            load.flush("cache", 30),
        ),
        laws=(("db", load.Law("lognormal", 2.0)),),
    )
    assert msgspec.json.decode(msgspec.json.encode(scenario), type=load.Scenario) == scenario


@pytest.mark.parametrize(
    ("scenario", "disturbed"),
    [
        (load.Scenario(60), None),
        (load.Scenario(60, arrivals=load.spike(5, 20, 10)), (20, 30)),
        (load.Scenario(60, arrivals=load.ramp(5, 20, 10)), (20, 60)),
        (load.Scenario(60, faults=(load.slow("a", 2, 10, 5),), arrivals=load.spike(2, 12, 30)), (10, 42)),
        (load.Scenario(60, faults=(load.flush("a", 10),)), (10, 10)),
        (load.Scenario(60, arrivals=load.constant(3)), None),
    ],
)
def test_disturbances_are_bounded_by_the_first_start_and_the_last_end(
    scenario: load.Scenario, disturbed: tuple[float, float] | None
) -> None:
    assert scenario.disturbed_s() == disturbed


def test_stating_a_scenario_loads_no_numbers() -> None:
    code = "import sys; from backend_expert.lab import load; load.Scenario(1); print(sorted({'numpy', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
