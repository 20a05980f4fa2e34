/** A page of a list that follows the event stream. Subclasses say what an event changes. */

import { Rows } from "./rows.js";

/** @template Row @extends {Rows<Row>} */
export class LiveRows extends Rows {
  #stream;
  /** @type {number | undefined} */
  #timer;

  /** @param {string} path @param {Record<string, any>} query @param {import("./stream.js").EventStream} stream */
  constructor(path, query, stream) {
    super(path, query);
    this.#stream = stream;
  }

  connect() {
    this.#stream.addEventListener("event", this.#hear);
    this.#stream.addEventListener("reset", this.#reset);
  }

  disconnect() {
    super.disconnect();
    clearTimeout(this.#timer);
    this.#stream.removeEventListener("event", this.#hear);
    this.#stream.removeEventListener("reset", this.#reset);
  }

  /** For subclasses: an event is new or has changed. @param {import("../types.js").TriggerEvent} _event */
  heard(_event) {}

  /** For subclasses: something was missed. */
  missed() {
    this.load();
  }

  /** Does `work` once, `delay` ms after the first of several calls. @param {() => void} work @param {number} delay */
  soon(work, delay) {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      work();
    }, delay);
  }

  #hear = (/** @type {any} */ message) => this.heard(message.detail);
  #reset = () => this.missed();
}
