/**
 * The one stream of events that the page holds open, taken up again where it broke off. Read through fetch, because an
 * EventSource sends no key header.
 *
 * Emits `event` (detail: the event as it is now), `reset` (what was read before may be incomplete: read it again) and
 * `state` (connected, or disconnected for long enough to say so).
 */

import { openStream } from "../api.js";
import { messages } from "../helpers/sse.js";
import { settings } from "./settings.js";

const SAY_SO_AFTER_MS = 5_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;

export class EventStream extends EventTarget {
  /** @type {"connecting" | "live" | "lost"} `lost` after five seconds without a connection */
  state = "connecting";
  /** When the engine was last heard, epoch ms; null before the first time. @type {number | null} */
  heardAt = null;
  /** @type {string | null} */
  #lastEventId = null;
  #abort = new AbortController();
  #failures = 0;
  /** @type {number | undefined} */
  #retryTimer;
  /** @type {number | undefined} */
  #lostTimer;

  connect() {
    settings.addEventListener("change", this.#keyChanged);
    window.addEventListener("online", this.#reopen);
    this.#lose();
    this.#open();
  }

  disconnect() {
    settings.removeEventListener("change", this.#keyChanged);
    window.removeEventListener("online", this.#reopen);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#lostTimer);
    this.#abort.abort();
  }

  async #open() {
    const abort = this.#abort = new AbortController();
    try {
      const body = await openStream(this.#lastEventId, abort.signal);
      this.#live();
      for await (const message of messages(body, () => { this.heardAt = Date.now(); })) this.#take(message);
    } catch (error) {
      // Without a right key there is no point in asking again; a new key opens the stream anew.
      if (/** @type {any} */ (error).status === 401) return;
    }
    if (abort.signal.aborted) return;
    this.#lose();
    const delay = Math.min(RETRY_FIRST_MS * 2 ** this.#failures++, RETRY_MAX_MS);
    this.#retryTimer = setTimeout(() => this.#open(), delay * (0.8 + 0.4 * Math.random()));
  }

  /** @param {{type: string, data: string, id: string | null}} message */
  #take({ type, data, id }) {
    if (id !== null) this.#lastEventId = id;
    if (type === "event") this.dispatchEvent(new CustomEvent("event", { detail: JSON.parse(data) }));
    if (type === "reset") this.dispatchEvent(new Event("reset"));
  }

  #live() {
    clearTimeout(this.#lostTimer);
    this.#lostTimer = undefined;
    this.#failures = 0;
    this.heardAt = Date.now();
    this.#change("live");
    // Without an id to go on from, whatever happened between the last read and now was not heard.
    if (this.#lastEventId === null) this.dispatchEvent(new Event("reset"));
  }

  /** The five seconds count from when the connection went, however often it was tried again since. */
  #lose() {
    if (this.state === "lost" || (this.state === "connecting" && this.#lostTimer !== undefined)) return;
    this.#change("connecting");
    this.#lostTimer = setTimeout(() => this.#change("lost"), SAY_SO_AFTER_MS);
  }

  /** @param {"connecting" | "live" | "lost"} state */
  #change(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  #reopen = () => {
    clearTimeout(this.#retryTimer);
    this.#abort.abort();
    this.#failures = 0;
    this.#lose();
    this.#open();
  };

  #keyChanged = (/** @type {any} */ change) => {
    if (change.detail === "apiKey") this.#reopen();
  };
}

