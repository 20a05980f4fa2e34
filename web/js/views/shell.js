/** What stands around every view: the header, the line about the stream, the notices. */

import { element, replace, svg } from "../helpers/element.js";
import { formatClock } from "../helpers/time.js";
import { settings } from "../models/settings.js";
import { TimeLabels } from "./time-label.js";

const NOTICE_MS = 8_000;
const NAVIGATION = [["triggers", "Triggers"], ["events", "Events"], ["settings", "Settings"]];

export class Shell {
  #stream;
  #labels = new TimeLabels();
  #links = NAVIGATION.map(([area, name]) => element("a", { href: `/${area}`, "data-area": area }, name));
  #live = element("span", { class: "live" });
  #zone = element("button", { type: "button", class: "plain", onclick: () => this.#turnZone() });
  #banner = element("p", { class: "banner", role: "status", hidden: true });
  #main = element("main", { id: "main" });
  #notices = element("div", { class: "notices", role: "status", "aria-live": "polite" });

  /** @param {import("../models/stream.js").EventStream} stream */
  constructor(stream) {
    this.#stream = stream;
    this.root = element("div", { class: "shell" },
      element("a", { class: "skip", href: "#main", "data-outside": true }, "Skip to the content"),
      element("header", { class: "top" },
        element("a", { class: "brand", href: "/triggers", "aria-label": "Event triggers, to the list" }, mark(), element("span", {}, "Event triggers")),
        element("nav", { "aria-label": "Views" }, this.#links),
        this.#live, this.#zone),
      this.#banner, this.#main, this.#notices);
  }

  connect() {
    this.#labels.connect();
    this.#stream.addEventListener("state", this.#tellState);
    settings.addEventListener("change", this.#tellZone);
    this.#tellState();
    this.#tellZone();
  }

  disconnect() {
    this.#labels.disconnect();
    this.#stream.removeEventListener("state", this.#tellState);
    settings.removeEventListener("change", this.#tellZone);
  }

  /** @param {{root: Element, title: string, focus?: () => void}} view @param {string} area @param {boolean} quietly */
  show(view, area, quietly) {
    replace(this.#main, view.root);
    document.title = view.title === "Triggers" ? "Event triggers" : `${view.title} · Event triggers`;
    for (const link of this.#links) {
      if (link.dataset.area === area) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (view.focus) view.focus();
    else if (!quietly) /** @type {HTMLElement | null} */ (view.root.querySelector("h1"))?.focus({ preventScroll: true });
  }

  /** Says what came of an action; gone after a while. @param {import("../helpers/element.js").Child} content @param {boolean} [failed] */
  notify(content, failed = false) {
    const notice = element("div", { class: failed ? "notice notice-fail" : "notice" }, element("p", {}, content),
      element("button", { type: "button", class: "plain", "aria-label": "Dismiss", onclick: () => notice.remove() }, "×"));
    replace(this.#notices, notice);
    setTimeout(() => notice.remove(), NOTICE_MS);
  }

  #tellState = () => {
    const { state, heardAt } = this.#stream;
    replace(this.#live, element("span", { class: `dot dot-${state}`, "aria-hidden": "true" }), element("span", {}, state === "live" ? "Live" : "Connecting"));
    this.#banner.hidden = state !== "lost";
    replace(this.#banner, state === "lost" && `${heardAt ? `Last updated ${formatClock(heardAt, settings.zone)}` : "No connection to the engine"} · reconnecting`);
  };

  #tellZone = () => {
    replace(this.#zone, settings.zone);
    this.#zone.setAttribute("aria-label", `Times are in ${settings.zone}. Change to ${settings.zoneChoice === "utc" ? "mine" : "UTC"}`);
  };

  #turnZone() {
    settings.set("zone", settings.zoneChoice === "utc" ? "mine" : "utc");
  }
}

function mark() {
  return svg("svg", { viewBox: "0 0 32 32", class: "mark", "aria-hidden": "true" },
    svg("circle", { cx: 16, cy: 16, r: 12, fill: "none", stroke: "currentColor", "stroke-width": 3 }),
    svg("path", { d: "M16 9v7l5 3", fill: "none", stroke: "currentColor", "stroke-width": 3, "stroke-linecap": "round", "stroke-linejoin": "round" }),
    svg("circle", { cx: 27, cy: 5, r: 4, fill: "currentColor" }));
}
