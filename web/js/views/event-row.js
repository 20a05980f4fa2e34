/** One event in a list. */

import { element } from "../helpers/element.js";
import { formatMilliseconds } from "../helpers/time.js";
import { stateLabel } from "./sign.js";
import { bothLabels } from "./time-label.js";

/**
 * @param {import("../types.js").TriggerEvent} event
 * @param {boolean} named whether rows of several triggers stand together
 * @returns {HTMLTableRowElement}
 */
export function eventRow({ id, status, trigger_name: name, details, kind, scheduled_for: due, lateness_ms: late, attempts_made: attempts, archived }, named) {
  const cell = (/** @type {string} */ label, /** @type {string} */ style, /** @type {any} */ ...content) => element("td", { role: "cell", "data-label": label, class: style }, content);
  return element("tr", { role: "row", "data-id": id },
    cell("Status", "", stateLabel(status)),
    element("th", { role: "rowheader", scope: "row" },
      element("a", { class: "first strong", href: `/events/${id}`, "aria-label": `${name}, event ${id}` }, named ? name : `Event ${id}`),
      element("span", { class: "second" }, details)),
    cell("Kind", "", kind, archived && element("span", { class: "second" }, "archived")),
    cell("Scheduled for", "", bothLabels(due)),
    cell("Late", "number", formatMilliseconds(late)),
    cell("Attempts", "number", attempts));
}
