/** JSON laid out with its tokens told apart; anything else as the text it is. Text nodes only. */

import { element } from "../helpers/element.js";
import { layOut } from "../helpers/json-tokens.js";

const LAID_OUT_MAX = 20_000;

/** @param {string} text @returns {(HTMLElement | string)[]} */
export function jsonNodes(text) {
  // Tens of thousands of nodes help nobody; a long text is shown as it came.
  if (text.length > LAID_OUT_MAX) return [text];
  try {
    return layOut(text).map(({ kind, text: piece }) => (kind === "key" || kind === "string" || kind === "number" || kind === "word"
      ? element("span", { class: `json-${kind}` }, piece) : piece));
  } catch {
    return [text];
  }
}
