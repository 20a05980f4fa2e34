/**
 * A page of events that the stream keeps up to date. An event is known by its id, so hearing of one twice changes a row
 * and never adds one.
 */

import { LiveRows } from "./live-rows.js";

const GATHER_MS = 100;
const REREAD_AFTER_MS = 1_000;
const ROWS_MAX = 200;

/** @extends {LiveRows<import("../types.js").TriggerEvent>} */
export class EventRows extends LiveRows {
  /** @type {Map<number, import("../types.js").TriggerEvent>} new ones that wait to be asked for */
  waiting = new Map();
  /** While true, new rows wait instead of pushing down what is being read. Set by the view. */
  holding = false;
  /** @type {import("../types.js").TriggerEvent[]} */
  #heard = [];

  /** @param {Record<string, any>} query as `GET /events/` takes it @param {import("./stream.js").EventStream} stream */
  constructor(query, stream) {
    super("/events/", query, stream);
  }

  loaded() {
    this.waiting.clear();
  }

  /** What was heard during the read may be younger than what was read. */
  async load() {
    await super.load();
    if (!this.loading && this.#heard.length > 0) this.#apply();
  }

  /** Puts the waiting rows where they belong. Not on a later page: there they are on the first one. */
  release() {
    this.rows = newestFirst([...this.waiting.values(), ...(this.rows ?? [])]);
    this.waiting.clear();
    if (this.rows.length > ROWS_MAX) this.load();
    else this.changed();
  }

  /** @param {import("../types.js").TriggerEvent} event */
  heard(event) {
    this.#heard.push(event);
    this.soon(() => this.#apply(), this.query.q ? REREAD_AFTER_MS : GATHER_MS);
  }

  #apply() {
    if (this.loading) return;
    const heard = this.#heard.splice(0);
    // What a search matches only the server knows; everything else can be told from the event.
    if (this.query.q && !this.holding) this.load();
    if (this.query.q || this.rows === null) return;
    for (const event of heard) {
      const at = this.rows.findIndex((row) => row.id === event.id);
      const known = at >= 0 || this.waiting.has(event.id);
      const belongs = this.#belongs(event);
      if (this.total !== null) this.total += Number(belongs) - Number(known);
      if (!belongs && at >= 0) this.rows.splice(at, 1);
      else if (!belongs) this.waiting.delete(event.id);
      else if (at >= 0) this.rows[at] = event;
      else this.waiting.set(event.id, event);
    }
    if (this.holding) this.changed();
    else this.release();
  }

  missed() {
    if (!this.holding) this.load();
  }

  /** @param {import("../types.js").TriggerEvent} event */
  #belongs(event) {
    const { trigger_id: id, trigger_name: name, status, kind, archived } = this.query;
    return (!id || event.trigger_id === Number(id)) && (!name || event.trigger_name === name)
      && (!status || event.status === status) && (!kind || event.kind === kind)
      && (archived === "all" || event.archived === (archived === "true"));
  }
}

/** @param {import("../types.js").TriggerEvent[]} events */
function newestFirst(events) {
  const unique = [...new Map(events.map((event) => [event.id, event])).values()];
  return unique.sort((a, b) => (a.fired_at === b.fired_at ? b.id - a.id : a.fired_at < b.fired_at ? 1 : -1));
}
