/** One trigger in the list. */

import { element } from "../helpers/element.js";
import { scheduleWords } from "../helpers/schedule-words.js";
import { stateLabel } from "./sign.js";
import { bothLabels } from "./time-label.js";

/**
 * @param {import("../types.js").Trigger} trigger
 * @param {HTMLElement[]} buttons
 * @returns {HTMLTableRowElement}
 */
export function triggerRow(trigger, buttons) {
  const { id, name, schedule, state, state_reason: reason, target, next_fire_at: next, last_fired_at: last } = trigger;
  const cell = (/** @type {string} */ label, /** @type {any} */ ...content) => element("td", { role: "cell", "data-label": label }, content);
  return element("tr", { role: "row", "data-id": id },
    cell("State", element("span", { title: reason }, stateLabel(state))),
    element("th", { role: "rowheader", scope: "row" },
      element("a", { class: "first strong", href: `/triggers/${id}` }, name),
      element("span", { class: "second mono" }, target ? `${target.method} ${target.url}` : "recorded only")),
    cell("Schedule",
      element("span", { class: "first sentence" }, scheduleWords(trigger)),
      element("span", { class: "second" }, schedule ? [schedule.timezone, schedule.kind === "cron" && [" · ", element("code", {}, schedule.expression)]] : "no schedule")),
    cell("Next fire", bothLabels(next)),
    cell("Last fired", bothLabels(last, "never")),
    element("td", { role: "cell", class: "buttons" }, buttons));
}
