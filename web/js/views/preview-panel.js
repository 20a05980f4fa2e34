/** Beside the form: what the engine makes of the schedule. */

import { element, replace } from "../helpers/element.js";
import { formatInstant, formatRelative } from "../helpers/time.js";
import { relativeLabel } from "./time-label.js";

export class PreviewPanel {
  #model;
  #content = element("div", { "aria-live": "polite" });
  root = element("section", { class: "panel", "aria-label": "Preview" }, element("h3", {}, "It will fire"), this.#content);

  /** @param {import("../models/preview.js").SchedulePreview} model */
  constructor(model) {
    this.#model = model;
  }

  connect() {
    this.#model.addEventListener("change", this.#draw);
  }

  disconnect() {
    this.#model.removeEventListener("change", this.#draw);
  }

  #draw = () => {
    const { preview, problem, stale } = this.#model;
    this.root.classList.toggle("stale", stale);
    if (stale && !preview && !problem) return;
    if (preview) replace(this.#content, previewNodes(preview));
    else if (problem) replace(this.#content, element("p", { class: "quiet" }, problem.errors.length > 0 ? "Not yet: see the field." : problem.message));
    else replace(this.#content, element("p", { class: "quiet" }, "When it is called. It has no schedule."));
  };
}

/** @param {import("../types.js").Preview} preview */
function previewNodes({ sentence, fires, warnings }) {
  return [
    element("p", { class: "big" }, sentence),
    warnings.map((warning) => element("p", { class: "warning" }, warning)),
    fires.length > 0 && fireTable(fires),
  ];
}

/**
 * The coming fires: wall clock in the schedule's zone, UTC, and from now.
 * @param {import("../types.js").Fire[]} fires
 */
export function fireTable(fires) {
  return element("table", { class: "fires" },
    element("thead", {}, element("tr", {}, ["In its zone", "UTC", "From now"].map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, fires.map(({ at, local, notes }) => element("tr", { title: `${at} · ${formatRelative(at)}` },
      element("td", {}, wallClock(local), (notes ?? []).map((note) => element("span", { class: "second" }, note))),
      element("td", { class: "quiet" }, formatInstant(at, "UTC").replace(/^\S+ /u, "")),
      element("td", {}, relativeLabel(at))))));
}

/** "Mon 23 Nov 02:30:00 +01:00" from "2026-11-23T02:30:00+01:00", which already is the zone's wall clock. @param {string} local */
function wallClock(local) {
  const [, wall, offset] = local.match(/^(.*?)(Z|[+-]\d\d:\d\d)$/u) ?? ["", local, ""];
  return [formatInstant(`${wall}Z`, "UTC"), element("span", { class: "quiet" }, ` ${offset === "Z" ? "+00:00" : offset}`)];
}
