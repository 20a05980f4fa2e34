/** A table of events that follows its model. Only the rows that changed are drawn anew. */

import { element, replace } from "../helpers/element.js";
import { eventRow } from "./event-row.js";
import { problemNotice } from "./problem-notice.js";

const COLUMNS = [["Status", ""], ["Trigger", ""], ["Kind", ""], ["Scheduled for", ""], ["Late", "number"], ["Attempts", "number"]];

export class EventTable {
  #model;
  #empty;
  #named;
  /** @type {Map<number, {event: object, row: HTMLElement}>} */
  #drawn = new Map();
  #notice = element("div");
  #heads = COLUMNS.map(([name, style]) => element("th", { role: "columnheader", scope: "col", class: style }, name));
  #body = element("tbody", { role: "rowgroup" });
  #table = element("table", { class: "rows events", role: "table", "aria-label": "Events", hidden: true },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, this.#heads)),
    this.#body);
  #none = element("div");
  root = element("div", {}, this.#notice, this.#table, this.#none);

  /**
   * @param {import("../models/event-rows.js").EventRows} model
   * @param {{named: boolean, empty: import("../helpers/element.js").Child}} options `named`: rows say whose they are;
   *   `empty`: what stands there without events
   */
  constructor(model, { named, empty }) {
    this.#model = model;
    this.#named = named;
    this.#empty = empty;
    replace(this.#heads[1], named ? "Trigger" : "Event");
  }

  connect() {
    this.#model.addEventListener("change", this.#draw);
  }

  disconnect() {
    this.#model.removeEventListener("change", this.#draw);
  }

  #draw = () => {
    const { rows, problem } = this.#model;
    replace(this.#notice, problem && problem.status !== 401 && problemNotice(problem, "The events could not be read.", () => this.#model.load()));
    if (rows === null) return;
    const drawn = new Map(rows.map((event) => {
      const known = this.#drawn.get(event.id);
      return [event.id, known?.event === event ? known : { event, row: eventRow(event, this.#named) }];
    }));
    this.#drawn = drawn;
    const wanted = [...drawn.values()].map(({ row }) => row);
    const same = wanted.length === this.#body.children.length && wanted.every((row, index) => row === this.#body.children[index]);
    if (!same) replace(this.#body, wanted);
    this.#table.hidden = rows.length === 0;
    replace(this.#none, rows.length === 0 && !problem && this.#empty);
  };
}
