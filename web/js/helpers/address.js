/** Addresses of views: paths with the filters in the query string, so that a link is a view. */

/**
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} [query] empty values are left out
 */
export function address(path, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

/** @param {string | null} given @returns {string} a path on this page, whatever was given */
export function ownPath(given) {
  return given && /^\/(?![/\\])/u.test(given) ? given : "/triggers";
}

/** The cursor of the next page from a Link header (RFC 8288). @param {string | null} header */
export function nextCursor(header) {
  const link = (header ?? "").split(/,(?=\s*<)/u).find((part) => /;\s*rel="?next"?/u.test(part));
  const target = link?.match(/<([^>]*)>/u)?.[1];
  return target ? new URL(target, "http://localhost").searchParams.get("cursor") : null;
}
