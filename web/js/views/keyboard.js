/** Shortcuts: `/` search, `n` new, `g t` and `g e` go. Never while something is being typed or a dialog is open. */

const GO = /** @type {Record<string, string>} */ ({ t: "/triggers", e: "/events", s: "/settings" });
const SECOND_KEY_WITHIN_MS = 1_500;

export class Keyboard {
  #router;
  #goingUntil = 0;

  /** @param {import("../router.js").Router} router */
  constructor(router) {
    this.#router = router;
  }

  connect() {
    document.addEventListener("keydown", this.#pressed);
  }

  disconnect() {
    document.removeEventListener("keydown", this.#pressed);
  }

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    const typing = /** @type {Element} */ (event.target).closest?.("input, textarea, select, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const going = event.timeStamp < this.#goingUntil;
    this.#goingUntil = event.key === "g" ? event.timeStamp + SECOND_KEY_WITHIN_MS : 0;
    if (going && GO[event.key]) this.#router.go(GO[event.key]);
    else if (event.key === "n") this.#router.go("/triggers/new");
    else if (event.key === "/") /** @type {HTMLElement | null} */ (document.querySelector("input[type=search]"))?.focus();
    else return;
    event.preventDefault();
  };
}
