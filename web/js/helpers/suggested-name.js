/** A name for a trigger whose maker has not thought of one yet. */

/**
 * @param {{url: string, type: string, kind: string, words: string}} fields
 * @returns {string} from the address that is called, such as `example.org-hook`
 */
export function suggestedName({ url, type }) {
  let parts = [type === "api" ? "on-call" : "record"];
  try {
    const { host, pathname } = new URL(url);
    parts = [host, ...pathname.split("/")];
  } catch {
    // Still being typed.
  }
  const name = parts.filter(Boolean).join("-").replaceAll(/[^\w.-]+/gu, "-").slice(0, 40);
  return `${name}-${Date.now().toString(36).slice(-4)}`;
}
