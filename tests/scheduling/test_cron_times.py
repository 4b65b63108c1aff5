from __future__ import annotations

import pytest

from batchocr.errors import ConfigError
from batchocr.scheduling.cron import parse


def test_fields_lists_ranges_steps_and_names() -> None:
    time = parse("*/20 8-10,22  1,15 jan-mar 1-5/2")
    assert time.minutes == (0, 20, 40)
    assert time.hours == (8, 9, 10, 22)
    assert (time.days, time.months, time.weekdays) == ((1, 15), (1, 2, 3), (1, 3, 5))
    assert time.text == "*/20 8-10,22 1,15 jan-mar 1-5/2"


def test_sunday_is_0_and_7() -> None:
    assert parse("0 0 * * 7").weekdays == parse("0 0 * * sun").weekdays == (0,)


def test_macros_stand_for_fields() -> None:
    assert parse("@daily").text == "0 0 * * *"


@pytest.mark.parametrize(
    "text",
    ["", "0 2 * *", "60 2 * * *", "0 24 * * *", "0 2 0 * *", "0 2 * 13 *", "0 2 * * 8", "0 2 * * x", "5-1 * * * *",
     "*/0 * * * *", "0 2 * * *\n* * * * * rm", "@sometimes", "-1 * * * *", "0,, * * * *"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--cron"):
        parse(text)
