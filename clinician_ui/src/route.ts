// Where a person is in the station, as the fragment of the address: it never reaches the server,
// and the back button goes where a person came from.

export type Route =
  | { readonly page: "ward" }
  | {
      readonly page: "bed";
      readonly bed: string;
      /** The alarm whose strip is to be seen. */
      readonly occurrence?: number;
    }
  | { readonly page: "alarms" }
  | { readonly page: "burden" };

export const WARD: Route = { page: "ward" };

/** The route of a fragment such as "#/bed/ICU-1?alarm=17"; what is none is the ward. */
export function routeOf(fragment: string): Route {
  const [path = "", query] = fragment.replace(/^#/, "").split("?");
  const [, page, ...rest] = path.split("/");
  if (page === "alarms" || page === "burden") return { page };
  const bed = page === "bed" ? decoded(rest.join("/")) : "";
  if (bed === "") return WARD;
  const occurrence = Number(/^alarm=(\d{1,15})$/.exec(query ?? "")?.[1] ?? NaN);
  return Number.isNaN(occurrence) ? { page: "bed", bed } : { page: "bed", bed, occurrence };
}

/** The fragment of a route. */
export function fragmentOf(route: Route): string {
  switch (route.page) {
    case "ward":
      return "#/";
    case "bed":
      return `#/bed/${encodeURIComponent(route.bed)}${alarmOf(route.occurrence)}`;
    default:
      return `#/${route.page}`;
  }
}

const alarmOf = (occurrence: number | undefined): string =>
  occurrence === undefined ? "" : `?alarm=${occurrence}`;

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // Typed by hand, and no name of a bed.
    return "";
  }
}
