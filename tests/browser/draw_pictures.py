"""Takes the pictures of the central station in docs/pictures: `make pictures`.

They are pages of real servers in chromium, with simulated beds: calm ones once no alarm is left of
their start, the others half a minute into their stories.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import grpc.aio
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from rpm_service.adapters.pki.credentials import ensure_server
from rpm_service.commands.calling import call
from rpm_service.v1 import early_warning_pb2, monitoring_pb2, patient_pb2
from rpm_service.v1.early_warning_pb2_grpc import EarlyWarningServiceStub
from rpm_service.v1.patient_pb2_grpc import PatientServiceStub
from tests.support.process import ROOT, Process, free_port, rpm_service

PICTURES: Final = ROOT / "docs" / "pictures"
UNITS: Final = ("ICU East", "ICU West")
UNIT_BEDS: Final = 32
INCOMPLETE: Final = "bed-05"
"""Nobody enters there what the score needs and no device measures."""
CALM_S_MAX: Final = 180.0
"""A machine that starts everything at once is slow, and the server says so for a minute."""
ALARMS: Final = (".tile.high", '.tile[data-bed="bed-02"].medium')
"""With these the demo has had an alarm of every kind."""
SETTLE_S: Final = 13.0
"""By then the last hour is read with them."""
EVIDENCE_IN_S: Final = 25.0
"""What was measured around an alarm is kept by then."""
SIZE: Final = {"width": 1920, "height": 1080}
COLOURS: Final = 256
"""Of a picture: a page has few, and a file of them is a third as large. Those of alarms are true."""


class Demo(NamedTuple):
    process: Process
    link: str
    data: str


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with calm(16) as ward:
            take_calm(browser, ward, "ward-16-calm")
        with demo(16) as ward:
            take_all(browser, ward)
        with calm(64) as ward:
            take_calm(browser, ward, "ward-64-calm")
        with demo(64) as ward:
            take_ward(browser, ward, "ward-64", ALARMS)
        with calm(1) as ward:
            take_calm(browser, ward, "ward-1-calm", theme="light")
        with simulated(1, "desaturation") as ward:
            take_ward(browser, ward, "ward-1", (".tile.medium",), theme="light")
        browser.close()


@contextmanager
def demo(beds: int) -> Iterator[Demo]:
    with TemporaryDirectory() as folder:
        certs = Path(folder) / "certs"
        kept = ("--data", f"{folder}/data", "--certs", certs, "--beds", beds)
        places = ("--listen", "127.0.0.1:0", "--web", "127.0.0.1:0")
        with rpm_service("demo", *kept, *places) as process:
            said = {what: process.wait_for(what).split()[-1] for what in (f"{beds} bed", "sign in")}
            admit_all(said[f"{beds} bed"], certs, beds)
            yield Demo(process, said["sign in"], f"{folder}/data")


@contextmanager
def simulated(beds: int, scenario: str) -> Iterator[Demo]:
    with TemporaryDirectory() as folder:
        certs, target = Path(folder) / "certs", f"127.0.0.1:{free_port()}"
        ensure_server(certs)
        kept = ("--data", f"{folder}/data", "--certs", certs)
        with rpm_service("serve", *kept, "--listen", target, "--web", "127.0.0.1:0") as server:
            link = server.wait_for("sign in").split()[-1]
            story = ("--server", target, "--certs", certs, "--scenario", scenario, "--json")
            with rpm_service("simulate", *story, "--beds", beds):
                if beds > 1:
                    admit_all(target, certs, beds)
                yield Demo(server, link, f"{folder}/data")


def calm(beds: int) -> AbstractContextManager[Demo]:
    return simulated(beds, "normal")


def take_calm(browser: Browser, ward: Demo, name: str, theme: str = "dark") -> None:
    page = opened(browser, ward, theme)
    page.locator(".alarms .none").wait_for(timeout=1000 * CALM_S_MAX)
    page.wait_for_timeout(1000)
    take(page, name)
    page.close()


def take_ward(
    browser: Browser, ward: Demo, name: str, alarms: tuple[str, ...], theme: str = "dark"
) -> None:
    page = opened(browser, ward, theme)
    wait_for_all(page, alarms)
    take(page, name)
    page.close()


def opened(browser: Browser, ward: Demo, theme: str = "dark") -> Page:
    page = browser.new_page(ignore_https_errors=True, viewport=SIZE, color_scheme=theme)
    page.goto(ward.link)
    page.get_by_role("button", name="Turn sound on").click()
    page.get_by_role("button", name="I heard all three").click()
    # Until the server has heard that this page can call somebody.
    page.locator(".tile .uncovered").first.wait_for(state="detached")
    return page


def take_all(browser: Browser, ward: Demo) -> None:
    page = opened(browser, ward)
    wait_for_all(page, ALARMS)
    page.get_by_role("button", name="I am going").first.click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    take(page, "ward-16")
    for name, drawn in (("alarms", ".log tbody tr"), ("burden", "svg.picture")):
        page.evaluate(f"location.hash = '#/{name}'")
        page.locator(drawn).first.wait_for()
        page.wait_for_timeout(1000)
        take(page, name)
    page.wait_for_timeout(1000 * EVIDENCE_IN_S)
    page.evaluate("location.hash = '#/bed/bed-02'")
    page.get_by_role("tab", name="Alarms").click()
    page.get_by_role("button", name="Evidence SpO₂ low").last.click()
    strip, again = page.get_by_role("figure"), page.get_by_role("button", name="Read again")
    strip.or_(again).first.wait_for()
    if again.is_visible():
        # On a busy machine it may be kept some seconds later.
        page.wait_for_timeout(10_000)
        again.click()
    strip.wait_for()
    page.wait_for_timeout(2000)
    take(page, "bed")
    page.get_by_role("tab", name="Trends").click()
    page.locator(".u-over").first.wait_for()
    page.wait_for_timeout(2000)
    take(page, "trends")
    page.evaluate("location.hash = '#/'")
    page.wait_for_timeout(1000)
    os.kill(ward.process.pid, signal.SIGSTOP)
    page.get_by_text("NOT MONITORING").first.wait_for()
    page.wait_for_timeout(1000)
    take(page, "not-monitoring")
    os.kill(ward.process.pid, signal.SIGCONT)
    account = [sys.executable, "-m", "rpm_service", "users", "add", "nurse", "--data", ward.data]
    subprocess.run(account, input=f"{secrets.token_urlsafe()}\n", text=True, check=True)
    stranger = browser.new_page(ignore_https_errors=True, viewport=SIZE, color_scheme="dark")
    page.wait_for_timeout(2000)
    stranger.goto(ward.link.partition("?")[0])
    stranger.locator("input[type=password]").wait_for()
    take(stranger, "sign-in")


def wait_for_all(page: Page, alarms: tuple[str, ...]) -> None:
    for alarm in alarms:
        page.locator(alarm).first.wait_for(timeout=120_000)
    page.wait_for_timeout(1000 * SETTLE_S)


def take(page: Page, name: str) -> None:
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(PICTURES / f"{name}.png", optimize=True)


def admit_all(target: str, certs: Path, beds: int) -> None:
    # Playwright's own event loop runs in this thread.
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(call, target, certs, "viewer", partial(admit, beds)).result()


async def admit(beds: int, channel: grpc.aio.Channel) -> None:
    patients, scores = PatientServiceStub(channel), EarlyWarningServiceStub(channel)
    for place in range(beds):
        bed = f"bed-{place + 1:02}"
        await patients.AdmitPatient(
            patient_pb2.AdmitPatientRequest(
                bed=bed,
                unit=UNITS[place // UNIT_BEDS],
                patient_id=f"P{place}",
                age_class=monitoring_pb2.AGE_CLASS_ADULT,
            )
        )
        await patients.AssociateDevice(patient_pb2.AssociateDeviceRequest(device_id=bed, bed=bed))
        if bed != INCOMPLETE:
            await scores.RecordAssessment(
                early_warning_pb2.RecordAssessmentRequest(
                    bed=bed,
                    inspired_gas=early_warning_pb2.INSPIRED_GAS_AIR,
                    consciousness=early_warning_pb2.CONSCIOUSNESS_ALERT,
                    idempotency_key=bed,
                )
            )


if __name__ == "__main__":
    main()
