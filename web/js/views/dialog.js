/** Dialogs on the native element: the focus goes in, stays in, and comes back; Esc closes. */

import { element } from "../helpers/element.js";

let count = 0;

/**
 * @param {string} title
 * @param {import("../helpers/element.js").Child} content
 * @param {{onclose?: () => void, wide?: boolean}} [options]
 * @returns {HTMLDialogElement} already open; it leaves the page when it is closed
 */
export function openDialog(title, content, { onclose, wide = false } = {}) {
  const id = `dialog-${++count}`;
  const dialog = element("dialog", { "aria-labelledby": id, class: wide ? "wide" : "" },
    element("h2", { id }, title), content);
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose?.();
  });
  dialog.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * @param {string} title
 * @param {string} text
 * @param {string} action the word on the button that goes ahead
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, action) {
  return new Promise((resolve) => {
    let answer = false;
    const close = (/** @type {boolean} */ value) => () => {
      answer = value;
      dialog.close();
    };
    const dialog = openDialog(title, [
      element("p", {}, text),
      element("div", { class: "actions" },
        element("button", { type: "button", onclick: close(false) }, "Cancel"),
        element("button", { type: "button", class: "danger", onclick: close(true) }, action)),
    ], { onclose: () => resolve(answer) });
  });
}
