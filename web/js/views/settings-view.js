/** What this browser remembers. */

import { ownPath } from "../helpers/address.js";
import { element } from "../helpers/element.js";
import { BROWSER_ZONE } from "../helpers/time.js";
import { settings } from "../models/settings.js";
import { labelled } from "./field.js";
import { input, segments } from "./inputs.js";

const THEMES = [["auto", "As the system"], ["light", "Light"], ["dark", "Dark"]];
const ZONES = [["mine", `Mine: ${BROWSER_ZONE}`], ["utc", "UTC"]];

export class View {
  title = "Settings";
  holdsInput = true;
  #context;
  #key = input("key", settings.apiKey, { type: "password", class: "mono", spellcheck: "false" });

  /** @param {any} context */
  constructor(context) {
    this.#context = context;
    const from = context.url.searchParams.get("from");
    this.root = element("div", { class: "page narrow" },
      element("div", { class: "head" }, element("h1", { tabindex: -1 }, "Settings")),
      from !== null && element("div", { class: "notice", role: "alert" }, element("p", {}, settings.apiKey
        ? "The engine does not accept this API key. Give it another one."
        : "The engine asks for an API key. It is the one that X_API_KEY was set to where the engine runs.")),
      element("form", { class: "setting", onsubmit: (/** @type {Event} */ event) => this.#save(event, from) },
        labelled("key", "API key", [this.#key, element("button", { type: "submit", class: "primary" }, "Save key")],
          "Kept in this browser, and sent with every request. Empty forgets it.")),
      this.#choice("theme", "Theme", settings.theme, THEMES),
      this.#choice("zone", "Times are shown in", settings.zoneChoice, ZONES));
  }

  connect() {}

  disconnect() {}

  focus() {
    if (this.#context.url.searchParams.has("from")) this.#key.focus();
  }

  /** @param {"theme" | "zone"} name @param {string} title @param {string} value @param {string[][]} options */
  #choice(name, title, value, options) {
    return element("div", { class: "setting", onchange: (/** @type {any} */ event) => settings.set(name, event.target.value) },
      element("h2", {}, title), segments(name, title, value, options));
  }

  /** @param {Event} event @param {string | null} from */
  #save(event, from) {
    event.preventDefault();
    settings.set("apiKey", this.#key.value.trim());
    if (from !== null) this.#context.router.go(ownPath(from), { replace: true });
    else this.#context.shell.notify(settings.apiKey ? "The key is kept." : "The key is forgotten.");
  }
}
