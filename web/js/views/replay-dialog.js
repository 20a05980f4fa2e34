/** Asks which replay is meant, and goes to the event that it makes. */

import { element, replace } from "../helpers/element.js";
import { replayEvent } from "../models/calls.js";
import { openDialog } from "./dialog.js";

const CHOICES = [
  ["same", "The same bytes to the same place", "As it was when it fired, whatever became of the trigger."],
  ["current", "Through the trigger as it is now", "The same payload, to the address and with the headers that the trigger has today."],
];

/** @param {import("../types.js").TriggerEvent} event @param {import("../router.js").Router} router */
export function openReplay(event, router) {
  const wrong = element("p", { class: "wrong", role: "alert" });
  const submit = element("button", { type: "submit", class: "primary" }, "Replay");
  const form = element("form", {
    onsubmit: async (/** @type {Event} */ submitted) => {
      submitted.preventDefault();
      submit.disabled = true;
      try {
        const mode = /** @type {"same" | "current"} */ (new FormData(form).get("mode"));
        const { data } = await replayEvent(event.id, mode);
        dialog.close();
        router.go(`/events/${data.id}`);
      } catch (problem) {
        replace(wrong, /** @type {Error} */ (problem).message);
        submit.disabled = false;
      }
    },
  },
  element("fieldset", { class: "choices" }, element("legend", { class: "spoken" }, "What to send"),
    CHOICES.map(([value, name, text], index) => element("label", {},
      element("input", { type: "radio", name: "mode", value, checked: index === 0 }),
      element("span", {}, element("span", { class: "first strong" }, name), element("span", { class: "second" }, text))))),
  wrong,
  element("div", { class: "actions" }, element("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), submit));
  const dialog = openDialog(`Replay event ${event.id}`, form);
}
