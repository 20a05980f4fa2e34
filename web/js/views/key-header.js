/** The key in a curl line, as a variable: what is shown may be photographed. */

import { settings } from "../models/settings.js";

/** @returns {string} nothing where no key is needed */
export function keyHeader() {
  return settings.apiKey ? '-H "X-API-Key: $X_API_KEY" ' : "";
}
