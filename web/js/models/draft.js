/**
 * A trigger as the form holds it: texts, and from them the JSON text that is sent. The payload goes into that text as
 * it was typed, never through a parser, so that large numbers, 1.0 and the order of keys arrive.
 */

import { memberText } from "../helpers/json-tokens.js";
import { BROWSER_ZONE } from "../helpers/time.js";
import { localTime, scheduleFields, scheduleText } from "./draft-schedule.js";

const AT_AFTER_MS = 600_000;
const BLANK = {
  type: "scheduled", name: "", description: "", tags: "", kind: "words", words: "in 10s", at: "", every: "5", everyUnit: "60",
  cron: "*/5 * * * *", timezone: BROWSER_ZONE, url: "", method: "POST", headers: "", timeout: "15", payload: "",
  attempts: "8", firstDelay: "5", delayMax: "36000",
};

/** @typedef {typeof BLANK} Fields */

/** @param {Partial<Fields>} [given] @returns {Fields} a new trigger, its times in this browser's zone */
export function blankFields(given = {}) {
  const at = new Date(Date.now() + AT_AFTER_MS).toISOString();
  return { ...BLANK, at: localTime({ at, timezone: BROWSER_ZONE }), ...given };
}

/**
 * @param {import("../types.js").Trigger} trigger
 * @param {string} text the answer that it came in, for the payload as it was given
 * @returns {Fields}
 */
export function fieldsOf(trigger, text) {
  const { target, retry } = trigger;
  const payload = memberText(text, "payload");
  return {
    ...BLANK, ...scheduleFields(trigger.schedule), type: trigger.type, name: trigger.name,
    description: trigger.description, tags: trigger.tags.join(", "), payload: payload === null || payload === "null" ? "" : payload,
    url: target?.url ?? "", method: target?.method ?? "POST", timeout: String((target?.timeout_ms ?? 15_000) / 1_000),
    headers: Object.entries(target?.headers ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n"),
    attempts: String(retry.attempts_max), firstDelay: String(retry.first_delay_ms / 1_000), delayMax: String(retry.delay_max_ms / 1_000),
  };
}

/**
 * What is wrong already, without asking: only what would make the text that is sent mean something else.
 * @param {Fields} fields
 * @returns {{field: string, value: unknown, allowed: string}[]}
 */
export function draftErrors(fields) {
  const errors = [];
  try {
    if (fields.payload.trim()) JSON.parse(fields.payload);
  } catch (error) {
    errors.push({ field: "payload", value: undefined, allowed: `JSON; ${/** @type {Error} */ (error).message}` });
  }
  const line = headerLines(fields).find((text) => !text.includes(":"));
  if (line) errors.push({ field: "target.headers", value: line, allowed: "one header a line, as Name: value" });
  return errors;
}

/**
 * @param {Fields} fields
 * @param {import("../types.js").Trigger | null} [saved] what it was, for the parts that the form does not show
 * @returns {Map<string, string>} each member's JSON text
 */
export function draftMembers(fields, saved = null) {
  const members = new Map([["name", JSON.stringify(fields.name.trim())], ["type", JSON.stringify(fields.type)]]);
  members.set("description", JSON.stringify(fields.description));
  members.set("tags", JSON.stringify(fields.tags.split(",").map((tag) => tag.trim()).filter(Boolean)));
  members.set("schedule", fields.type === "api" ? "null" : scheduleText(fields, saved?.schedule ?? null));
  if (fields.type !== "api") members.set("timezone", JSON.stringify(fields.timezone));
  members.set("payload", fields.payload.trim() || "null");
  members.set("target", fields.url.trim() ? targetText(fields, saved) : "null");
  members.set("retry", JSON.stringify({
    ...saved?.retry, attempts_max: number(fields.attempts),
    first_delay_ms: milliseconds(fields.firstDelay), delay_max_ms: milliseconds(fields.delayMax),
  }));
  return members;
}

/** @param {Map<string, string>} members @returns {string} */
export function objectText(members) {
  return `{${[...members].map(([name, text]) => `${JSON.stringify(name)}: ${text}`).join(", ")}}`;
}

/** @param {Fields} fields @param {import("../types.js").Trigger | null} saved */
function targetText(fields, saved) {
  const headers = Object.fromEntries(headerLines(fields).map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  }));
  const { url, method, timeout } = fields;
  return JSON.stringify({ ...saved?.target, url: url.trim(), method, headers, timeout_ms: milliseconds(timeout) });
}

/** @param {Fields} fields */
function headerLines({ headers }) {
  return headers.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** A number if it is one; else the text, for the server to name as wrong. @param {string} text */
export function number(text) {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

/** @param {string} text seconds */
function milliseconds(text) {
  const seconds = number(text);
  return typeof seconds === "number" ? Math.round(seconds * 1_000) : seconds;
}
