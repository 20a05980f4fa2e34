/** What this browser remembers: the API key, the theme, the zone. Emits `change`. */

import { BROWSER_ZONE } from "../helpers/time.js";

class Settings extends EventTarget {
  /** @type {Record<string, string>} what storage holds, or would hold if it could */
  #values = {};

  constructor() {
    super();
    for (const name of ["apiKey", "theme", "zone"]) {
      try {
        this.#values[name] = localStorage.getItem(name) ?? "";
      } catch {
        this.#values[name] = "";
      }
    }
  }

  /** @returns {string} empty when there is none */
  get apiKey() { return this.#values.apiKey; }

  /** @returns {"auto" | "light" | "dark"} */
  get theme() { return /** @type {any} */ (this.#values.theme || "auto"); }

  /** @returns {"mine" | "utc"} */
  get zoneChoice() { return this.#values.zone === "utc" ? "utc" : "mine"; }

  /** @returns {string} the IANA name of the zone that times are shown in */
  get zone() { return this.zoneChoice === "utc" ? "UTC" : BROWSER_ZONE; }

  /**
   * @param {"apiKey" | "theme" | "zone"} name
   * @param {string} value
   */
  set(name, value) {
    this.#values[name] = value;
    try {
      localStorage.setItem(name, value);
    } catch {
      // Storage is full or switched off: the choice holds until the page is closed.
    }
    this.dispatchEvent(new CustomEvent("change", { detail: name }));
  }
}

export const settings = new Settings();
