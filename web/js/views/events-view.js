/** The ledger, live. */

import { address } from "../helpers/address.js";
import { element, replace } from "../helpers/element.js";
import { findTriggers } from "../models/calls.js";
import { EventRows } from "../models/event-rows.js";
import { EventTable } from "./event-table.js";
import { filterBar } from "./filters.js";
import { pager } from "./pager.js";

const PAGE = 50;
const SCROLLED_PX = 120;
const STATUSES = ["waiting", "running", "retrying", "delivered", "failed", "skipped", "recorded"];
const FILTERS = /** @type {import("./filters.js").Filter[]} */ ([
  { name: "q", label: "Search the events", type: "search", placeholder: "Search" },
  { name: "trigger_name", label: "Trigger", type: "text", placeholder: "Trigger", list: "trigger-names" },
  { name: "status", label: "Status", options: [["", "Any status"], ...STATUSES.map((status) => /** @type {[string, string]} */ ([status, status]))] },
  { name: "archived", label: "Age", options: [["", "Active"], ["true", "Archived"], ["all", "All"]] },
]);
const QUERY = ["q", "trigger_name", "trigger_id", "status", "archived", "cursor"];

export class View {
  title = "Events";
  #context;
  #model;
  #table;
  #names = element("datalist", { id: "trigger-names" });
  #waiting = element("button", { type: "button", class: "waiting", hidden: true, onclick: () => this.#showWaiting() });
  #announce = element("p", { class: "spoken", "aria-live": "polite" });
  #rows = element("div");
  #below = element("div");

  /** @param {any} context */
  constructor(context) {
    const { url, router } = this.#context = context;
    const filters = filterBar(FILTERS, url, router);
    filters.addEventListener("input", (/** @type {any} */ event) => event.target.name === "trigger_name" && this.#suggest(event.target.value));
    this.root = element("div", { class: "page" },
      element("div", { class: "head" }, element("h1", { tabindex: -1 }, "Events"), filters, this.#names),
      this.#announce, this.#waiting, this.#rows, this.#below);
    this.#model = this.#modelFor(url);
    this.#table = this.#tableFor();
  }

  connect() {
    this.#table.connect();
    this.#model.addEventListener("change", this.#draw);
    this.#model.connect();
    addEventListener("scroll", this.#scrolled, { passive: true });
    return this.#model.load();
  }

  disconnect() {
    this.#table.disconnect();
    this.#model.removeEventListener("change", this.#draw);
    this.#model.disconnect();
    removeEventListener("scroll", this.#scrolled);
  }

  /** The filters changed: the same view with other rows. @param {URL} url */
  follow(url) {
    const { rows } = this.#model;
    this.disconnect();
    this.#context = { ...this.#context, url };
    this.#model = this.#modelFor(url);
    this.#model.rows = rows;
    this.#table = this.#tableFor();
    return this.connect();
  }

  /** @param {URL} url */
  #modelFor(url) {
    const query = Object.fromEntries(QUERY.map((name) => [name, url.searchParams.get(name)]).filter(([, value]) => value));
    const model = new EventRows({ ...query, limit: PAGE }, this.#context.stream);
    model.holding = this.#mustHold();
    return model;
  }

  #tableFor() {
    const filtered = QUERY.some((name) => this.#context.url.searchParams.has(name));
    const table = new EventTable(this.#model, { named: true, empty: element("div", { class: "empty" }, filtered
      ? [element("p", {}, "No event matches."), element("p", {}, element("a", { href: "/events" }, "Drop the filters"))]
      : [element("h2", {}, "No events yet"), element("p", { class: "quiet" }, "Each time a trigger fires, or should have and did not, a row appears here at once."),
        element("p", {}, element("a", { href: "/triggers/new" }, "Make a trigger"))]) });
    replace(this.#rows, table.root);
    return table;
  }

  #mustHold() {
    return scrollY > SCROLLED_PX || this.#context.url.searchParams.has("cursor");
  }

  #scrolled = () => {
    const held = this.#model.holding;
    this.#model.holding = this.#mustHold();
    if (held && !this.#model.holding && this.#model.waiting.size > 0) this.#model.release();
  };

  #draw = () => {
    const { url } = this.#context;
    const count = this.#model.waiting.size;
    this.#waiting.hidden = count === 0;
    replace(this.#waiting, `${count} new`);
    if (count > 0) replace(this.#announce, `${count} new events`);
    if (this.#model.rows) replace(this.#below, this.#model.rows.length > 0 && pager(this.#model, url, { one: "event", many: "events", next: "Older" }));
  };

  #showWaiting() {
    const { url, router } = this.#context;
    if (url.searchParams.has("cursor")) return router.go(address("/events", { ...Object.fromEntries(url.searchParams), cursor: null }));
    scrollTo(0, 0);
    this.#model.release();
  }

  /** @param {string} text */
  async #suggest(text) {
    const { data } = await findTriggers(text).catch(() => ({ data: [] }));
    replace(this.#names, data.map((/** @type {any} */ { name }) => element("option", { value: name })));
  }
}
