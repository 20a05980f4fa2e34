/** The schedule part of a draft: the form's fields to JSON text, and a saved schedule to fields. */

import { partsIn } from "../helpers/time.js";

const UNITS = [86_400, 3_600, 60, 1];

/** @typedef {import("./draft.js").Fields} Fields */

/**
 * @param {Fields} fields
 * @param {import("../types.js").Schedule | null} saved keeps its anchor as long as the interval stays
 * @returns {string} JSON text
 */
export function scheduleText({ kind, words, at, every, everyUnit, cron, timezone }, saved = null) {
  switch (kind) {
    case "at":
      return JSON.stringify(saved?.kind === "at" && localTime(saved) === at && saved.timezone === timezone ? saved : { kind, at, timezone });
    case "interval": {
      const every_s = every.trim() === "" || Number.isNaN(Number(every)) ? every : Number(every) * Number(everyUnit);
      return JSON.stringify(saved?.kind === "interval" && saved.every_s === every_s ? { ...saved, timezone } : { kind, every_s, timezone });
    }
    case "cron":
      return JSON.stringify({ kind, expression: cron.trim(), timezone });
    default:
      return JSON.stringify(words.trim());
  }
}

/** @param {import("../types.js").Schedule | null} schedule @returns {Partial<Fields>} */
export function scheduleFields(schedule) {
  switch (schedule?.kind) {
    case "at":
      return { kind: "at", at: localTime(schedule), timezone: schedule.timezone };
    case "interval": {
      const unit = UNITS.find((size) => schedule.every_s % size === 0) ?? 1;
      return { kind: "interval", every: String(schedule.every_s / unit), everyUnit: String(unit), timezone: schedule.timezone };
    }
    case "cron":
      return { kind: "cron", cron: schedule.expression, timezone: schedule.timezone };
    default:
      return {};
  }
}

/** As a datetime-local input has it: the wall clock of the schedule's zone. @param {{at: string, timezone: string}} schedule */
export function localTime({ at, timezone }) {
  const { year, day, hour, minute, second } = partsIn(at, timezone);
  const month = new Intl.DateTimeFormat("en-GB", { month: "2-digit", timeZone: timezone }).format(new Date(at));
  return `${year}-${month}-${day.padStart(2, "0")}T${hour}:${minute}:${second}`;
}
