/** Instants on the page, in the chosen zone. Relative ones are kept true by `TimeLabels`. */

import { element } from "../helpers/element.js";
import { formatInstant, formatRelative } from "../helpers/time.js";
import { settings } from "../models/settings.js";

const EVERY_MS = 1_000;

/** @param {string | null | undefined} instant @param {string} [none] what stands there without one */
export function instantLabel(instant, none = "–") {
  if (!instant) return element("span", { class: "quiet" }, none);
  return element("time", { datetime: instant, title: instant }, formatInstant(instant, settings.zone));
}

/** @param {string | null | undefined} instant @param {string} [none] */
export function relativeLabel(instant, none = "–") {
  if (!instant) return element("span", { class: "quiet" }, none);
  return element("time", { datetime: instant, title: `${formatInstant(instant, settings.zone)} · ${instant}`, "data-relative": true }, formatRelative(instant));
}

/** The relative one above the absolute one. @param {string | null | undefined} instant @param {string} [none] */
export function bothLabels(instant, none = "–") {
  if (!instant) return element("span", { class: "quiet" }, none);
  return [element("span", { class: "first" }, relativeLabel(instant)), element("span", { class: "second" }, instantLabel(instant))];
}

/** Rewrites every relative label on the page once a second. */
export class TimeLabels {
  /** @type {number | undefined} */
  #timer;

  connect() {
    this.#timer = setInterval(() => {
      for (const label of document.querySelectorAll("time[data-relative]")) {
        const text = formatRelative(/** @type {HTMLTimeElement} */ (label).dateTime);
        if (label.textContent !== text) label.textContent = text;
      }
    }, EVERY_MS);
  }

  disconnect() {
    clearInterval(this.#timer);
  }
}
