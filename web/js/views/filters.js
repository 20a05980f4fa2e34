/** A row of filters whose state is the query string and nothing else. */

import { address } from "../helpers/address.js";
import { element } from "../helpers/element.js";

const PAUSE_MS = 250;

/**
 * @typedef {{name: string, label: string, type: "search" | "text", placeholder?: string, list?: string}
 *   | {name: string, label: string, options: [value: string, text: string][]}} Filter
 *
 * @param {Filter[]} filters
 * @param {URL} url
 * @param {import("../router.js").Router} router
 * @returns {HTMLFormElement}
 */
export function filterBar(filters, url, router) {
  /** @type {number | undefined} */
  let timer;
  const apply = () => {
    clearTimeout(timer);
    const query = Object.fromEntries([...new URL(location.href).searchParams].filter(([name]) => name !== "cursor"));
    for (const [name, value] of new FormData(form)) query[name] = String(value).trim();
    const to = address(url.pathname, query);
    if (to !== location.pathname + location.search) router.go(to, { replace: true });
  };
  const typed = () => {
    clearTimeout(timer);
    timer = setTimeout(apply, PAUSE_MS);
  };
  const form = element("form", { class: "filters", role: "search", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); apply(); } },
    filters.map((filter) => element("label", {}, element("span", { class: "spoken" }, filter.label), control(filter, url.searchParams.get(filter.name) ?? "", apply, typed))));
  return form;
}

/** @param {Filter} filter @param {string} value @param {() => void} apply @param {() => void} typed */
function control(filter, value, apply, typed) {
  if ("options" in filter) {
    return element("select", { name: filter.name, onchange: apply },
      filter.options.map(([option, text]) => element("option", { value: option, selected: option === value }, text)));
  }
  const { name, type, placeholder, list } = filter;
  return element("input", { name, type, placeholder, list, value, autocomplete: "off", spellcheck: "false", oninput: typed, onchange: apply });
}
