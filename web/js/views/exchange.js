/** A request, a response, and the time they took. Bodies are text, whatever they contain. */

import { element } from "../helpers/element.js";
import { formatMilliseconds } from "../helpers/time.js";
import { jsonNodes } from "./json-view.js";

const STAGES = /** @type {const} */ ([["dns_ms", "DNS"], ["connect_ms", "connect"], ["wait_ms", "wait"], ["body_ms", "body"]]);

/** @param {import("../types.js").Request} request @param {string | null} payload what was sent as the body */
export function requestNodes({ method, url, headers }, payload) {
  return element("section", { class: "exchange" },
    element("h3", {}, "Request"),
    element("p", { class: "mono line" }, element("strong", {}, method), " ", url),
    headerList(headers),
    payload ? element("pre", { class: "sunken" }, jsonNodes(payload)) : element("p", { class: "quiet small" }, "No body."));
}

/** @param {import("../types.js").Response} response */
export function responseNodes({ status, headers, body, body_encoding: encoding, truncated }) {
  return element("section", { class: "exchange" },
    element("h3", {}, "Response"),
    element("p", { class: "mono line" }, element("strong", {}, String(status))),
    headerList(headers),
    body ? element("pre", { class: "sunken" }, encoding === "base64" ? body : jsonNodes(body)) : element("p", { class: "quiet small" }, "No body."),
    encoding === "base64" && element("p", { class: "quiet small" }, "Not text: shown as base64."),
    truncated && element("p", { class: "quiet small" }, "Cut here: more came than is kept."));
}

/**
 * A bar of the stages, to scale.
 * @param {import("../types.js").Timing} timing
 * @param {number} scale_ms what the full width stands for
 */
export function timingBar(timing, scale_ms) {
  const stages = STAGES.filter(([name]) => timing[name] !== null && timing[name] !== undefined);
  const known = stages.reduce((sum, [name]) => sum + /** @type {number} */ (timing[name]), 0);
  const words = [...stages.map(([name, label]) => `${label} ${formatMilliseconds(timing[name])}`), `in all ${formatMilliseconds(timing.total_ms)}`];
  const piece = (/** @type {string} */ stage, /** @type {number} */ ms) => {
    const made = element("span", { class: `stage stage-${stage}` });
    made.style.setProperty("width", `${Math.max(0, (ms / Math.max(scale_ms, 0.001)) * 100)}%`);
    return made;
  };
  return element("div", { class: "timing" },
    element("div", { class: "bar", "aria-hidden": "true" },
      stages.map(([name]) => piece(name, /** @type {number} */ (timing[name]))), piece("rest", Math.max(0, timing.total_ms - known))),
    element("p", { class: "quiet small" }, words.join(" · ")));
}

/** @param {import("../types.js").Headers} headers */
function headerList(headers) {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
  if (pairs.length === 0) return null;
  return element("details", {}, element("summary", {}, `${pairs.length} headers`),
    element("dl", { class: "headers mono" }, pairs.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])));
}
