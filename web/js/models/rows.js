/**
 * One page of a list, as far as it is known: its rows stay when a later read fails. Emits `change`.
 * Subclasses say where rows come from and how the stream changes them.
 */

import { request } from "../api.js";

/** @template Row */
export class Rows extends EventTarget {
  /** @type {Row[] | null} null until the first answer */
  rows = null;
  /** @type {string | null} the cursor of the next page */
  next = null;
  /** @type {number | null} on all pages, where the engine says */
  total = null;
  /** @type {import("../api.js").Problem | null} why the last read failed */
  problem = null;
  loading = false;
  #path;
  #abort = new AbortController();

  /** @param {string} path @param {Record<string, any>} query */
  constructor(path, query) {
    super();
    this.#path = path;
    this.query = query;
  }

  /** Reads the page again; the last call wins. */
  async load() {
    this.#abort.abort();
    const abort = this.#abort = new AbortController();
    this.loading = true;
    this.changed();
    try {
      const answer = await request("GET", this.#path, { query: this.query, signal: abort.signal });
      [this.rows, this.next, this.total, this.problem] = [answer.data, answer.next, answer.total, null];
      this.loaded();
    } catch (error) {
      if (abort.signal.aborted) return;
      this.problem = /** @type {any} */ (error);
    }
    this.loading = false;
    this.changed();
  }

  /** For subclasses: called when `rows` were replaced by an answer. */
  loaded() {}

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  disconnect() {
    this.#abort.abort();
  }
}
