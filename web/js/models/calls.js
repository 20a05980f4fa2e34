/** What can be done to a saved trigger or an event. Each returns the engine's answer or throws its Problem. */

import { request } from "../api.js";

/** @param {number} id */
export const fireTrigger = (id) => request("POST", `/triggers/${id}/fire`);
/** @param {number} id */
export const pauseTrigger = (id) => request("POST", `/triggers/${id}/pause`);
/** @param {number} id */
export const resumeTrigger = (id) => request("POST", `/triggers/${id}/resume`);
/** @param {number} id */
export const deleteTrigger = (id) => request("DELETE", `/triggers/${id}`);
/** @param {string | number} id */
export const readTrigger = (id) => request("GET", `/triggers/${id}`);
/** @param {string | number} id @param {number} count */
export const readUpcoming = (id, count) => request("GET", `/triggers/${id}/upcoming`, { query: { count } });
/** @param {string} body JSON text */
export const createTrigger = (body) => request("POST", "/triggers/", { body });
/** @param {number} id @param {string} body JSON text @param {string | null} etag the version that was read */
export const changeTrigger = (id, body, etag) => request("PATCH", `/triggers/${id}`, { body, headers: etag ? { "If-Match": etag } : {} });
/** @param {string} body JSON text @param {boolean} send false: render and check, send nothing */
export const testTrigger = (body, send) => request("POST", "/test/", { body, query: send ? {} : { send: false } });
/** @param {string} q */
export const findTriggers = (q) => request("GET", "/triggers/", { query: { q, limit: 10 } });
/** @param {string | number} id */
export const readEvent = (id) => request("GET", `/events/${id}`);
/** @param {number} id @param {"same" | "current"} mode */
export const replayEvent = (id, mode) => request("POST", `/events/${id}/replay`, { body: JSON.stringify({ through_trigger: mode === "current" }) });
/** @param {number} id */
export const archiveEvent = (id) => request("PUT", `/events/archive/${id}`);
