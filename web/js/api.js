/** The only caller of fetch. Adds the key, reads problems, and gives the text of an answer along with its value. */

import { address, nextCursor } from "./helpers/address.js";
import { settings } from "./models/settings.js";

/** Emits `unauthorized` when the engine asks for a key or refuses the one it was given. */
export const access = new EventTarget();

/** What went wrong, as the engine said it (RFC 9457), or that it said nothing at all (status 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{title?: string, detail?: string, errors?: {field: string, value: unknown, allowed: string}[]}} body
   * @param {string | null} requestId
   */
  constructor(status, body, requestId = null) {
    super(body.detail || body.title || `The engine answered ${status}.`);
    this.status = status;
    this.title = body.title ?? "";
    this.errors = body.errors ?? [];
    this.requestId = requestId;
  }
}

/**
 * @typedef {object} Answer
 * @property {any} data the parsed body
 * @property {string} text the body as it came: numbers beyond 2^53 survive only here
 * @property {string | null} next the cursor of the next page
 * @property {number | null} total how many rows there are on all pages, where the engine says
 * @property {string | null} etag
 *
 * @param {string} method
 * @param {string} path
 * @param {object} [options]
 * @param {Record<string, any>} [options.query]
 * @param {string} [options.body] JSON text, sent as it is
 * @param {Record<string, string>} [options.headers]
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<Answer>}
 * @throws {Problem} and an AbortError when `signal` says so
 */
export async function request(method, path, { query, body, headers = {}, signal } = {}) {
  const response = await send(method, address(path, query), {
    body, signal, headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
  });
  const text = await response.text().catch((error) => { throw unreachable(error); });
  const total = response.headers.get("X-Total-Count");
  return {
    data: text ? JSON.parse(text) : null,
    text,
    next: nextCursor(response.headers.get("Link")),
    total: total === null ? null : Number(total),
    etag: response.headers.get("ETag"),
  };
}

/**
 * The stream of events, open and unread.
 * @param {string | null} lastEventId
 * @param {AbortSignal} signal
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
export async function openStream(lastEventId, signal) {
  const headers = { Accept: "text/event-stream", ...(lastEventId === null ? {} : { "Last-Event-ID": lastEventId }) };
  const response = await send("GET", "/events/stream", { headers, signal });
  return /** @type {ReadableStream<Uint8Array>} */ (response.body);
}

/** @param {string} method @param {string} url @param {{body?: string, headers: Record<string, string>, signal?: AbortSignal}} options */
async function send(method, url, { headers, ...options }) {
  /** @type {Record<string, string>} */
  const key = settings.apiKey ? { "X-API-Key": settings.apiKey } : {};
  let response;
  try {
    // Views and resources share paths; an answer kept by the browser could be shown in the place of a view.
    response = await fetch(url, { method, cache: "no-store", headers: { ...headers, ...key }, ...options });
  } catch (error) {
    throw unreachable(error);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) access.dispatchEvent(new Event("unauthorized"));
  throw new Problem(response.status, body, response.headers.get("X-Request-Id"));
}

/** @param {any} error */
function unreachable(error) {
  return error?.name === "AbortError" ? error : new Problem(0, { detail: "The engine does not answer." });
}
