/** The buttons that act on a saved trigger, in its row and on its page. */

import { element } from "../helpers/element.js";
import { deleteTrigger, fireTrigger, pauseTrigger, resumeTrigger } from "../models/calls.js";
import { confirm, openDialog } from "./dialog.js";
import { TestPanel } from "./test-panel.js";

/**
 * @param {import("../types.js").Trigger} trigger
 * @param {import("./shell.js").Shell} shell
 * @param {{changed: () => void, deleted: () => void}} then
 * @returns {HTMLElement[]}
 */
export function triggerButtons(trigger, shell, then) {
  const { id, name, state } = trigger;
  const button = (/** @type {string} */ text, /** @type {() => Promise<void> | void} */ act, sure = async () => true) => element("button", {
    type: "button", "aria-label": `${text} ${name}`,
    onclick: async (/** @type {any} */ { currentTarget: pressed }) => {
      if (!await sure()) return;
      pressed.disabled = true;
      try {
        await act();
      } catch (problem) {
        shell.notify(`${text} “${name}” failed. ${/** @type {Error} */ (problem).message}`, true);
      }
      pressed.disabled = false;
    },
  }, text);
  const turn = state === "active"
    ? button("Pause", async () => { await pauseTrigger(id); shell.notify(`“${name}” is paused.`); then.changed(); })
    : button("Resume", async () => { await resumeTrigger(id); shell.notify(`“${name}” is active again.`); then.changed(); });
  return [
    button("Fire now", async () => {
      const { data: event } = await fireTrigger(id);
      shell.notify(["Fired “", name, "”: ", element("a", { href: `/events/${event.id}` }, `event ${event.id}`), "."]);
      then.changed();
    }),
    state === "active" || state === "paused" || state === "disabled" ? turn : element("span", { class: "no-button" }),
    button("Test", () => openTest(trigger)),
    element("a", { href: `/triggers/${id}/edit`, "aria-label": `Edit ${name}` }, "Edit"),
    button("Delete", async () => {
      await deleteTrigger(id);
      shell.notify(`“${name}” is deleted.`);
      then.deleted();
    }, () => confirm(`Delete “${name}”?`, "It will not fire again. Its events stay readable until they expire.", "Delete")),
  ];
}

/** @param {import("../types.js").Trigger} trigger */
function openTest({ id, name }) {
  const panel = new TestPanel(() => JSON.stringify({ trigger_id: id }), { withSchedule: true });
  openDialog(`Test “${name}”`, panel.root, { wide: true });
}
