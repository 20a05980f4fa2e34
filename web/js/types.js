/**
 * The shapes that the API gives, as far as the page reads them. Types only; nothing runs here.
 *
 * @typedef {{kind: "at", at: string, timezone: string}
 *   | {kind: "interval", every_s: number, anchor: string, timezone: string}
 *   | {kind: "cron", expression: string, timezone: string}} Schedule
 *
 * @typedef {object} Trigger
 * @property {number} id
 * @property {string} name
 * @property {"scheduled" | "api"} type
 * @property {string} description
 * @property {string[]} tags
 * @property {"active" | "paused" | "completed" | "disabled"} state
 * @property {string | null} [state_reason]
 * @property {Schedule | null} schedule
 * @property {string | null} next_fire_at
 * @property {string | null} last_fired_at
 * @property {unknown} payload lossy for large numbers; read the text of the answer where bytes matter
 * @property {{url: string, method: string, headers: Record<string, string>, timeout_ms: number} | null} target
 * @property {{attempts_max: number, backoff: string, first_delay_ms: number, delay_max_ms: number}} retry
 * @property {number} version
 *
 * @typedef {object} TriggerEvent
 * @property {number} id
 * @property {number | null} trigger_id
 * @property {string} trigger_name
 * @property {string} kind
 * @property {"waiting" | "running" | "retrying" | "delivered" | "failed" | "skipped" | "recorded"} status
 * @property {string | null} reason
 * @property {string} details
 * @property {string} scheduled_for
 * @property {string} fired_at
 * @property {string | null} finished_at
 * @property {number} lateness_ms
 * @property {boolean} archived
 * @property {number} attempts_made
 * @property {string | null} next_attempt_at
 * @property {string} message_id
 * @property {number | null} [replay_of]
 * @property {Attempt[]} [attempts]
 *
 * @typedef {{method: string, url: string, headers: Headers, body?: string | null}} Request
 * @typedef {{status: number, headers: Headers, body: string, body_encoding: string, truncated: boolean}} Response
 * @typedef {Record<string, string> | [string, string][]} Headers
 * @typedef {{dns_ms: number | null, connect_ms: number | null, wait_ms: number | null, body_ms: number | null, total_ms: number}} Timing
 *
 * @typedef {object} Attempt
 * @property {number} number
 * @property {string} started_at
 * @property {string} outcome
 * @property {string | null} error
 * @property {Request} request
 * @property {Response | null} response
 * @property {Timing} timing
 *
 * @typedef {{at: string, local: string, notes: string[]}} Fire
 * @typedef {{sentence: string, fires: Fire[], warnings: string[]}} Preview
 */

export {};
