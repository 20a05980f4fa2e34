/** Every address of the page on one screen. A view's module is loaded when it is first asked for. */

/** @typedef {{pattern: RegExp, area: string, load: () => Promise<{View: any}>}} Route */

/** @type {Route[]} */
export const ROUTES = [
  { pattern: /^\/(?:triggers\/?)?$/u, area: "triggers", load: () => load("triggers-view") },
  { pattern: /^\/triggers\/(?<id>new)\/?$/u, area: "triggers", load: () => load("trigger-form-view") },
  { pattern: /^\/triggers\/(?<id>\d+)\/edit\/?$/u, area: "triggers", load: () => load("trigger-form-view") },
  { pattern: /^\/triggers\/(?<id>\d+)\/?$/u, area: "triggers", load: () => load("trigger-view") },
  { pattern: /^\/events\/?$/u, area: "events", load: () => load("events-view") },
  { pattern: /^\/events\/(?<id>\d+)\/?$/u, area: "events", load: () => load("event-view") },
  { pattern: /^\/settings\/?$/u, area: "settings", load: () => load("settings-view") },
  { pattern: /^/u, area: "", load: () => load("missing-view") },
];

/** @param {string} path @returns {{route: Route, id: string}} */
export function routeOf(path) {
  const route = /** @type {Route} */ (ROUTES.find(({ pattern }) => pattern.test(path)));
  return { route, id: path.match(route.pattern)?.groups?.id ?? "" };
}

/** @param {string} name */
function load(name) {
  return import(`./views/${name}.js`);
}
