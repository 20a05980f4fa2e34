/** One trigger: what it is, when it fires next, what came of it. */

import { element, replace } from "../helpers/element.js";
import { memberText } from "../helpers/json-tokens.js";
import { formatMilliseconds } from "../helpers/time.js";
import { readTrigger, readUpcoming } from "../models/calls.js";
import { EventRows } from "../models/event-rows.js";
import { sentenceOf } from "../models/sentences.js";
import { EventTable } from "./event-table.js";
import { jsonNodes } from "./json-view.js";
import { keyHeader } from "./key-header.js";
import { fireTable } from "./preview-panel.js";
import { problemNotice } from "./problem-notice.js";
import { stateLabel } from "./sign.js";
import { bothLabels, instantLabel } from "./time-label.js";
import { triggerButtons } from "./trigger-buttons.js";

const UPCOMING = 5;
const EVENTS = 20;
const REREAD_AFTER_MS = 300;

export class View {
  title = "Trigger";
  #context;
  #events;
  #table;
  /** @type {number | undefined} */
  #timer;
  #heading = element("h1", { tabindex: -1 }, "Trigger");
  #buttons = element("div", { class: "buttons" });
  #notice = element("div");
  #definition = element("div");
  #upcoming = element("section", { class: "panel", "aria-label": "Next fires" });

  /** @param {any} context */
  constructor(context) {
    this.#context = context;
    this.#events = new EventRows({ trigger_id: context.id, archived: "all", limit: EVENTS }, context.stream);
    this.#table = new EventTable(this.#events, { named: false, empty: element("p", { class: "quiet" }, "It has not fired yet.") });
    this.root = element("div", { class: "page" },
      element("div", { class: "head" }, this.#heading, this.#buttons), this.#notice,
      element("div", { class: "beside" }, this.#definition, this.#upcoming),
      element("section", { "aria-label": "Events" }, element("div", { class: "head" }, element("h2", {}, "Events"),
        element("a", { href: `/events?archived=all&trigger_id=${context.id}` }, "All of them")), this.#table.root));
  }

  connect() {
    this.#table.connect();
    this.#events.connect();
    this.#events.load();
    this.#context.stream.addEventListener("event", this.#hear);
    return this.#load();
  }

  disconnect() {
    clearTimeout(this.#timer);
    this.#context.stream.removeEventListener("event", this.#hear);
    this.#events.disconnect();
    this.#table.disconnect();
  }

  #load = async () => {
    this.#timer = undefined;
    try {
      const [trigger, upcoming] = await Promise.all([readTrigger(this.#context.id), readUpcoming(this.#context.id, UPCOMING)]);
      replace(this.#notice);
      this.#draw(trigger, upcoming.data.fires);
    } catch (problem) {
      replace(this.#notice, problemNotice(/** @type {any} */ (problem), "The trigger could not be read.", this.#load));
    }
  };

  #hear = (/** @type {any} */ { detail: event }) => {
    if (String(event.trigger_id) === this.#context.id) this.#timer ??= setTimeout(this.#load, REREAD_AFTER_MS);
  };

  /** @param {import("../api.js").Answer} answer @param {import("../types.js").Fire[]} fires */
  #draw({ data: trigger, text }, fires) {
    const { shell, router } = this.#context;
    document.title = `${trigger.name} · Event triggers`;
    replace(this.#heading, trigger.name);
    replace(this.#buttons, triggerButtons(trigger, shell, { changed: this.#load, deleted: () => router.go("/triggers") }));
    replace(this.#definition, definition(trigger, memberText(text, "payload")));
    replace(this.#upcoming, element("h3", {}, "Next fires"), fires.length > 0 ? fireTable(fires)
      : element("p", { class: "quiet" }, trigger.state === "active" && trigger.type === "api" ? "When it is called." : `None: it is ${trigger.state}.`),
    trigger.type === "api" && element("pre", { class: "sunken" }, `curl -X POST ${keyHeader()}${location.origin}/triggers/${trigger.id}/fire`));
  }
}

/** @param {import("../types.js").Trigger} trigger @param {string | null} payload */
function definition(trigger, payload) {
  const { state, state_reason: reason, schedule, target, retry, tags, description } = trigger;
  const sentence = element("span", {}, schedule?.kind === "at" ? instantLabel(schedule.at) : "By a call");
  if (schedule && schedule.kind !== "at") sentenceOf(schedule).then((said) => replace(sentence, said ?? schedule.kind));
  const pair = (/** @type {string} */ term, /** @type {any} */ ...value) => [element("dt", {}, term), element("dd", {}, value)];
  return element("dl", { class: "facts" },
    pair("State", stateLabel(state), reason && element("span", { class: "quiet" }, ` ${reason}`)),
    pair("Schedule", sentence, schedule && element("span", { class: "second" }, schedule.timezone, schedule.kind === "cron" && [" · ", element("code", {}, schedule.expression)])),
    pair("Last fired", bothLabels(trigger.last_fired_at, "never")),
    pair("Calls", target ? element("span", { class: "mono" }, `${target.method} ${target.url}`) : "nothing; a fire is recorded",
      target && element("span", { class: "second" }, `Timeout ${formatMilliseconds(target.timeout_ms)} · at most ${retry.attempts_max} attempts, the first pause ${formatMilliseconds(retry.first_delay_ms)}`)),
    target && Object.keys(target.headers).length > 0 && pair("Headers", Object.entries(target.headers).map(([name, value]) => element("span", { class: "mono line" }, `${name}: ${value}`))),
    payload !== null && payload !== "null" && pair("Payload", element("pre", { class: "sunken" }, jsonNodes(payload))),
    tags.length > 0 && pair("Tags", tags.join(", ")),
    description && pair("Description", description));
}
