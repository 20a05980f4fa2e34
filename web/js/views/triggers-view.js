/** The list of triggers. */

import { element, replace } from "../helpers/element.js";
import { TriggerRows } from "../models/trigger-rows.js";
import { sentenceOf } from "../models/sentences.js";
import { emptyTriggers } from "./empty-triggers.js";
import { filterBar } from "./filters.js";
import { pager } from "./pager.js";
import { problemNotice } from "./problem-notice.js";
import { triggerButtons } from "./trigger-buttons.js";
import { triggerRow } from "./trigger-row.js";

const PAGE = 50;
const FILTERS = /** @type {import("./filters.js").Filter[]} */ ([
  { name: "q", label: "Search the triggers", type: "search", placeholder: "Search name, tag, URL" },
  { name: "state", label: "State", options: [["", "Any state"], ["active", "active"], ["paused", "paused"], ["completed", "completed"], ["disabled", "disabled"]] },
  { name: "type", label: "Type", options: [["", "Any type"], ["scheduled", "on a schedule"], ["api", "by a call"]] },
]);
const COLUMNS = ["State", "Trigger", "Schedule", "Next fire", "Last fired"];

export class View {
  title = "Triggers";
  #context;
  #model;
  #notice = element("div");
  #body = element("tbody", { role: "rowgroup" });
  #table = element("table", { class: "rows triggers", role: "table", "aria-label": "Triggers", hidden: true },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" },
      COLUMNS.map((name) => element("th", { role: "columnheader", scope: "col" }, name)),
      element("th", { role: "columnheader", scope: "col" }, element("span", { class: "spoken" }, "Actions")))),
    this.#body);
  #below = element("div");
  /** @type {WeakMap<Element, import("../types.js").Schedule>} */
  #schedules = new WeakMap();
  #seen = new IntersectionObserver((entries) => this.#say(entries), { rootMargin: "200px" });

  /** @param {any} context */
  constructor(context) {
    this.#context = context;
    this.#model = this.#modelFor(context.url);
    this.root = element("div", { class: "page" },
      element("div", { class: "head" },
        element("h1", { tabindex: -1 }, "Triggers"),
        filterBar(FILTERS, context.url, context.router),
        element("a", { class: "button primary", href: "/triggers/new" }, "New trigger")),
      this.#notice, this.#table, this.#below);
  }

  connect() {
    this.#model.addEventListener("change", this.#draw);
    this.#model.connect();
    return this.#model.load();
  }

  disconnect() {
    this.#seen.disconnect();
    this.#model.removeEventListener("change", this.#draw);
    this.#model.disconnect();
  }

  /** The filters changed: the same view with other rows. @param {URL} url */
  follow(url) {
    const { rows } = this.#model;
    this.disconnect();
    this.#context = { ...this.#context, url };
    this.#model = this.#modelFor(url);
    this.#model.rows = rows;
    this.connect();
  }

  /** @param {URL} url */
  #modelFor(url) {
    return new TriggerRows({ sort: "name", ...Object.fromEntries(url.searchParams), limit: PAGE }, this.#context.stream);
  }

  #draw = () => {
    const { rows, problem } = this.#model;
    const { url, shell } = this.#context;
    const reload = () => this.#model.load();
    replace(this.#notice, problem && problem.status !== 401 && problemNotice(problem, "The triggers could not be read.", reload));
    if (rows === null || this.#model.loading) return;
    const focused = focusedIn(this.#body);
    this.#seen.disconnect();
    replace(this.#body, rows.map((trigger) => {
      const row = triggerRow(trigger, triggerButtons(trigger, shell, { changed: reload, deleted: reload }));
      if (trigger.schedule && trigger.schedule.kind !== "at") {
        this.#schedules.set(row, trigger.schedule);
        this.#seen.observe(row);
      }
      return row;
    }));
    focused(this.#body);
    this.#table.hidden = rows.length === 0;
    const filtered = ["q", "state", "type", "cursor"].some((name) => url.searchParams.get(name));
    replace(this.#below, rows.length > 0 ? pager(this.#model, url, { one: "trigger", many: "triggers", next: "Next page" }) : problem ? null : emptyTriggers(filtered));
  };

  /** @param {IntersectionObserverEntry[]} entries */
  #say(entries) {
    for (const { target, isIntersecting } of entries) {
      const schedule = this.#schedules.get(target);
      if (!isIntersecting || !schedule) continue;
      this.#seen.unobserve(target);
      sentenceOf(schedule).then((sentence) => {
        const place = /** @type {HTMLElement} */ (target.querySelector(".sentence"));
        if (sentence) replace(place, place.title = sentence);
      });
    }
  }
}

/** Remembers which control has the focus, to give it back after the rows were drawn anew. @param {Element} body */
function focusedIn(body) {
  const active = document.activeElement;
  const label = active && body.contains(active) ? active.getAttribute("aria-label") ?? active.textContent : null;
  return (/** @type {Element} */ fresh) => {
    if (label === null) return;
    const found = [...fresh.querySelectorAll("a, button")].find((one) => (one.getAttribute("aria-label") ?? one.textContent) === label);
    /** @type {HTMLElement | undefined} */ (found)?.focus({ preventScroll: true });
  };
}
