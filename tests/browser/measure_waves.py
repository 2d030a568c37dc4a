"""How much of a computer the ward takes: `python -m tests.browser.measure_waves --seconds 600`.

The built page in chromium without a graphics card, on the made-up ward, whose frames are encoded
and decoded as the server's are; what the ward costs is measured with it.
"""

import argparse
import json
import shutil
import subprocess
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import fmean, linear_regression, quantiles
from tempfile import TemporaryDirectory
from typing import Final

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.support.process import ROOT

SETTLE_S: Final = 15.0
"""What a page does only once is over, and every ring of samples is full, after so long."""
STEP_S: Final = 10.0

TIMES: Final = """
(() => {
  const frames = [];
  let drew = false;
  let newest = NaN;
  const stroke = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function () {
    drew = true;
    return stroke.call(this);
  };
  const ask = window.requestAnimationFrame;
  window.requestAnimationFrame = (draw) =>
    ask((at) => {
      drew = false;
      const began = performance.now();
      draw(at);
      if (!drew) return;
      const ms = performance.now() - began;
      if (at === newest) frames[frames.length - 1] += ms;
      else frames.push(ms);
      newest = at;
    });
  window.takeFrames = () => frames.splice(0);
})();
"""
"""Times each frame of the browser in which a waveform was drawn, over all that asked for it."""


class Silent(SimpleHTTPRequestHandler):
    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--beds", type=int, default=64)
    asked.add_argument("--waves", type=int, default=2)
    asked.add_argument("--hz", type=float, default=250.0)
    asked.add_argument("--size", default="3840x2160", help="of the page: 3840x2160")
    asked.add_argument("--scenario", choices=("calm", "alarming"), default="calm")
    args = asked.parse_args()
    with TemporaryDirectory() as folder:
        build(Path(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            ward = f"beds={args.beds}&scenario={args.scenario}&waves={args.waves}&hz={args.hz}"
            address = f"http://127.0.0.1:{server.server_port}/mock.html?{ward}"
            print(json.dumps({"ward": ward, "size": args.size, **measure(address, args)}, indent=1))
        finally:
            server.shutdown()


def build(folder: Path) -> None:
    """The page on the made-up ward, built as the page on the server is."""
    config = ROOT / "clinician_ui" / "dev" / "vite.config.ts"
    command = ("npx", "vite", "build", "--config", config, "--outDir", folder, "--logLevel", "warn")
    subprocess.run(command, cwd=ROOT / "clinician_ui", check=True)


def measure(address: str, args: argparse.Namespace) -> dict[str, float]:
    width, height = map(int, args.size.split("x"))
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.add_init_script(TIMES)
        page.goto(address)
        page.locator(".tile").nth(args.beds - 1).wait_for()
        page.wait_for_timeout(1000 * SETTLE_S)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        try:
            return watch(browser, page, devtools, args.seconds)
        finally:
            browser.close()


def watch(browser: Browser, page: Page, devtools: CDPSession, seconds: float) -> dict[str, float]:
    page.evaluate("takeFrames()")
    frames: list[float] = []
    heap: list[tuple[float, float]] = []
    least = float("inf")
    whole = browser.new_browser_cdp_session()
    began, spent, spent_whole = time.monotonic(), busy(devtools), processes(whole)
    while (passed := time.monotonic() - began) < seconds:
        devtools.send("HeapProfiler.collectGarbage")
        used = devtools.send("Runtime.getHeapUsage")["usedSize"]
        heap.append((passed / 60, used / 1024))
        step = time.monotonic()
        page.wait_for_timeout(1000 * STEP_S)
        drawn: list[float] = page.evaluate("takeFrames()")
        least = min(least, len(drawn) / (time.monotonic() - step))
        frames += drawn
    passed = time.monotonic() - began
    tasks = {name: (now - spent[name]) / passed for name, now in busy(devtools).items()}
    browser_s = (processes(whole) - spent_whole) / passed
    slope = linear_regression(*zip(*heap, strict=True)).slope if len(heap) > 2 else 0.0
    figures = {
        "seconds": passed,
        "frames_per_s": len(frames) / passed,
        "frames_per_s_least_of_10_s": least,
        # Where tiles have no room for waveforms there are no frames.
        "frame_ms_mean": fmean(frames or [0.0]),
        "frame_ms_95_percent": quantiles(frames, n=20)[-1] if len(frames) > 1 else 0.0,
        "heap_MB": heap[-1][1] / 1024,
        "heap_KB_per_minute": slope,
        "cpu_browser_s_per_s": browser_s,
        **{f"cpu_page_{name}_s_per_s": value for name, value in tasks.items()},
    }
    return {name: round(value, 3) for name, value in figures.items()}


def busy(devtools: CDPSession) -> dict[str, float]:
    """Processor seconds of the page's thread, whatever else runs on the machine, by what for."""
    names = {
        "TaskDuration": "all",
        "ScriptDuration": "script",
        "LayoutDuration": "layout",
        "RecalcStyleDuration": "style",
    }
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return {names[each["name"]]: each["value"] for each in metrics if each["name"] in names}


def processes(browser: CDPSession) -> float:
    """Processor seconds of all processes of the browser, which draw the page too."""
    told = browser.send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(float(each["cpuTime"]) for each in told)


if __name__ == "__main__":
    main()
