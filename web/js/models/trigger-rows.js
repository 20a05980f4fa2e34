/** A page of triggers. When the stream tells of a fire of one of them, the page is read again, at most every second. */

import { LiveRows } from "./live-rows.js";

const REREAD_AFTER_MS = 1_000;

/** @extends {LiveRows<import("../types.js").Trigger>} */
export class TriggerRows extends LiveRows {
  /** @param {Record<string, any>} query as `GET /triggers/` takes it @param {import("./stream.js").EventStream} stream */
  constructor(query, stream) {
    super("/triggers/", query, stream);
  }

  /** @param {import("../types.js").TriggerEvent} event */
  heard(event) {
    if (this.rows?.some((row) => row.id === event.trigger_id)) this.soon(() => this.load(), REREAD_AFTER_MS);
  }
}
