/** A page of triggers. When the stream tells of a fire of one of them, the page is read again, at most every second. */

import { Rows } from "./rows.js";

const REREAD_AFTER_MS = 1_000;

/** @extends {Rows<import("../types.js").Trigger>} */
export class TriggerRows extends Rows {
  #stream;
  /** @type {number | undefined} */
  #timer;

  /** @param {Record<string, any>} query as `GET /triggers/` takes it @param {import("./stream.js").EventStream} stream */
  constructor(query, stream) {
    super("/triggers/", query);
    this.#stream = stream;
  }

  connect() {
    this.#stream.addEventListener("event", this.#hear);
    this.#stream.addEventListener("reset", this.#reread);
  }

  disconnect() {
    super.disconnect();
    clearTimeout(this.#timer);
    this.#stream.removeEventListener("event", this.#hear);
    this.#stream.removeEventListener("reset", this.#reread);
  }

  #hear = (/** @type {any} */ message) => {
    if (!this.rows?.some((row) => row.id === message.detail.trigger_id)) return;
    this.#timer ??= setTimeout(this.#reread, REREAD_AFTER_MS);
  };

  #reread = () => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.load();
  };
}
