/** One event: a verdict first, then every attempt. */

import { element, replace } from "../helpers/element.js";
import { memberText } from "../helpers/json-tokens.js";
import { formatMilliseconds } from "../helpers/time.js";
import { archiveEvent, readEvent } from "../models/calls.js";
import { attemptList } from "./attempts.js";
import { jsonNodes } from "./json-view.js";
import { problemNotice } from "./problem-notice.js";
import { openReplay } from "./replay-dialog.js";
import { sign } from "./sign.js";
import { instantLabel, relativeLabel } from "./time-label.js";

const REREAD_AFTER_MS = 200;

export class View {
  #context;
  #notice = element("div");
  #content = element("div");
  /** @type {number | undefined} */
  #timer;

  /** @param {any} context */
  constructor(context) {
    this.#context = context;
    this.title = `Event ${context.id}`;
    this.root = element("div", { class: "page" }, this.#notice, this.#content);
  }

  connect() {
    this.#context.stream.addEventListener("event", this.#hear);
    return this.#load();
  }

  disconnect() {
    clearTimeout(this.#timer);
    this.#context.stream.removeEventListener("event", this.#hear);
  }

  #load = async () => {
    this.#timer = undefined;
    try {
      const { data, text } = await readEvent(this.#context.id);
      replace(this.#notice);
      this.#draw(data, memberText(text, "payload"));
    } catch (problem) {
      replace(this.#notice, problemNotice(/** @type {any} */ (problem), "The event could not be read.", this.#load));
    }
  };

  #hear = (/** @type {any} */ { detail: event }) => {
    if (String(event.id) === this.#context.id) this.#timer ??= setTimeout(this.#load, REREAD_AFTER_MS);
  };

  /** @param {import("../types.js").TriggerEvent} event @param {string | null} payload */
  #draw(event, payload) {
    const { shell, router } = this.#context;
    const text = payload === "null" ? null : payload;
    const archive = async () => {
      try {
        await archiveEvent(event.id);
        shell.notify(`Event ${event.id} is archived.`);
        await this.#load();
      } catch (problem) {
        shell.notify(`It was not archived. ${/** @type {Error} */ (problem).message}`, true);
      }
    };
    replace(this.#content,
      element("div", { class: "head" },
        element("div", {}, element("p", { class: "quiet" }, `Event ${event.id} · ${event.status}`),
          element("h1", { tabindex: -1, class: "verdict" }, sign(event.status), verdict(event)), element("p", {}, event.details)),
        element("div", { class: "buttons" },
          element("button", { type: "button", onclick: () => openReplay(event, router) }, "Replay"),
          !event.archived && element("button", { type: "button", onclick: archive }, "Archive"))),
      facts(event),
      (event.attempts?.length || event.next_attempt_at) && attemptList(event, text),
      !event.attempts?.length && element("section", {}, element("h2", {}, "Payload"), text === null ? element("p", { class: "quiet" }, "None.") : element("pre", { class: "sunken" }, jsonNodes(text))));
  }
}

/** How it stands, in one sentence. @param {import("../types.js").TriggerEvent} event */
function verdict({ status, reason, attempts_made: made }) {
  const sentences = {
    waiting: "Waiting for its first attempt",
    running: `Attempt ${made + 1} is under way`,
    retrying: `Not delivered yet, after ${counted(made)}`,
    delivered: made === 1 ? "Delivered at the first attempt" : `Delivered after ${counted(made)}`,
    failed: `Failed after ${counted(made)}`,
    skipped: `Skipped${reason ? `: ${reason.replaceAll("_", " ")}` : ""}`,
    recorded: "Recorded; there was nothing to send",
  };
  return sentences[status] ?? status;
}

/** @param {number} attempts */
function counted(attempts) {
  return attempts === 1 ? "one attempt" : `${attempts} attempts`;
}

/** @param {import("../types.js").TriggerEvent} event */
function facts(event) {
  const pair = (/** @type {string} */ term, /** @type {any} */ ...value) => element("div", {}, element("dt", {}, term), element("dd", {}, value));
  const name = event.trigger_id === null ? event.trigger_name : element("a", { href: `/triggers/${event.trigger_id}` }, event.trigger_name);
  return element("dl", { class: "strip" },
    pair("Trigger", name),
    pair("Scheduled for", instantLabel(event.scheduled_for)),
    pair("Fired", relativeLabel(event.fired_at)),
    pair("Late", formatMilliseconds(event.lateness_ms)),
    pair("Attempts", event.attempts_made),
    pair("Kind", event.kind, event.replay_of && [" of ", element("a", { href: `/events/${event.replay_of}` }, `event ${event.replay_of}`)], event.archived && ", archived"),
    pair("Message", element("code", {}, event.message_id)));
}
