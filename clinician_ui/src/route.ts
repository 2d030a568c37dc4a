// Where a person is in the station, as the fragment of the address: it never reaches the server,
// and the back button goes where a person came from.

export type Route =
  | { readonly page: "ward" }
  | { readonly page: "bed"; readonly bed: string }
  | { readonly page: "alarms" }
  | { readonly page: "burden" };

export const WARD: Route = { page: "ward" };

/** The route of a fragment such as "#/bed/ICU-1"; what is none is the ward. */
export function routeOf(fragment: string): Route {
  const [, page, ...rest] = fragment.replace(/^#/, "").split("/");
  if (page === "alarms" || page === "burden") return { page };
  const bed = page === "bed" ? decoded(rest.join("/")) : "";
  return bed === "" ? WARD : { page: "bed", bed };
}

/** The fragment of a route. */
export function fragmentOf(route: Route): string {
  switch (route.page) {
    case "ward":
      return "#/";
    case "bed":
      return `#/bed/${encodeURIComponent(route.bed)}`;
    default:
      return `#/${route.page}`;
  }
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // Typed by hand, and no name of a bed.
    return "";
  }
}
