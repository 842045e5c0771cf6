import { linkOf, readView, type View } from "../view.ts";

/** Follows the page's own links and forms without a load; `look` is told what is wanted. */
export function followLinks(root: HTMLElement, look: (view: View) => void): void {
  const lookAt = (query: string) => look(readView(new URLSearchParams(query)));
  root.addEventListener("click", (event) => {
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    const link = (event.target as Element).closest("a");
    const href = link?.getAttribute("href") ?? "";
    if (!isPlain || link === null || !href.startsWith("?")) return;
    event.preventDefault();
    history.pushState(null, "", link.href.replace(/#.*/, ""));
    lookAt(link.search);
    if (link.rel !== "") document.getElementById("families")?.scrollIntoView();
  });
  root.addEventListener("input", (event) => {
    const form = (event.target as HTMLInputElement).form;
    if (form !== null) replace(form);
  });
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    replace(event.target as HTMLFormElement);
  });
  addEventListener("popstate", () => lookAt(location.search));

  /** Each letter is no page of its own to go back to. */
  function replace(form: HTMLFormElement): void {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form))
      if (value !== "") query.set(name, String(value));
    const view = readView(query);
    history.replaceState(null, "", linkOf(view));
    look(view);
  }
}
