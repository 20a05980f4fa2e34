/** The attempts of an event, their bars to one scale, the next one hollow. */

import { element } from "../helpers/element.js";
import { formatClock, formatMilliseconds } from "../helpers/time.js";
import { settings } from "../models/settings.js";
import { requestNodes, responseNodes, timingBar } from "./exchange.js";
import { sign } from "./sign.js";
import { relativeLabel } from "./time-label.js";

/**
 * @param {import("../types.js").TriggerEvent} event
 * @param {string | null} payload the body that every attempt sends
 */
export function attemptList({ attempts = [], next_attempt_at: next, status }, payload) {
  const scale = Math.max(...attempts.map(({ timing }) => timing.total_ms), 0);
  return element("section", { class: "attempts", "aria-label": "Attempts" },
    element("h2", {}, "Attempts"),
    element("ol", {},
      attempts.map((attempt, index) => [pause(attempts[index - 1], attempt), attemptItem(attempt, scale, payload, index === attempts.length - 1)]),
      next && status !== "running" && element("li", { class: "next" }, sign("waiting"), element("span", {}, attempts.length > 0 ? "Next attempt " : "First attempt ", relativeLabel(next)),
        element("span", { class: "bar hollow", "aria-hidden": "true" }))));
}

/** @param {import("../types.js").Attempt} attempt @param {number} scale @param {string | null} payload @param {boolean} open */
function attemptItem({ number, started_at: started, outcome, error, request, response, timing }, scale, payload, open) {
  const answer = response ? String(response.status) : outcome.replaceAll("_", " ");
  return element("li", {}, element("details", { open },
    element("summary", {},
      element("span", { class: "attempt-line" },
        sign(outcome === "succeeded" ? "delivered" : "failed"),
        element("span", { class: "quiet" }, `#${number}`), element("strong", {}, answer),
        element("span", { class: "quiet" }, formatClock(started, settings.zone)),
        element("span", { class: "number" }, formatMilliseconds(timing.total_ms))),
      timingBar(timing, scale)),
    error && element("p", { class: "wrong" }, error),
    element("div", { class: "beside even" }, requestNodes(request, payload), response ? responseNodes(response)
      : element("section", { class: "exchange" }, element("h3", {}, "Response"), element("p", { class: "quiet" }, "None came.")))));
}

/** The time between two attempts, as a broken line. @param {import("../types.js").Attempt | undefined} before @param {import("../types.js").Attempt} after */
function pause(before, after) {
  if (!before) return null;
  const ended = new Date(before.started_at).getTime() + before.timing.total_ms;
  return element("li", { class: "pause" }, `${formatMilliseconds(Math.max(0, new Date(after.started_at).getTime() - ended))} later`);
}
