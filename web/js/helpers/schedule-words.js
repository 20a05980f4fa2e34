/**
 * A schedule in a few words, for as long as the server has not said its sentence. It states what is written and works
 * nothing out: when something fires is for the server alone to say.
 */

import { formatSeconds } from "./time.js";

/** @param {import("../types.js").Trigger} trigger @returns {string} */
export function scheduleWords({ type, schedule }) {
  if (type === "api" || !schedule) return "By a call";
  if (schedule.kind === "interval") return `Every ${formatSeconds(schedule.every_s)}`;
  return schedule.kind === "cron" ? schedule.expression : "Once";
}
