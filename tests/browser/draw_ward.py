"""Takes the picture of the central station, docs/pictures/ward.png: `make pictures`.

It is the page of a real server in chromium, with simulated beds, half a minute into the demo.
"""

import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import grpc.aio
from playwright.sync_api import Page, sync_playwright

from rpm_service.commands.calling import call
from rpm_service.v1 import early_warning_pb2, monitoring_pb2, patient_pb2
from rpm_service.v1.early_warning_pb2_grpc import EarlyWarningServiceStub
from rpm_service.v1.patient_pb2_grpc import PatientServiceStub
from tests.support.process import ROOT, rpm_service

PICTURE: Final = ROOT / "docs" / "pictures" / "ward.png"
ADMITTED: Final = tuple(f"bed-{number:02}" for number in range(1, 9))
INCOMPLETE: Final = "bed-05"
"""Nobody enters there what the score needs and no device measures."""
ALARMS_IN_S: Final = 34.0
"""So long after its beginning the demo has had an alarm of every kind."""


def main() -> None:
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        certs = Path(folder) / "certs"
        kept = ("--data", f"{folder}/data", "--certs", certs)
        with rpm_service("demo", *kept, "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0") as demo:
            said = {what: demo.wait_for(what).split()[-1] for what in ("8 beds", "sign in")}
            call(said["8 beds"], certs, "viewer", admit)
            take(said["sign in"], began + ALARMS_IN_S)


async def admit(channel: grpc.aio.Channel) -> None:
    patients, scores = PatientServiceStub(channel), EarlyWarningServiceStub(channel)
    for place, bed in enumerate(ADMITTED):
        await patients.AdmitPatient(
            patient_pb2.AdmitPatientRequest(
                bed=bed,
                unit="ICU East",
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


def take(link: str, at: float) -> None:
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(ignore_https_errors=True, viewport={"width": 1920, "height": 1080})
        page.goto(link)
        page.get_by_role("button", name="Turn sound on").click()
        page.get_by_role("button", name="I heard all three").click()
        page.wait_for_timeout(1000 * max(0.0, at - time.monotonic()))
        pause_sound(page, "bed-03")
        page.get_by_role("button", name="I am going").first.click()
        page.mouse.move(0, 0)
        page.wait_for_timeout(1500)
        page.screenshot(path=PICTURE)
        browser.close()


def pause_sound(page: Page, bed: str) -> None:
    page.get_by_role("button", name=bed, exact=True).click()
    page.get_by_role("region", name=f"Bed {bed}").get_by_role("button", name="Hold back").click()
    page.keyboard.press("Escape")


if __name__ == "__main__":
    main()
