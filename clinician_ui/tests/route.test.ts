import { describe, expect, it } from "vitest";

import { fragmentOf, type Route, routeOf, WARD } from "../src/route";

const ROUTES: Route[] = [
  WARD,
  { page: "bed", bed: "ICU-1" },
  { page: "bed", bed: "gateway/monitor 7 %" },
  { page: "bed", bed: "ICU 1?", occurrence: 17 },
  { page: "alarms" },
  { page: "burden" },
];

describe("a route", () => {
  it.each(ROUTES)("comes back from its fragment: %j", (route) => {
    expect(routeOf(fragmentOf(route))).toEqual(route);
  });

  it.each(["", "#", "#/", "#/nowhere", "#/bed", "#/bed/", "#/bed/%E0%A4%A"])(
    "is the ward where the fragment names none: %s",
    (fragment) => {
      expect(routeOf(fragment)).toEqual(WARD);
    },
  );
});
