/** What the server says of a schedule that is being typed. Emits `change`. */

import { request } from "../api.js";

const PAUSE_MS = 250;
const FIRES = 5;

export class SchedulePreview extends EventTarget {
  /** @type {import("../types.js").Preview | null} */
  preview = null;
  /** @type {import("../api.js").Problem | null} */
  problem = null;
  /** True from a change until its answer: what is shown belongs to an older text. */
  stale = false;
  /** @type {string | null} */
  #asked = null;
  /** @type {number | undefined} */
  #timer;
  #abort = new AbortController();

  /**
   * Asks once the typing has paused. The same text is not asked twice.
   * @param {string | null} schedule JSON text; null when there is nothing to ask about
   * @param {string} timezone
   */
  update(schedule, timezone) {
    const body = schedule && `{"schedule": ${schedule}, "timezone": ${JSON.stringify(timezone)}, "count": ${FIRES}}`;
    if (body === this.#asked) return;
    this.disconnect();
    this.#asked = body;
    if (body === null) return this.#show(null, null);
    this.stale = true;
    this.#timer = setTimeout(() => this.#ask(body), PAUSE_MS);
    this.dispatchEvent(new Event("change"));
  }

  disconnect() {
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#asked = null;
  }

  /** @param {string} body */
  async #ask(body) {
    const abort = this.#abort = new AbortController();
    try {
      this.#show((await request("POST", "/schedules/preview", { body, signal: abort.signal })).data, null);
    } catch (error) {
      if (!abort.signal.aborted) this.#show(null, /** @type {any} */ (error));
    }
  }

  /** @param {import("../types.js").Preview | null} preview @param {import("../api.js").Problem | null} problem */
  #show(preview, problem) {
    [this.preview, this.problem, this.stale] = [preview, problem, false];
    this.dispatchEvent(new Event("change"));
  }
}
