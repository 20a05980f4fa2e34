/** Plain controls with a name and a value. */

import { element } from "../helpers/element.js";

/** @param {string} name @param {string} value @param {object} [more] @returns {HTMLInputElement} */
export function input(name, value, more = {}) {
  return element("input", { name, value, type: "text", autocomplete: "off", ...more });
}

/** @param {string} name @param {string} value @param {object} [more] @returns {HTMLTextAreaElement} */
export function textarea(name, value, more = {}) {
  const made = element("textarea", { name, rows: 3, spellcheck: "false", class: "mono", ...more });
  // A text child would lose a line break at its start.
  made.value = value;
  return made;
}

/** @param {string} name @param {string} value @param {string[][]} options @param {object} [more] @returns {HTMLSelectElement} */
export function select(name, value, options, more = {}) {
  return element("select", { name, ...more }, options.map(([option, text]) => element("option", { value: option, selected: option === value }, text)));
}

/** One of a few, all of them in sight. @param {string} name @param {string} legend @param {string} value @param {string[][]} options */
export function segments(name, legend, value, options) {
  return element("fieldset", { class: "segments" }, element("legend", { class: "spoken" }, legend),
    options.map(([option, text]) => element("label", {},
      element("input", { type: "radio", name, value: option, checked: option === value }), element("span", {}, text))));
}
