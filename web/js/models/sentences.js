/** The server's sentence for each schedule, asked for once, a few at a time. */

import { request } from "../api.js";

const AT_ONCE = 4;

/** @type {Map<string, Promise<string | null>>} */
const known = new Map();
/** @type {(() => void)[]} */
const queue = [];
let running = 0;

/**
 * @param {import("../types.js").Schedule} schedule
 * @returns {Promise<string | null>} null when the server cannot say
 */
export function sentenceOf(schedule) {
  const key = JSON.stringify(schedule);
  if (!known.has(key)) {
    known.set(key, turn().then(() => ask(key)).catch(() => { known.delete(key); return null; }).finally(done));
  }
  return /** @type {Promise<string | null>} */ (known.get(key));
}

/** @param {string} schedule JSON text */
async function ask(schedule) {
  const answer = await request("POST", "/schedules/preview", { body: `{"schedule": ${schedule}, "count": 1}` });
  return answer.data.sentence;
}

/** @returns {Promise<void>} kept when it is this caller's turn */
function turn() {
  running += 1;
  return running <= AT_ONCE ? Promise.resolve() : new Promise((resolve) => { queue.push(resolve); });
}

function done() {
  running -= 1;
  queue.shift()?.();
}
