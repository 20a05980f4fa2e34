/** The fields of the trigger form, from what to do to what to do when it fails. */

import { element } from "../helpers/element.js";
import { labelled } from "./field.js";
import { input, segments, select, textarea } from "./inputs.js";
import { scheduleFields } from "./schedule-fields.js";

const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"].map((method) => [method, method]);
const TYPES = [["scheduled", "On a schedule"], ["api", "By a call"]];

/**
 * @param {import("../models/draft.js").Fields} fields
 * @returns {{nodes: HTMLElement[], schedule: HTMLElement, show: (fields: import("../models/draft.js").Fields) => void}}
 */
export function triggerFields(fields) {
  const schedule = scheduleFields(fields);
  const seconds = { type: "number", min: 0, step: "any", inputmode: "decimal" };
  const request = element("div", { class: "group" },
    labelled("target.url", "URL to call", [
      input("url", fields.url, { type: "url", placeholder: "https://example.org/hook", spellcheck: "false", class: "mono" }),
      select("method", fields.method, METHODS, { "aria-label": "Method" })], "Leave it empty to only record that it fired."),
    labelled("payload", "Payload", textarea("payload", fields.payload, { placeholder: '{"report": "daily"}' }), "JSON; it is sent byte for byte."));
  const nodes = [
    segments("type", "Type", fields.type, TYPES), schedule.root, request,
    labelled("name", "Name", input("name", fields.name, { maxlength: 200, spellcheck: "false" })),
    more("Headers and timeout", fields.headers !== "" || fields.timeout !== "15",
      labelled("target.headers", "Headers", textarea("headers", fields.headers, { rows: 2, placeholder: "Authorization: Bearer …" }), "One a line."),
      labelled("target.timeout_ms", "Timeout, seconds", input("timeout", fields.timeout, seconds), "For one whole attempt.")),
    more("Retries", false,
      labelled("retry.attempts_max", "Attempts at most", input("attempts", fields.attempts, { ...seconds, step: 1, inputmode: "numeric" })),
      labelled("retry.first_delay_ms", "Pause after the first, seconds", input("firstDelay", fields.firstDelay, seconds), "It grows from attempt to attempt."),
      labelled("retry.delay_max_ms", "Longest pause, seconds", input("delayMax", fields.delayMax, seconds))),
    more("Description and tags", fields.description !== "" || fields.tags !== "",
      labelled("description", "Description", textarea("description", fields.description, { rows: 2, class: "", spellcheck: "true" })),
      labelled("tags", "Tags", input("tags", fields.tags), "With commas between them.")),
  ];
  return {
    nodes,
    schedule: schedule.root,
    show({ type, kind }) {
      schedule.root.hidden = type === "api";
      schedule.show(kind);
    },
  };
}

/** @param {string} summary @param {boolean} open @param {...HTMLElement} content */
function more(summary, open, ...content) {
  return element("details", { open }, element("summary", {}, summary), element("div", { class: "group" }, content));
}
