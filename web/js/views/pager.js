/** Below a list: how many there are, and the way to the next and the first page. */

import { address } from "../helpers/address.js";
import { element } from "../helpers/element.js";

/**
 * @param {import("../models/rows.js").Rows<any>} model
 * @param {URL} url
 * @param {{one: string, many: string, next: string}} words
 */
export function pager({ rows, total, next }, url, words) {
  const shown = rows?.length ?? 0;
  const query = Object.fromEntries(url.searchParams);
  const counted = total === null || total === shown ? "" : ` of ${total.toLocaleString("en")}`;
  return element("nav", { class: "pager", "aria-label": "Pages" },
    element("span", { class: "quiet" }, `${shown.toLocaleString("en")}${counted} ${(total ?? shown) === 1 ? words.one : words.many}`),
    query.cursor && element("a", { href: address(url.pathname, { ...query, cursor: null }) }, "First page"),
    next && element("a", { href: address(url.pathname, { ...query, cursor: next }), rel: "next" }, words.next));
}
