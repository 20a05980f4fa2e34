/** A failure, said where it matters, with a way on. */

import { element } from "../helpers/element.js";

/**
 * @param {import("../api.js").Problem} problem
 * @param {string} what the sentence before the reason: "The triggers could not be read."
 * @param {(() => void) | null} [retry]
 */
export function problemNotice(problem, what, retry = null) {
  return element("div", { class: "notice notice-fail", role: "alert" },
    element("p", {}, element("strong", {}, what), " ", problem.message,
      problem.requestId && element("span", { class: "quiet small" }, " Request ", element("code", {}, problem.requestId))),
    retry && element("button", { type: "button", onclick: retry }, "Try again"));
}
