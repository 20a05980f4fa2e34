/** A labelled control with a place for its hint and for what is wrong with it. */

import { element, replace } from "../helpers/element.js";

/**
 * @param {string} field the name that the engine's errors use, such as `target.url`; several with a space between them
 * @param {string} label
 * @param {HTMLElement | HTMLElement[]} control the first one is labelled
 * @param {import("../helpers/element.js").Child} [hint]
 */
export function labelled(field, label, control, hint = null) {
  const controls = [control].flat();
  const id = `field-${field.split(" ")[0].replaceAll(".", "-")}`;
  controls[0].id = id;
  controls[0].setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  return element("div", { class: "field", "data-field": field },
    element("label", { for: id }, label),
    controls.length > 1 ? element("div", { class: "together" }, controls) : controls,
    element("div", { class: "hint", id: `${id}-hint` }, hint),
    element("div", { class: "wrong", id: `${id}-error`, "aria-live": "polite" }));
}

/**
 * Says each error at the field it names, or at the nearest one around it; fields without one are cleared.
 * @param {Element} form the whole form, or the part of it that the errors are about
 * @param {{field: string, value: unknown, allowed: string}[]} errors
 * @returns {{field: string, value: unknown, allowed: string}[]} those that belong to no field of the form
 */
export function showErrors(form, errors) {
  for (const field of form.querySelectorAll("[data-field]")) mark(field, []);
  const placed = new Map();
  const left = [];
  for (const error of errors) {
    const place = nearest(form, error.field);
    if (place) placed.set(place, [...(placed.get(place) ?? []), error]);
    else left.push(error);
  }
  for (const [place, wrong] of placed) mark(place, wrong);
  return left;
}

/** @param {Element} form @param {string} path @returns {Element | null} */
function nearest(form, path) {
  const fields = [...form.querySelectorAll("[data-field]")].filter((one) => !one.closest("[hidden]"));
  const names = (/** @type {any} */ field) => /** @type {string[]} */ (field.dataset.field.split(" "));
  for (let name = path; name; name = name.slice(0, Math.max(0, name.lastIndexOf(".")))) {
    const found = fields.find((one) => names(one).includes(name)) ?? fields.find((one) => names(one).some((own) => own.startsWith(`${name}.`)));
    if (found) return found;
  }
  return null;
}

/** @param {Element} field @param {{value: unknown, allowed: string}[]} errors none: it is right */
export function mark(field, errors) {
  const control = /** @type {Element} */ (field.querySelector("input, select, textarea"));
  control.setAttribute("aria-invalid", String(errors.length > 0));
  replace(/** @type {Element} */ (field.querySelector(".wrong")), errors.map(({ value, allowed }) => element("p", {}, said(value), allowed)));
}

/** @param {unknown} value */
function said(value) {
  if (value === undefined || value === null || value === "") return "";
  return [element("code", {}, typeof value === "string" ? value : JSON.stringify(value)), " – "];
}
