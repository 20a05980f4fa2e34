/** Builds the page: one stream, one router, one shell. */

import { access } from "./api.js";
import { address } from "./helpers/address.js";
import { EventStream } from "./models/stream.js";
import { settings } from "./models/settings.js";
import { Router } from "./router.js";
import { Keyboard } from "./views/keyboard.js";
import { Shell } from "./views/shell.js";

const stream = new EventStream();
const shell = new Shell(stream);
const router = new Router({ stream, shell }, (view, area, quietly) => shell.show(view, area, quietly));

access.addEventListener("unauthorized", () => {
  const here = location.pathname + location.search;
  if (location.pathname !== "/settings") router.go(address("/settings", { from: here }), { replace: true });
});

settings.addEventListener("change", (/** @type {any} */ { detail: name }) => {
  if (name === "theme" && settings.theme === "auto") delete document.documentElement.dataset.theme;
  else if (name === "theme") document.documentElement.dataset.theme = settings.theme;
  if (name === "zone") router.refresh();
});

document.body.append(shell.root);
shell.connect();
new Keyboard(router).connect();
router.connect();
stream.connect();
