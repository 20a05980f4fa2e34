/** One shape for each state, so that they are told apart without colour too. */

import { element, svg } from "../helpers/element.js";

const ring = (/** @type {object} */ more = {}) => svg("circle", { cx: 8, cy: 8, r: 6, fill: "none", stroke: "currentColor", "stroke-width": 2, ...more });
const line = (/** @type {string} */ d, /** @type {object} */ more = {}) => svg("path", { d, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round", ...more });
const solid = (/** @type {string} */ d) => svg("path", { d, fill: "currentColor" });
const cut = { stroke: null, class: "cut" };

/** @type {Record<string, () => Element[]>} */
const SHAPES = {
  delivered: () => [svg("circle", { cx: 8, cy: 8, r: 7, fill: "currentColor" }), line("M4.8 8.2 7.2 10.6 11.4 5.8", cut)],
  failed: () => [solid("M2 1h12a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H2a1 1 0 0 1-1-1V2a1 1 0 0 1 1-1z"), line("M5 5l6 6M11 5l-6 6", cut)],
  retrying: () => [solid("M8 1.2 15.4 14.4H.6z")],
  running: () => [ring(), solid("M8 2a6 6 0 0 0 0 12z")],
  waiting: () => [ring()],
  skipped: () => [ring(), line("M4 9.2 9.2 4M6.8 12 12 6.8", { "stroke-width": 1.5 })],
  recorded: () => [svg("circle", { cx: 8, cy: 8, r: 3.5, fill: "currentColor" })],
  active: () => [ring(), line("M8 5v3.2l2.2 1.4", { "stroke-width": 1.5 })],
  paused: () => [line("M5.5 3v10M10.5 3v10", { "stroke-width": 3, "stroke-linecap": "butt" })],
  completed: () => [ring(), line("M5.3 8.2 7.3 10.1 10.7 6", { "stroke-width": 1.5 })],
  disabled: () => [ring(), line("M4 12 12 4", { "stroke-linecap": "butt" })],
};

/** @param {string} state of a trigger or an event @returns {SVGElement} an ornament beside the state's name */
export function sign(state) {
  return svg("svg", { class: `sign sign-${state}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, (SHAPES[state] ?? SHAPES.waiting)());
}

/** The sign and the name. @param {string} state */
export function stateLabel(state) {
  return element("span", { class: "state" }, sign(state), state);
}
