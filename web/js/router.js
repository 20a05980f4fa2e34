/**
 * Goes from view to view through the History API. A view has `root`, `title`, `connect()` (may be async: until then the
 * place on the page is not restored), `disconnect()`; if it can follow a change of the query itself, `follow(url)`; if it is a form, `holdsInput`.
 */

import { routeOf } from "./routes.js";

export class Router {
  /** @type {any} */
  #view = null;
  #path = "";
  #turn = 0;
  #context;
  #show;

  /**
   * @param {Record<string, any>} context handed to every view, with this router added
   * @param {(view: any, area: string, first: boolean) => void} show puts the view on the page
   */
  constructor(context, show) {
    this.#context = { ...context, router: this };
    this.#show = show;
  }

  connect() {
    history.scrollRestoration = "manual";
    window.addEventListener("popstate", this.#popped);
    document.addEventListener("click", this.#clicked);
    return this.#open(true);
  }

  disconnect() {
    window.removeEventListener("popstate", this.#popped);
    document.removeEventListener("click", this.#clicked);
    this.#view?.disconnect();
  }

  /** @param {string} to path and query @param {{replace?: boolean}} [options] */
  go(to, { replace = false } = {}) {
    history.replaceState({ ...history.state, scrollY }, "");
    history[replace ? "replaceState" : "pushState"]({ scrollY: replace ? scrollY : 0 }, "", to);
    const url = new URL(location.href);
    if (replace && url.pathname === this.#path && this.#view?.follow) return void this.#view.follow(url);
    return void this.#open(false);
  }

  /** Draws the current view anew, as after a change of zone, unless that would lose what was typed. */
  refresh() {
    if (this.#view?.holdsInput) return;
    history.replaceState({ ...history.state, scrollY }, "");
    this.#open(true);
  }

  /** @param {boolean} quietly keep the focus where it is */
  async #open(quietly) {
    const turn = ++this.#turn;
    const url = new URL(location.href);
    const scrollTo = history.state?.scrollY ?? 0;
    const { route, id } = routeOf(url.pathname);
    const { View } = await route.load();
    if (turn !== this.#turn) return;
    this.#view?.disconnect();
    this.#path = url.pathname;
    const view = this.#view = new View({ ...this.#context, url, id });
    const ready = view.connect();
    this.#show(view, route.area, quietly);
    await ready;
    if (turn === this.#turn) window.scrollTo(0, scrollTo);
  }

  #popped = () => this.#open(false);

  #clicked = (/** @type {MouseEvent} */ event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[href]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.hasAttribute("data-outside")) return;
    const url = new URL(/** @type {HTMLAnchorElement} */ (link).href);
    if (url.origin !== location.origin) return;
    event.preventDefault();
    this.go(url.pathname + url.search);
  };
}
