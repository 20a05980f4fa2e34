/** What stands in the place of a list without rows: ways to make the first trigger. */

import { address } from "../helpers/address.js";
import { element } from "../helpers/element.js";
import { keyHeader } from "./key-header.js";

const TEMPLATES = [
  { name: "Call a URL in ten seconds", text: "Once, so that you see a whole delivery. python -m engine receiver answers there.", query: { words: "in 10s", url: "http://127.0.0.1:9000/hook" } },
  { name: "Every weekday at nine", text: "By cron, in your own zone, daylight saving minded.", query: { kind: "cron", cron: "0 9 * * MON-FRI", name: "weekday-report" } },
  { name: "Whenever something calls it", text: "An address of its own; the body of the call is sent on.", query: { type: "api", name: "on-demand" } },
];

/** @param {boolean} filtered */
export function emptyTriggers(filtered) {
  if (filtered) {
    return element("div", { class: "empty" }, element("p", {}, "No trigger matches."), element("p", {}, element("a", { href: "/triggers" }, "Drop the filters")));
  }
  return element("div", { class: "empty" },
    element("h2", {}, "No triggers yet"),
    element("p", { class: "quiet" }, "A trigger calls a URL, or leaves a record, when its time has come. Begin with one of these:"),
    element("ul", { class: "templates" }, TEMPLATES.map(({ name, text, query }) => element("li", {},
      element("a", { class: "strong", href: address("/triggers/new", query) }, name), element("span", { class: "quiet" }, text)))),
    element("p", { class: "quiet" }, "Or from a terminal:"),
    element("pre", { class: "sunken" }, curl()));
}

function curl() {
  return `curl ${location.origin}/triggers/ ${keyHeader()}-H 'Content-Type: application/json' \\\n  -d '{"name": "hello", "type": "scheduled", "schedule": "in 10s"}'`;
}
