/** No view has this address. */

import { element } from "../helpers/element.js";

export class View {
  title = "Not found";
  root = element("div", { class: "page" },
    element("h1", { tabindex: -1 }, "There is nothing at this address"),
    element("p", {}, element("a", { href: "/triggers" }, "To the triggers")));

  connect() {}

  disconnect() {}
}
