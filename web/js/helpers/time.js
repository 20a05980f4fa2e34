/** Instants and durations in words. Pure: the zone and, where it matters, the present are given. */

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();
/** @type {[name: string, seconds: number][]} */
const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
/** @type {Intl.DateTimeFormatOptions} */
const PARTS = { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

/** The browser's own zone, as an IANA name. */
export const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Every zone the browser knows, UTC first. */
export function zones() {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
}

/** @param {string | number} instant RFC 3339 or epoch ms @param {string} zone @returns {Record<string, string>} */
export function partsIn(instant, zone) {
  if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("en-GB", { ...PARTS, timeZone: zone }));
  const parts = /** @type {Intl.DateTimeFormat} */ (formats.get(zone)).formatToParts(new Date(instant));
  return Object.fromEntries(parts.map((part) => [part.type, part.value]));
}

/** "Mon 23 Nov 02:30:00", with the year where it is not this one. @param {string | number} instant @param {string} zone */
export function formatInstant(instant, zone, now = Date.now()) {
  const { weekday, day, month, year, hour, minute, second } = partsIn(instant, zone);
  const thisYear = partsIn(now, zone).year === year;
  return `${weekday} ${day} ${month}${thisYear ? "" : ` ${year}`} ${hour}:${minute}:${second}`;
}

/** "02:30:00" @param {string | number} instant @param {string} zone */
export function formatClock(instant, zone) {
  const { hour, minute, second } = partsIn(instant, zone);
  return `${hour}:${minute}:${second}`;
}

/** "in 8 s", "5 min ago", "in 3 h 20 min". @param {string | number} instant */
export function formatRelative(instant, now = Date.now()) {
  const seconds = Math.round((new Date(instant).getTime() - now) / 1000);
  if (seconds === 0) return "now";
  const words = formatSeconds(Math.abs(seconds));
  return seconds > 0 ? `in ${words}` : `${words} ago`;
}

/** @param {number} seconds not negative @returns {string} the two largest units, days alone from 10 on */
export function formatSeconds(seconds) {
  const first = UNITS.findIndex(([, size]) => size === 1 || seconds >= size);
  const [unit, size] = UNITS[first];
  const count = Math.floor(seconds / size);
  const [unit2, size2] = UNITS[first + 1] ?? ["", Infinity];
  const rest = Math.floor((seconds % size) / size2);
  const brief = rest === 0 || (unit === "d" && count >= 10) || (unit === "min" && count >= 10);
  if (unit === "s") return `${Number(seconds.toFixed(3))} s`;
  return brief ? `${count} ${unit}` : `${count} ${unit} ${rest} ${unit2}`;
}

/** "0.4 ms", "12 ms", "1.25 s", "2 min". @param {number | null | undefined} milliseconds */
export function formatMilliseconds(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds < 10) return `${Number(milliseconds.toFixed(1))} ms`;
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${Number((milliseconds / 1_000).toFixed(2))} s`;
  return formatSeconds(Math.round(milliseconds / 1_000));
}
