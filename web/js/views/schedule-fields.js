/** The part of the form that says when. One way of saying it is shown at a time. */

import { element } from "../helpers/element.js";
import { zones } from "../helpers/time.js";
import { labelled } from "./field.js";
import { input, segments, select } from "./inputs.js";

const KINDS = [["words", "In words"], ["at", "Once"], ["interval", "Interval"], ["cron", "Cron"]];
const UNITS = [["1", "seconds"], ["60", "minutes"], ["3600", "hours"], ["86400", "days"]];
const EXAMPLES = ["in 10s", "every 5m", "@daily", "0 9 * * MON-FRI"];

/**
 * @param {import("../models/draft.js").Fields} fields
 * @returns {{root: HTMLElement, show: (kind: string) => void}}
 */
export function scheduleFields(fields) {
  const words = input("words", fields.words, { spellcheck: "false", class: "mono" });
  const example = (/** @type {string} */ text) => element("button", {
    type: "button", class: "chip mono", onclick: () => {
      words.value = text;
      words.dispatchEvent(new Event("input", { bubbles: true }));
    },
  }, text);
  const zone = labelled("timezone schedule.timezone", "Time zone", input("timezone", fields.timezone, { list: "zones", spellcheck: "false" }));
  const ways = /** @type {Record<string, HTMLElement>} */ ({
    words: labelled("schedule", "When", words, element("span", { class: "chips" }, EXAMPLES.map(example))),
    at: labelled("schedule.at", "Date and time", input("at", fields.at, { type: "datetime-local", step: 1 })),
    interval: labelled("schedule.every_s", "Every", [
      input("every", fields.every, { type: "number", min: 0, step: "any", inputmode: "decimal" }),
      select("everyUnit", fields.everyUnit, UNITS, { "aria-label": "Unit" })]),
    cron: labelled("schedule.expression", "Cron expression", input("cron", fields.cron, { spellcheck: "false", class: "mono" }),
      "minute hour day month weekday; with seconds first if there are six"),
  });
  const root = element("div", { class: "group" }, segments("kind", "Schedule", fields.kind, KINDS), Object.values(ways), zone,
    element("datalist", { id: "zones" }, zones().map((name) => element("option", { value: name }))));
  return {
    root,
    show(kind) {
      for (const [name, way] of Object.entries(ways)) way.hidden = name !== kind;
    },
  };
}
