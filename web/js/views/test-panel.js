/** Test without saving: render, or send for real; either way no trigger is made or changed. */

import { element, replace } from "../helpers/element.js";
import { testTrigger } from "../models/calls.js";
import { requestNodes, responseNodes, timingBar } from "./exchange.js";
import { fireTable } from "./preview-panel.js";
import { jsonNodes } from "./json-view.js";
import { memberText } from "../helpers/json-tokens.js";

export class TestPanel {
  #bodyText;
  #failed;
  #withSchedule;
  #result = element("div", { class: "result", "aria-live": "polite" });
  #buttons = [
    element("button", { type: "button", onclick: () => this.#run(false) }, "Render only"),
    element("button", { type: "button", onclick: () => this.#run(true) }, "Send now"),
  ];
  root = element("section", { class: "panel test", "aria-label": "Test without saving" },
    element("h3", {}, "Test"),
    element("div", { class: "test-row" }, element("p", { class: "quiet" }, "Nothing is saved."), element("div", { class: "actions" }, this.#buttons)),
    this.#result);

  /**
   * @param {() => string | null} bodyText what to test, as JSON text; null when that is not yet possible
   * @param {{failed?: (problem: import("../api.js").Problem) => void, withSchedule?: boolean}} [options] `failed` is
   *   told of what the engine refused; `withSchedule` shows the coming fires too, where no preview stands beside
   */
  constructor(bodyText, { failed = () => {}, withSchedule = false } = {}) {
    this.#bodyText = bodyText;
    this.#failed = failed;
    this.#withSchedule = withSchedule;
  }

  /** @param {boolean} send */
  async #run(send) {
    const body = this.#bodyText();
    if (body === null) return;
    for (const button of this.#buttons) button.disabled = true;
    replace(this.#result, element("p", { class: "quiet" }, send ? "Sending …" : "Rendering …"));
    try {
      replace(this.#result, resultNodes(await testTrigger(body, send), send, this.#withSchedule));
    } catch (problem) {
      const { message, requestId } = /** @type {import("../api.js").Problem} */ (problem);
      replace(this.#result, element("p", { class: "wrong" }, message), requestId && element("p", { class: "quiet small" }, "Request ", element("code", {}, requestId)));
      this.#failed(/** @type {any} */ (problem));
    }
    for (const button of this.#buttons) button.disabled = false;
  }
}

/** @param {import("../api.js").Answer} answer @param {boolean} send @param {boolean} withSchedule */
function resultNodes({ data, text }, send, withSchedule) {
  const { request, response, timing, verdict, error, fires, warnings } = data;
  const payload = memberText(text, "payload");
  const body = request && memberText(/** @type {string} */ (memberText(text, "request")), "body");
  return [
    element("p", { class: "big" }, verdict ?? (send ? "There is no URL to send to; a fire would be recorded." : request ? "It can be sent. This is the request:" : "It is right. There is no URL to send to.")),
    error && element("p", { class: "wrong" }, error),
    withSchedule && (warnings ?? []).map((/** @type {string} */ warning) => element("p", { class: "warning" }, warning)),
    timing && timingBar(timing, timing.total_ms),
    request && requestNodes(request, body === "null" ? null : body),
    !request && payload !== null && payload !== "null" && [element("h3", {}, "Payload"), element("pre", { class: "sunken" }, jsonNodes(payload))],
    response && responseNodes(response),
    withSchedule && fires?.length > 0 && [element("h3", {}, "It would fire"), fireTable(fires)],
  ];
}
