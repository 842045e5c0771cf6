import { renderToString } from "preact-render-to-string";
import { titleOf } from "./document-title.ts";
import type { Facts } from "./facts.ts";
import { Page, shownState } from "./page.tsx";
import type { View } from "./view.ts";

/** Where in the page's HTML what is written. */
const PLACES = { title: "<!--title-->", page: "<!--page-->", facts: '"facts"' };

/**
 * Writes the page as it is now into its HTML file: for those without JavaScript the whole of it, and the
 * facts once more as JSON, from which the browser goes on.
 */
export function renderDocument(shell: string, facts: Facts, view: View): string {
  const connection = { kind: "still" } as const;
  const title = titleOf(shownState({ facts, connection }).title, facts.status.gatewayId);
  const html: Record<string, string> = {
    [PLACES.title]: Bun.escapeHTML(title),
    [PLACES.page]: renderToString(<Page facts={facts} view={view} connection={connection} />),
    // A `<` would let a name that has `</script>` in it end the element.
    [PLACES.facts]: JSON.stringify(facts).replaceAll("<", "\\u003c"),
  };
  return shell.replace(
    /<!--(?:title|page)-->|(?<=>)"facts"(?=<)/g,
    (place) => html[place] ?? place,
  );
}
