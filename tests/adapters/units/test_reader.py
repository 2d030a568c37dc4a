"""The file of units: what it says is in force, and what is wrong with it is said in one line."""

from dataclasses import replace
from pathlib import Path

import pytest

from rpm_service.adapters.pki import ensure_server
from rpm_service.adapters.units.reader import read_units, units_in
from rpm_service.adapters.units.table import UnitsRefused
from rpm_service.application.units import (
    BUILT_IN,
    DEFAULT_ESCALATION,
    EscalationLevel,
    Unit,
    Units,
)
from rpm_service.domain.limits import AgeClass, Bounds, MetricLimits, RateOfChange
from rpm_service.domain.presets import PRESETS

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "units.example.toml"
ADULT = PRESETS[AgeClass.ADULT]
SECRET = b"s" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "units.toml"


def read(file: Path, text: str) -> Units:
    file.write_text(text)
    return read_units(file)


def key_file(directory: Path, secret: bytes = SECRET, mode: int = 0o600) -> Path:
    key = directory / "icu.key"
    key.write_bytes(secret)
    key.chmod(mode)
    return key


# -- what is in force ---------------------------------------------------------------------


@pytest.mark.spec("LIMIT-17")
def test_the_example_says_what_it_says(tmp_path: Path) -> None:
    key_file(tmp_path).rename(tmp_path / "icu-webhook.key")
    (tmp_path / "units.toml").write_text(EXAMPLE.read_text())
    units = read_units(tmp_path / "units.toml")
    unit = units.of("ICU")
    assert (unit.name, unit.covers) == ("ICU", True)
    assert unit.escalation == (
        EscalationLevel(10, frozenset({"charge-nurse"}), webhook=False),
        EscalationLevel(30, frozenset({"charge-nurse", "physician-on-call"}), webhook=True),
    )
    assert unit.webhook is not None
    assert (unit.webhook.url, unit.webhook.secret) == ("https://pager.example.org/alarms", SECRET)
    adult = unit.presets[AgeClass.ADULT]
    assert (adult.signal_delay_s, adult.standstill, adult.combined) == (3, True, True)
    assert adult.limits["SpO2"] == MetricLimits(
        88, None, 80, None, 15, 0, 1, 3, latching=False, rate=RateOfChange(6, 60)
    )
    assert adult.limits["CVP"] == MetricLimits(high=15, delay_s=10)
    assert adult.bounds["SpO2"] == Bounds((80, 95), (95, 100), 20, 5)
    assert adult.limits["HR"] == ADULT.limits["HR"]
    assert unit.presets[AgeClass.NEONATAL] == PRESETS[AgeClass.NEONATAL]
    assert unit.care_groups == {
        "Team East": {"ICU-1", "ICU-2", "ICU-3"},
        "Team West": {"ICU-3", "ICU-4"},
    }
    assert units.of("Step Down").escalation == (
        EscalationLevel(20, frozenset({"step-down-desk"}), webhook=True),
    )
    assert units.of("anywhere else") == Unit(presets=PRESETS)


@pytest.mark.spec("LIMIT-17")
def test_what_is_left_out_is_as_it_is_built_in(file: Path) -> None:
    units = read(file, "[units.ICU]\n[other]\ncovers = false")
    assert units.of("ICU") == Unit("ICU", PRESETS)
    assert units.of("ICU").escalation == DEFAULT_ESCALATION
    assert units.of("") == Unit("", PRESETS, covers=False)
    assert units.digest != read(file, "").digest != BUILT_IN


@pytest.mark.spec("LIMIT-17")
def test_limits_of_one_numeric_begin_with_those_of_its_kind(file: Path) -> None:
    units = read(file, '[other.presets.adult.limits."Temp 2"]\nhigh = 38\n')
    adult = units.of("").presets[AgeClass.ADULT]
    assert adult.limits["Temp 2"] == replace(ADULT.limits["Temp"], high=38)


@pytest.mark.spec("LIMIT-17")
def test_latching_is_said_for_all_or_for_one(file: Path) -> None:
    units = read(
        file,
        "[other.presets.adult]\nlatching = true\n"
        "[other.presets.adult.limits.HR]\nlatching = false\nlow = 0\nextreme_low = false\n"
        "[other.presets.adult.bounds.HR]\nlow = [0, 100]\n",
    )
    limits = units.of("").presets[AgeClass.ADULT].limits
    assert {name for name, each in limits.items() if not each.latching} == {"HR"}
    assert (limits["HR"].low, limits["HR"].extreme_low) == (0, None), "0 is a limit"


@pytest.mark.spec("LIMIT-17")
def test_the_file_that_was_given_goes_before_that_of_the_data_directory(tmp_path: Path) -> None:
    assert units_in(tmp_path, None).digest == BUILT_IN
    own = read(tmp_path / "units.toml", "[other]\ncovers = false")
    assert units_in(tmp_path, None).digest == own.digest
    given = read(tmp_path / "other.toml", "[other]\ncovers = true")
    assert units_in(tmp_path, tmp_path / "other.toml").digest == given.digest
    with pytest.raises(UnitsRefused, match="cannot be read: No such file"):
        units_in(tmp_path, tmp_path / "none.toml")


@pytest.mark.spec("LIMIT-22")
def test_a_bed_may_be_in_several_care_groups_of_its_unit_and_in_none(file: Path) -> None:
    groups = '[units.ICU.care_groups]\nWest = ["1", "2", "2"]\nEast = ["2"]\nNobody = []'
    units = read(file, groups)
    named = [units.of("ICU").care_groups_of(bed) for bed in ("1", "2", "3")]
    assert named == [("West",), ("West", "East"), ()]
    assert units.of("anywhere else").care_groups_of("1") == ()


# -- what is wrong ------------------------------------------------------------------------

ICU = "units.ICU"
HR = f"[{ICU}.presets.adult.limits.HR]\n"
WRONG = [
    ("unit = 1", "unit: is not known here"),
    ('"a\\nb" = 1', r"'a\nb': is not known here"),
    ("units = 1", "units: must be a table"),
    ("[units]\nICU = 1", "[units] ICU: must be a table"),
    (f'[units."{33 * "u"}"]', f"units.{33 * 'u'}: a unit has a name of 1 to 32 printable characters"),
    (f"[{ICU}]\nname = 'ICU'", f"[{ICU}] name: is not known here"),
    (f"[{ICU}]\ncovers = 1", f"[{ICU}] covers: must be true or false"),
    ("[other.care_groups]\nA = ['1']", "[other] care_groups: is not known here"),
    (f"[{ICU}]\ncare_groups = 1", f"[{ICU}] care_groups: must be a table"),
    (
        f"[{ICU}.care_groups]\n" + "\n".join(f"g{place} = []" for place in range(33)),
        f"[{ICU}] care_groups: must be at most 32",
    ),
    (
        f"[{ICU}.care_groups]\n'' = []",
        f"[{ICU}.care_groups] : a care group has a name of 1 to 32 printable characters",
    ),
    (
        f"[{ICU}.care_groups]\n{33 * 'g'} = []",
        f"[{ICU}.care_groups] {33 * 'g'}: a care group has a name of 1 to 32 printable characters",
    ),
    (f"[{ICU}.care_groups]\nA = 'bed'", f"[{ICU}.care_groups] A: must be a list of at most 256"),
    (
        f"[{ICU}.care_groups]\nA = {257 * ['b']}",
        f"[{ICU}.care_groups] A: must be a list of at most 256",
    ),
    (
        f"[{ICU}.care_groups]\nA = ['{33 * 'b'}']",
        f"[{ICU}.care_groups] A: each must be 1 to 32 printable characters",
    ),
    (f"[{ICU}.presets.old]", f"[{ICU}.presets] old: is not known here"),
    (f"[{ICU}.presets]\nadult = 1", f"[{ICU}.presets] adult: must be a table"),
    (f"[{ICU}.presets.adult]\nlow = 1", f"[{ICU}.presets.adult] low: is not known here"),
    (
        f"[{ICU}.presets.adult]\nsignal_delay_s = 31",
        f"[{ICU}.presets.adult] signal_delay_s: 31 is not within 0 to 30",
    ),
    (
        f"[{ICU}.presets.adult]\nsignal_delay_s = nan",
        f"[{ICU}.presets.adult] signal_delay_s: nan is not within 0 to 30",
    ),
    (f"{HR}lower = 1", f"[{ICU}.presets.adult.limits.HR] lower: is not known here"),
    (f"{HR}low = '50'", f"[{ICU}.presets.adult.limits.HR] low: must be a number"),
    (f"{HR}low = true", f"[{ICU}.presets.adult.limits.HR] low: must be a number"),
    (f"{HR}low = 125", f"[{ICU}.presets.adult] limits.HR.low: 125 is not below high 120"),
    (
        f"{HR}extreme_low = 30",
        f"[{ICU}.presets.adult] limits.HR.extreme_low: 30 is beyond what is allowed here, 35 to 100",
    ),
    (f"{HR}delay_s = 31", f"[{ICU}.presets.adult] limits.HR.delay_s: 31 s is not within 0 to 30 s"),
    (f"{HR}high = inf", f"[{ICU}.presets.adult] limits.HR.high: inf is not below extreme_high 160"),
    (f"{HR}rate = 1", f"[{ICU}.presets.adult.limits.HR] rate: must be a table"),
    (
        f"{HR}rate = {{ change = 10 }}",
        f"[{ICU}.presets.adult.limits.HR.rate] window_s: say by how much, and within how many",
    ),
    (
        f"{HR}rate = {{ change = 10, window_s = 0 }}",
        f"[{ICU}.presets.adult] limits.HR.rate.window_s: 0 s is not within 1 to 300 s",
    ),
    (
        f"[{ICU}.presets.adult.limits.Sp02]\nlow = 88",
        f"[{ICU}.presets.adult] limits.Sp02: is no metric that this service knows",
    ),
    (
        f"[{ICU}.presets.adult.bounds.Sp02]",
        f"[{ICU}.presets.adult] bounds.Sp02: is no metric that this service knows",
    ),
    (
        f"[{ICU}.presets.adult.bounds.HR]\nlow = 35",
        f"[{ICU}.presets.adult.bounds.HR] low: must be two numbers, [lowest, highest]",
    ),
    (
        f"[{ICU}.presets.adult.bounds.HR]\nlow = [35, 'x']",
        f"[{ICU}.presets.adult.bounds.HR] low: must be two numbers, [lowest, highest]",
    ),
    (
        f"[{ICU}.presets.adult.bounds.HR]\nlow = [100, 35]",
        f"[{ICU}.presets.adult.bounds.HR] low: 100 is not below 35",
    ),
    (
        f"[{ICU}.presets.adult.bounds.HR]\nlow = [60, 100]",
        f"[{ICU}.presets.adult] limits.HR.extreme_low: 35 is beyond what is allowed here, 60 to 100",
    ),
    (f"[{ICU}]\nescalation = 10", f"[{ICU}] escalation: must be a list of at most 8 tables"),
    (f"[{ICU}]\nescalation = [10]", f"[{ICU}] escalation: must be a list of at most 8 tables"),
    (
        f"[{ICU}]\nescalation = [{{ viewers = [] }}]",
        f"[{ICU}.escalation[0]] after_s: say after how many seconds",
    ),
    (
        f"[{ICU}]\nescalation = [{{ after_s = 10 }}, {{ after_s = 10 }}]",
        f"[{ICU}.escalation[1]] after_s: 10 is not after the level before it",
    ),
    (
        f"[{ICU}]\nescalation = [{{ after_s = 601 }}]",
        f"[{ICU}.escalation[0]] after_s: 601 is not within 1 to 600",
    ),
    (
        f"[{ICU}]\nescalation = [{{ after_s = 10, viewers = 'me' }}]",
        f"[{ICU}.escalation[0]] viewers: must be a list of at most 64",
    ),
    (
        f"[{ICU}]\nescalation = [{{ after_s = 10, viewers = [''] }}]",
        f"[{ICU}.escalation[0]] viewers: each must be 1 to 64 printable characters",
    ),
    (
        f"[{ICU}]\nescalation = [{{ after_s = 10, who = 1 }}]",
        f"[{ICU}.escalation[0]] who: is not known here",
    ),
]  # fmt: skip


@pytest.mark.spec("LIMIT-18")
@pytest.mark.parametrize(("text", "says"), WRONG)
def test_what_is_wrong_is_said_with_file_table_and_field(file: Path, text: str, says: str) -> None:
    with pytest.raises(UnitsRefused) as refused:
        read(file, text)
    assert str(refused.value).startswith(f"{file}: {says}")
    assert "\n" not in str(refused.value)


@pytest.mark.spec("LIMIT-18")
def test_what_is_no_toml_is_refused(file: Path) -> None:
    for content in (b"[units", b"\xff", b"a = 1\na = 2", b"#" * 1_048_577):
        file.write_bytes(content)
        with pytest.raises(UnitsRefused) as refused:
            read_units(file)
        assert str(refused.value).startswith(str(file))
        assert "\n" not in str(refused.value)


# -- the webhook --------------------------------------------------------------------------


def webhook(**fields: str) -> str:
    standard = {"url": "https://pager.example.org/a?b=c", "secret_file": "icu.key"} | fields
    lines = [f'{key} = "{value}"' for key, value in standard.items()]
    return f"[{ICU}.webhook]\n" + "\n".join(lines)


@pytest.mark.spec("LIMIT-19")
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://pager.example.org/", "must be https://HOST/..."),
        ("https:///alarms", "must be https://HOST/..."),
        ("pager.example.org", "must be https://HOST/..."),
        ("https://[::1", "is no address"),
        ("https://host:99999/", "is no address"),
        ("https://me:secret@host/", "must have neither a user nor a fragment"),
        ("https://host/#here", "must have neither a user nor a fragment"),
        ("", "must be 1 to 2048 printable characters"),
    ],
)
def test_calls_go_by_https_only(file: Path, url: str, says: str) -> None:
    key_file(file.parent)
    with pytest.raises(UnitsRefused) as refused:
        read(file, webhook(url=url))
    assert str(refused.value) == f"{file}: [{ICU}.webhook] url: {says}"


@pytest.mark.spec("LIMIT-19")
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o601])
def test_a_secret_that_others_may_read_is_refused(file: Path, mode: int) -> None:
    key_file(file.parent, mode=mode)
    with pytest.raises(UnitsRefused, match=r"icu\.key is open to others: chmod 600 it"):
        read(file, webhook())


@pytest.mark.spec("LIMIT-19")
def test_a_secret_is_long_and_there(file: Path) -> None:
    with pytest.raises(UnitsRefused, match=r"secret_file: .*icu\.key cannot be read"):
        read(file, webhook())
    key_file(file.parent, b"s" * 31 + b"\n")
    with pytest.raises(UnitsRefused, match="must hold 32 to 4096 bytes") as refused:
        read(file, webhook())
    assert "sss" not in str(refused.value)
    key_file(file.parent, SECRET + b"\n")
    found = read(file, webhook()).of("ICU").webhook
    assert found is not None
    assert found.secret == SECRET
    assert "sss" not in repr(found)


@pytest.mark.spec("LIMIT-19")
def test_authorities_of_the_receiver_may_be_given(file: Path) -> None:
    key_file(file.parent)
    certs = file.parent / "certs"
    ensure_server(certs)
    found = read(file, webhook(ca_file="certs/server-trust.crt")).of("ICU").webhook
    assert found is not None
    assert found.ca_file == certs / "server-trust.crt"
    with pytest.raises(UnitsRefused, match=r"ca_file: .*No such file"):
        read(file, webhook(ca_file="none.pem"))
    with pytest.raises(UnitsRefused, match="holds no certificate"):
        read(file, webhook(ca_file="icu.key"))
